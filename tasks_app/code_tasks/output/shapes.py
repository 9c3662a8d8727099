"""Taking values out of JSON whose shape cannot be relied on.

A value of the wrong type is told, with its place, and then treated as if it were absent.
"""

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from plumbmark.scoring.metrics import find_score_problem
from plumbmark.strict_json import JsonReader
from plumbmark.strict_json.numbers import FINITE
from plumbmark.strict_json.texts import MAX_STORED_DEPTH
from tasks_app.code_tasks.findings import Finding, error, note, warning

MAX_NOTED = 50
"""Findings that are kept of one file."""

_WHOLE = re.compile(r"-?\d{1,18}\Z")
_NONE = object()
_MAX_WHOLE = 2**63 - 1
_T = TypeVar("_T")


@dataclass(slots=True)
class Report:
    """Collects what is noticed in one file."""

    file: str = ""
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        if len(self.findings) < MAX_NOTED:
            self.findings.append(finding.in_file(self.file))
        elif len(self.findings) == MAX_NOTED:
            self.findings.append(
                note(
                    "too-many-findings",
                    "Further findings in this file are not listed.",
                    file=self.file,
                )
            )


FILE_READER = JsonReader(
    # What is made of a document may stand in a few levels more.
    max_depth=MAX_STORED_DEPTH - 10,
    numbers=FINITE,
    duplicate_keys="list",
    characters="replace",
)
"""Reads the files that an untrusted program wrote: what can be stored of them is."""


class Shape:
    """An object of a document. Keys are looked up in camelCase and in snake_case."""

    __slots__ = ("path", "report", "value")

    def __init__(self, value: dict[str, Any], path: str, report: Report) -> None:
        self.value = value
        self.path = path
        self.report = report

    def has(self, key: str) -> bool:
        return self._get(key) is not None

    def at(self, key: str) -> str:
        return f"{self.path}.{key}"

    def text(self, key: str, default: str = "") -> str:
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            return self._wrong(key, "a text", value, default)
        return value

    def whole(self, key: str) -> int | None:
        """Return a whole number; 64-bit ones are written as texts."""
        value = self._get(key)
        if value is None:
            return None
        if isinstance(value, str) and _WHOLE.match(value):
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            return self._wrong(key, "a whole number", value, None)
        if abs(value) > _MAX_WHOLE:
            return self._wrong(key, "a whole number of at most 64 bits", value, None)
        return int(value)

    def number(self, key: str) -> float | None:
        """Return a number that can be a score. NaN and infinities, also as texts, are reported."""
        value = self._get(key)
        if value is None:
            return None
        if isinstance(value, str) and value in {"NaN", "Infinity", "-Infinity"}:
            value = math.nan
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self._wrong(key, "a number", value, None)
        if problem := find_score_problem(value):
            self.report.add(
                error(
                    "not-a-number",
                    f"The value {problem}.",
                    "Return a finite number, also where nothing could be counted.",
                    path=self.at(key),
                )
            )
            return None
        return float(value)

    def flag(self, key: str) -> bool | None:
        value = self._get(key)
        if value is None or isinstance(value, bool):
            return value
        return self._wrong(key, "true or false", value, None)

    def moment(self, key: str) -> datetime | None:
        value = self.text(key)
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return self._wrong(key, "a time such as 2026-11-20T22:58:52Z", value, None)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def object(self, key: str) -> "Shape | None":
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            return self._wrong(key, "an object", value, None)
        return Shape(value, self.at(key), self.report)

    def objects(self, key: str) -> "Iterator[Shape]":
        for position, value in enumerate(self._list(key)):
            path = f"{self.at(key)}[{position}]"
            if isinstance(value, dict):
                yield Shape(value, path, self.report)
            else:
                self.report.add(_wrong_type("an object", value, path))

    def texts(self, key: str) -> Iterator[str]:
        for position, value in enumerate(self._list(key)):
            if isinstance(value, str):
                yield value
            else:
                self.report.add(_wrong_type("a text", value, f"{self.at(key)}[{position}]"))

    def word(self, key: str, known: Collection[str], *, prefix: str = "") -> str:
        """Return one of `known` in lower case, written in the file in capitals after `prefix`."""
        value = self.text(key)
        word = value.removeprefix(prefix).lower()
        if not value or word in known:
            return word
        if word != "unspecified":
            self.report.add(
                warning(
                    "unknown-value",
                    f"{value[:60]!r} is none of {', '.join(sorted(known))}.",
                    path=self.at(key),
                )
            )
        return ""

    def _list(self, key: str) -> list[Any]:
        value = self._get(key)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        none: list[Any] = []
        return self._wrong(key, "a list", value, none)

    def _get(self, key: str) -> Any:
        value = self.value.get(key, _NONE)
        if value is _NONE:
            value = self.value.get(re.sub(r"(?=[A-Z])", "_", key).lower())
        return value

    def _wrong(self, key: str, wanted: str, value: Any, default: _T) -> _T:
        self.report.add(_wrong_type(wanted, value, self.at(key)))
        return default


def _wrong_type(wanted: str, value: Any, path: str) -> Finding:
    return warning("wrong-type", f"must be {wanted}, but is {kind_of(value)}.", path=path)


def kind_of(value: Any) -> str:
    """Return a value's type in the words of JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, int | float):
        return f"the number {value}"[:60] if value == value else "NaN"
    return "a list" if isinstance(value, list) else "an object"
