"""The verdict of a scorer on one output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`value` is the score, None where the sample is unscored.

    `answer` is what was taken from the output, None where nothing was found. `explanation` is one
    or two sentences for the sample page. `details` is plain JSON, such as the place of the answer
    (`start` and `end`, in characters of the output).
    """

    value: float | None
    answer: str | None
    explanation: str
    details: Mapping[str, object] = field(default_factory=lambda: _NOTHING)

    @property
    def is_scored(self) -> bool:
        return self.value is not None


QUOTE_LENGTH = 120


def quote(text: str) -> str:
    """Quote `text` for an explanation: in quotation marks, shortened, on one line."""
    short = text if len(text) <= QUOTE_LENGTH else text[: QUOTE_LENGTH - 1] + "…"
    return "“" + " ".join(short.split()) + "”"
