"""Parsers of request bodies: invalid JSON is a 400, never a 500."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"


class StrictJSONParser(JSONParser):
    """JSON of a bounded size and depth, without NaN, infinities and lone surrogates."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        length = (parser_context or {}).get("request")
        size = int(length.META.get("CONTENT_LENGTH") or 0) if length is not None else 0
        if size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge(
                f"The body has {size:,} bytes; at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} "
                "are taken as JSON. Send large data as a file (multipart)."
            )
        try:
            found: Any = super().parse(stream, media_type, dict(parser_context or {}))
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        if _has_half_pair(found):
            raise ParseError("The JSON holds half of a surrogate pair in a text.")
        return found


FILE_PARSERS = (MultiPartParser, FormParser, StrictJSONParser)
"""For endpoints that take files."""


def _has_half_pair(value: Any) -> bool:
    if isinstance(value, str):
        return not value.isascii() and any(0xD800 <= ord(one) < 0xE000 for one in value)
    if isinstance(value, dict):
        return any(_has_half_pair(key) or _has_half_pair(one) for key, one in value.items())
    if isinstance(value, list):
        return any(_has_half_pair(one) for one in value)
    return False
