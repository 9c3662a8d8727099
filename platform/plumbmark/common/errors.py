"""Errors that a person or a program gets to see, mapped once to pages and to problem+json."""

from dataclasses import asdict, dataclass
from typing import Any

MAX_PROBLEMS = 100
"""Of one input; further ones are only counted."""


class DomainError(Exception):
    """A request that cannot be fulfilled. `message` says what is wrong, where, and how to correct
    it.
    """

    status = 400
    code = "invalid"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class NotAllowed(DomainError):
    status = 403
    code = "not-allowed"


class Conflict(DomainError):
    """The object is in a state that does not allow the request."""

    status = 409
    code = "conflict"


class Busy(DomainError):
    """Too much work of this kind is under way; the same request can succeed soon."""

    status = 503
    code = "busy"
    retry_seconds = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of an input.

    `path` is a dotted path in a document or a column name; `line` counts from 1.
    """

    message: str
    path: str = ""
    line: int | None = None
    column: int | None = None

    def as_document(self) -> dict[str, Any]:
        """Return it as errors of the API have it."""
        return asdict(self)

    def __str__(self) -> str:
        place = []
        if self.line is not None:
            place.append(f"line {self.line}")
        if self.path:
            place.append(self.path)
        return f"{', '.join(place)}: {self.message}" if place else self.message


class InvalidInput(DomainError):
    """An input with one or more problems, each with its place."""

    status = 422
    code = "invalid-input"

    def __init__(self, problems: list[Problem], summary: str = "") -> None:
        self.problems = problems[:MAX_PROBLEMS]
        if len(problems) > MAX_PROBLEMS:
            left = len(problems) - MAX_PROBLEMS
            self.problems.append(Problem(f"… and {left:,} more problems"))
        super().__init__(summary or "; ".join(str(problem) for problem in problems[:5]))
