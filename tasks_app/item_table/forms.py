"""The form of a row: a field for each column, as text or as JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from plumbmark.strict_json import JsonError, wire

_MAX_TEXT = 1_000_000
_SHORT = 80


class RowForm(forms.Form):
    """Values that are texts are written as they are; all others as JSON.

    `kinds` are values by which to tell: those of the row, or of the first one for a new row.
    """

    digest = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, columns: Sequence[str], kinds: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._columns = columns
        self._json = {
            name for name in columns if kinds.get(name) is not None and not _is_text(kinds[name])
        }
        self._nulls = {name for name in columns if name in kinds and kinds[name] is None}
        self._missing = {name for name in columns if name not in kinds}
        for number, name in enumerate(columns):
            field = forms.CharField(
                label=name,
                required=False,
                strip=False,
                max_length=_MAX_TEXT,
                widget=forms.Textarea(attrs={"rows": _rows(kinds.get(name))}),
                help_text=_("JSON: a number, a list, true, false or null.")
                if name in self._json
                else "",
            )
            self.fields[f"column-{number}"] = field

    @staticmethod
    def initial_of(columns: Sequence[str], values: Mapping[str, Any]) -> dict[str, str]:
        """Return the texts in which a row's values are shown."""
        return {
            f"column-{number}": shown_value(values[name])
            for number, name in enumerate(columns)
            if name in values
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.values: dict[str, Any] = {}
        for number, name in enumerate(self._columns):
            text = cleaned.get(f"column-{number}")
            if text is None:
                continue
            # Browsers send line ends as CRLF.
            text = text.replace("\r\n", "\n")
            if name in self._json:
                try:
                    self.values[name] = wire.read(text.encode("utf-8", "surrogatepass"))
                except JsonError as error:
                    message = _("This is not JSON: %(problem)s.") % {"problem": error.describe()}
                    self.add_error(f"column-{number}", message)
            elif not text and name in self._nulls:
                self.values[name] = None
            elif text or name not in self._missing:
                self.values[name] = text
        return cleaned


def shown_value(value: Any) -> str:
    """Return a value as the table and its forms show it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _rows(value: Any) -> int:
    text = shown_value(value)
    return 1 if len(text) < _SHORT and "\n" not in text else 4
