"""Bases of serializers."""

import heapq
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

MAX_ELEMENTS = 1000
"""Of a list in a body, where its field says no other number."""
_MAX_UNKNOWN = 20
_MAX_TEXT_FILE = 1024 * 1024


class WriteShape(serializers.Serializer[Any]):
    """A request body; unknown fields and endless lists are refused."""

    example: ClassVar[Mapping[str, Any]] = {}
    """A body as somebody may send it, for the description of the API. A text that begins with `@`
    is the name of a file.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = set(data) - set(self.fields)
            if unknown:
                known = ", ".join(self.fields)
                shown = heapq.nsmallest(_MAX_UNKNOWN, unknown)
                raise serializers.ValidationError(
                    {str(name)[:80]: [f"is not known; there are {known}"] for name in shown}
                )
            self._check_lists(data)
        return super().to_internal_value(data)

    def _check_lists(self, data: dict[str, Any]) -> None:
        """Refuse a list that no one means before each of its elements is looked at."""
        for name, value in data.items():
            field = self.fields[name]
            if not isinstance(value, list) or not isinstance(field, serializers.ListField):
                continue
            most = field.max_length or MAX_ELEMENTS
            if len(value) > most:
                raise serializers.ValidationError(
                    {name: [f"has {len(value):,} elements; at most {most:,} are taken"]}
                )


def read_body(
    request: Request,
    shape: type[serializers.Serializer[Any]],
    *,
    form: type[serializers.Serializer[Any]] | None = None,
) -> dict[str, Any]:
    """Return the validated fields of a body; `ValidationError` names those that are refused.

    `form` is the shape of a multipart body, where the endpoint takes files.
    """
    if form is not None:
        if isinstance(request.data, QueryDict):
            shape = form
        else:
            _refuse_files_in_json(request.data, form)
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _refuse_files_in_json(data: Any, form: type[serializers.Serializer[Any]]) -> None:
    if not isinstance(data, dict):
        return
    files = {name for name, field in form().fields.items() if _is_file(field)}
    if sent := files & set(data):
        raise serializers.ValidationError(
            {name: [_("is a file: send the body as multipart/form-data")] for name in sorted(sent)}
        )


def _is_file(field: Any) -> bool:
    return isinstance(getattr(field, "child", field), serializers.FileField)


class TextOrFile(serializers.CharField):
    """Text, or a file of text: what `curl -F name=@file` sends. Only for multipart bodies."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, UploadedFile):
            return super().to_internal_value(data)
        if (data.size or 0) > _MAX_TEXT_FILE:
            raise serializers.ValidationError(
                _("The file has %(size)s bytes; at most %(most)s are taken as text.")
                % {"size": f"{data.size:,}", "most": f"{_MAX_TEXT_FILE:,}"}
            )
        try:
            text = data.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise serializers.ValidationError(
                _("The file is not UTF-8 from byte %(at)d on; save it as UTF-8.")
                % {"at": error.start + 1}
            ) from error
        return super().to_internal_value(text)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # The base class looks at the text before it is read; an empty file is an empty text.
        if isinstance(data, UploadedFile):
            data = self.to_internal_value(data)
        return super().run_validation(data)
