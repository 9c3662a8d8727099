"""Parsers of request bodies: invalid JSON is a 400, never a 500."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser

from plumbmark.strict_json import JsonError, JsonReader

_READER = JsonReader(characters="refuse")


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
            return _READER.read(stream.read())
        except JsonError as error:
            raise ParseError(f"The body is not JSON: {error.describe()}.") from None


FILE_PARSERS = (MultiPartParser, FormParser, StrictJSONParser)
"""For endpoints that take files."""
