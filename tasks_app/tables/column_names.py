"""Names for the columns of a table whose own may be empty, doubled or hold strange characters."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.scoring.templates import text_of
from tasks_app.definitions.characters import INVISIBLE, MAX_NAME
from tasks_app.tables.wording import count_words

_MAX_PLACES = 3


class ColumnNames:
    """Names the fields of rows by the head, and mends what a head may have wrong."""

    def __init__(self, notes: list[str]) -> None:
        """Begin without names; what is mended is added to `notes`."""
        self._notes = notes
        self._names: list[str] = []
        self._unnamed: set[str] = set()
        """Columns without a name of their own: rows have them only where they have a value."""
        self._short: list[int] = []
        self._short_count = 0

    @property
    def width(self) -> int:
        return len(self._names)

    def set_head(self, fields: Sequence[Any]) -> None:
        """Take the first row as the columns' names."""
        while fields and not str(fields[-1] if fields[-1] is not None else "").strip():
            fields = fields[:-1]
        renamed = []
        for number, value in enumerate(fields, 1):
            wanted = _clean(value)
            name = self._unique(wanted or f"column {number}")
            if not wanted:
                self._unnamed.add(name)
            if name != str(value) and wanted:
                renamed.append(name)
            self._names.append(name)
        if renamed:
            shown = ", ".join(map(repr, renamed[:5]))
            self._notes.append(f"some columns were renamed, because names must be plain: {shown}")

    def name(self, place: int, fields: Sequence[Any]) -> dict[str, Any]:
        """Return a row as a mapping. Fields beyond the head are refused where they have values."""
        if not self._names:
            self._names = [f"column {number}" for number in range(1, len(fields) + 1)]
        values = list(fields)
        width = len(self._names)
        if len(values) > width:
            if any(value not in (None, "") for value in values[width:]):
                raise InvalidInput(
                    [
                        Problem(
                            f"has {len(values):,} fields where the head has {width:,}; quote "
                            "fields that hold the separator or a line break, or choose another "
                            "separator",
                            line=place,
                        )
                    ]
                )
            del values[width:]
        elif len(values) < width:
            self._short_count += 1
            if len(self._short) < _MAX_PLACES:
                self._short.append(place)
            values += [""] * (width - len(values))
        row = dict(zip(self._names, ("" if one is None else one for one in values), strict=True))
        for name in self._unnamed:
            if row[name] == "":
                del row[name]
        return row

    def finish(self) -> None:
        """Note what was seen in the rows."""
        if self._short_count:
            places = ", ".join(f"{one:,}" for one in self._short)
            more = ", …" if self._short_count > len(self._short) else ""
            self._notes.append(
                f"{count_words(self._short_count, 'row has', 'rows have')} fewer fields than the "
                f"head; the rest counts as empty (rows {places}{more})"
            )

    def _unique(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._names:
            name = f"{wanted[: MAX_NAME - 8]} {number}"
            number += 1
        return name


def _clean(value: Any) -> str:
    text = INVISIBLE.sub("", "" if value is None else text_of(value))
    text = "".join(" " if unicodedata.category(one) in {"Cc", "Zs"} else one for one in text)
    # Braces are what templates name columns with.
    text = text.translate({ord("{"): "(", ord("}"): ")"})
    return unicodedata.normalize("NFC", " ".join(text.split()))[:MAX_NAME].strip()
