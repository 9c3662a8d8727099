"""Problems of rows: those of one kind are one problem, with how many rows have it."""

import re
from dataclasses import dataclass, field, replace

from plumbmark.common.errors import Problem

_VALUES = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|“[^”]*”|`[^`]*`|\d[\d,.]*")
"""In a message, what comes from the row."""
_MAX_LINES = 3
MAX_SPELLINGS = 3
"""Of one kind that are told one by one, since the values may say what is wrong: two columns are
missing, say."""
_MAX_MARK = 20
_AFTER_MARK = re.compile(r"(?P<mark>\S(?:.*\S)?)\s+(?P<rest>[-+]?[$€£]?\d[\d.,]*%?)")


@dataclass(slots=True)
class _Rows:
    """The rows that have a problem; `first` is that of the first."""

    first: Problem
    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        self.count += 1
        if problem.line is not None and len(self.lines) < _MAX_LINES:
            self.lines.append(problem.line)

    def describe(self) -> Problem:
        if self.count == 1:
            return self.first
        lines = ", ".join(f"{line:,}" for line in self.lines)
        more = ", …" if self.count > len(self.lines) else ""
        rows = f"{self.count:,} rows have this problem: lines {lines}{more}"
        return replace(self.first, message=f"{self.first.message} ({rows})")


@dataclass(slots=True)
class _Kind:
    rows: _Rows
    spellings: dict[str, _Rows] = field(default_factory=dict)
    """By the whole message; more than `MAX_SPELLINGS` are not kept apart."""

    def add(self, problem: Problem) -> None:
        self.rows.add(problem)
        if len(self.spellings) <= MAX_SPELLINGS:
            self.spellings.setdefault(problem.message, _Rows(problem)).add(problem)

    def describe(self) -> list[Problem]:
        if len(self.spellings) > MAX_SPELLINGS:
            return [self.rows.describe()]
        return [rows.describe() for rows in self.spellings.values()]


class RowProblems:
    """The problems of a file, by kind: the same words about another value are the same kind."""

    def __init__(self, max_kinds: int) -> None:
        self._max_kinds = max_kinds
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def __bool__(self) -> bool:
        return bool(self._kinds)

    @property
    def is_full(self) -> bool:
        """Return whether there are so many kinds that reading on is of no use."""
        return len(self._kinds) >= self._max_kinds

    def add(self, problem: Problem) -> None:
        key = problem.path, _VALUES.sub("…", problem.message)
        kind = self._kinds.get(key)
        if kind is None:
            if self.is_full:
                return
            kind = self._kinds[key] = _Kind(_Rows(problem))
        kind.add(problem)

    def merge(self) -> list[Problem]:
        """Return one or a few problems for each kind, in the order of their first rows."""
        return [problem for kind in self._kinds.values() for problem in kind.describe()]


class AnswerMarks:
    """Marks before the answer at the end of a text, such as `#### 18`, with their counts."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._texts = 0

    def add(self, text: str) -> None:
        """Count the mark of a text that is no answer as a whole."""
        self._texts += 1
        lines = text.rstrip().splitlines()
        found = _AFTER_MARK.fullmatch(lines[-1].strip()) if lines else None
        if found is not None and len(found["mark"]) <= _MAX_MARK:
            mark = found["mark"]
            if mark in self._counts or len(self._counts) < 100:
                self._counts[mark] = self._counts.get(mark, 0) + 1

    def common(self) -> tuple[str, int] | None:
        """Return the mark that nearly all texts have, and how many have it."""
        mark, count = max(self._counts.items(), key=lambda one: one[1], default=("", 0))
        return None if count < 2 or count < 0.9 * self._texts else (mark, count)

    def advise(self, column: str) -> str:
        """Return what to write in the definition where nearly all texts have one mark."""
        found = self.common()
        if found is None:
            return ""
        mark, count = found
        return (
            f"{count:,} rows end in `{mark} number`. To use what follows the mark, write "
            f"data.target: {{column: {column}, after: {mark!r}}}"
        )
