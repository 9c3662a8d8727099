"""Descriptions of a table's columns: what kind of values they hold, and what is odd about them."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from plumbmark.scoring.templates import text_of
from tasks_app.datasets.row_problems import AnswerMarks
from tasks_app.tables.wording import count_words

MAX_COLUMNS = 200
"""Columns that are described; a table may have more."""
_MAX_VALUES = 40
"""Different values that are counted one by one."""
_MAX_VALUE = 200
_MAX_EXAMPLES = 3
_MAX_EXAMPLE = 300
_MAX_PLACES = 3
_LONG = 20_000
_NUMBER = "0123456789+-.,eE%$€£ "


@dataclass(slots=True)
class ColumnProfile:
    """The values of the rows in one column, counted."""

    name: str
    kinds: Counter[str] = field(default_factory=Counter)
    """How many values are of each kind: `text`, `number`, `yes or no`, `list`, `object`, `image`,
    `audio`."""
    blank: int = 0
    blank_places: list[int] = field(default_factory=list)
    longest: int = 0
    long: int = 0
    """Values of more than 20,000 characters."""
    spaced: int = 0
    """Texts that begin or end with white space."""
    letters: int = 0
    """Characters of all values together."""
    examples: list[str] = field(default_factory=list)
    values: Counter[str] = field(default_factory=Counter)
    """The most frequent values, while there are few different ones."""
    seen: set[int] = field(default_factory=set)
    repeated: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    """Of lists: how many have each length."""
    marks: AnswerMarks = field(default_factory=AnswerMarks)

    @property
    def filled(self) -> int:
        return sum(self.kinds.values())

    @property
    def distinct(self) -> int:
        return len(self.seen)

    @property
    def kind(self) -> str:
        """Return the kind of nearly all values, `mixed`, or `empty`."""
        if not self.kinds:
            return "empty"
        kind, count = self.kinds.most_common(1)[0]
        return kind if count >= 0.98 * self.filled else "mixed"

    @property
    def mean_length(self) -> float:
        return self.letters / self.filled if self.filled else 0.0

    @property
    def is_unique(self) -> bool:
        return self.filled > 0 and self.repeated == 0 and self.blank == 0

    def add(self, place: int, value: Any) -> None:
        kind = _kind_of(value)
        if not kind:
            self.blank += 1
            if len(self.blank_places) < _MAX_PLACES:
                self.blank_places.append(place)
            return
        self.kinds[kind] += 1
        text = value if isinstance(value, str) else text_of(value)
        self.letters += len(text)
        self.longest = max(self.longest, len(text))
        self.long += len(text) > _LONG
        self.spaced += text != text.strip()
        known = hash(text)
        if known in self.seen:
            self.repeated += 1
        else:
            self.seen.add(known)
            if len(self.examples) < _MAX_EXAMPLES and kind not in {"image", "audio"}:
                self.examples.append(text[:_MAX_EXAMPLE])
        if len(text) <= _MAX_VALUE and (text in self.values or len(self.values) < _MAX_VALUES):
            self.values[text] += 1
        if kind == "list":
            self.lengths[len(value)] += 1
        if kind == "text":
            self.marks.add(text)


@dataclass(slots=True)
class Profile:
    """A description of a table."""

    rows: int
    columns: list[ColumnProfile]
    repeated_rows: int
    """Rows that are equal to one before them."""
    repeated_places: list[int]
    first: list[Mapping[str, Any]]
    """The first rows, as they are."""
    left_out: int
    """Columns beyond those that are described."""


def profile_rows(rows: Iterable[tuple[int, Mapping[str, Any]]], *, first: int = 20) -> Profile:
    """Return the description of rows with their places. Memory grows with the number of different
    values, by 60 bytes each.
    """
    columns: dict[str, ColumnProfile] = {}
    profile = Profile(0, [], 0, [], [], 0)
    left_out: set[str] = set()
    known: set[int] = set()
    for place, values in rows:
        profile.rows += 1
        if len(profile.first) < first:
            profile.first.append(values)
        whole = hash(json.dumps(values, sort_keys=True, ensure_ascii=False, default=str))
        if whole in known:
            profile.repeated_rows += 1
            if len(profile.repeated_places) < _MAX_PLACES:
                profile.repeated_places.append(place)
        known.add(whole)
        for name, value in values.items():
            column = columns.get(name)
            if column is None:
                if len(columns) >= MAX_COLUMNS:
                    left_out.add(name)
                    continue
                column = columns[name] = ColumnProfile(name)
                # The rows before have nothing in a column that only begins here.
                column.blank = profile.rows - 1
            column.add(place, value)
    for column in columns.values():
        column.blank = profile.rows - column.filled
    profile.columns = list(columns.values())
    profile.left_out = len(left_out)
    return profile


def _kind_of(value: Any) -> str:
    """Return the kind of a value; empty for a blank one."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return "list"
    if isinstance(value, dict):
        return "object"
    text = value.strip()
    if not text:
        return ""
    if text.startswith("data:"):
        head = text[:40]
        return (
            "image" if head.startswith("data:image/") else "audio" if "audio/" in head else "text"
        )
    return "number" if _is_number(text) else "text"


def _is_number(text: str) -> bool:
    if len(text) > 30 or any(letter not in _NUMBER for letter in text):
        return False
    plain = text.strip("$€£% ").replace(",", "")
    try:
        float(plain)
    except ValueError:
        return False
    # A number with leading zeros is a code: 007 is not 7.
    digits = plain.lstrip("+-")
    return not (len(digits) > 1 and digits[0] == "0" and digits[1].isdecimal())


def oddities_of(profile: Profile) -> list[str]:
    """Return what an author should look at in a table, as sentences without a full stop."""
    found = []
    if profile.repeated_rows:
        places = _places(profile.repeated_places, profile.repeated_rows)
        rows = count_words(profile.repeated_rows, "row is", "rows are")
        found.append(f"{rows} equal to an earlier one (rows {places})")
    for column in profile.columns:
        name = repr(column.name)
        if column.kind == "empty":
            found.append(f"column {name} is empty")
            continue
        if column.blank:
            places = _places(column.blank_places, column.blank)
            where = f" (rows {places})" if places else ""
            rows = count_words(column.blank, "row", "rows")
            found.append(f"column {name} is blank in {rows}{where}")
        if column.kind == "mixed":
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in column.kinds.most_common(3))
            found.append(f"column {name} mixes kinds: {kinds}")
        if column.long:
            found.append(
                f"column {name} has {count_words(column.long, 'value', 'values')} of more than "
                f"{_LONG:,} characters; the longest has {column.longest:,}"
            )
    return found


def _places(places: list[int], count: int) -> str:
    more = ", …" if places and count > len(places) else ""
    return ", ".join(f"{one:,}" for one in places) + more
