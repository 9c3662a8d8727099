"""Set match: the answer lists the elements of the target, in any order.

A target that is a list is one set, unlike with scorers that accept any one of a list.
"""

import json
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from plumbmark.scoring.extraction import no_marker_explanation, passage_after
from plumbmark.scoring.normalisation import is_blank, normaliser
from plumbmark.scoring.scorers.base import (
    After,
    Normalise,
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
    WithoutMarkerOption,
    target_list,
    target_text,
)
from plumbmark.scoring.scorers.similarity import measure_overlap
from plumbmark.scoring.verdicts import Verdict, quote
from plumbmark.shapes import UNIQUE, ListOf

_BULLET = re.compile(r"^\s{0,10}(?:[-*+•]|\d{1,3}[.)])\s+", re.MULTILINE)
_MAX_NAMES = 5


class SetMatch(Scorer):
    """Compares sets of elements."""

    type: Literal["set_match"]
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    separators: Annotated[
        ListOf[Annotated[str, Field(min_length=1, max_length=20)]],
        Field(min_length=1, max_length=10),
        UNIQUE,
        AfterValidator(lambda separators: tuple(sorted(separators))),
    ] = Field(
        default=("\n", ",", ";"),
        description="What stands between two elements, in answers and in targets that are text.",
    )
    normalise: Normalise = ("trim", "nfc", "case", "markup", "final_stop", "whitespace")
    credit: Literal["all", "f1", "jaccard"] = Field(
        default="all",
        description="1 for exactly the elements of the target and 0 otherwise, or a share: F1, or "
        "shared elements of all elements (Jaccard).",
    )

    def check(self) -> None:
        if any(one.strip(" ") == "" and len(one) > 1 for one in self.separators):
            raise ScorerSpecError("a separator of several spaces is never found", "separators")

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        wanted, found = self._wanted(target), self._elements(passage.text)
        if not found:
            return Verdict(0.0, None, "The answer lists no elements.")
        shared = found.keys() & wanted.keys()
        value = float(found.keys() == wanted.keys())
        if self.credit == "f1":
            value = measure_overlap(len(shared), len(found), len(wanted))[2]
        elif self.credit == "jaccard":
            value = len(shared) / len(found.keys() | wanted.keys())
        missing = [name for key, name in wanted.items() if key not in found]
        extra = [name for key, name in found.items() if key not in wanted]
        why = f"{len(shared)} of {len(wanted)} elements are there"
        if missing:
            why += f"; missing: {_name(missing)}"
        if extra:
            why += f"; not in the target: {_name(extra)}"
        details = {"start": passage.start, "end": len(output)}
        return Verdict(value, ", ".join(found.values()), f"{why}.", details)

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        if not target_list(target):
            return "there is no target to compare with"
        return None if self._wanted(target) else "the target has no elements"

    def _wanted(self, target: Target) -> dict[str, str]:
        if isinstance(target, str):
            return self._elements(target)
        normalise = normaliser(self.normalise)
        names = [target_text(one) for one in target_list(target)]
        return {normalise(one): one for one in names if not is_blank(one)}

    def _elements(self, text: str) -> dict[str, str]:
        """Return the elements of a text as written, by their normalised form."""
        parts = _read_array(text) or self._split(text)
        normalise = normaliser(self.normalise)
        found: dict[str, str] = {}
        for part in parts:
            if not is_blank(part):
                found.setdefault(normalise(part), part.strip())
        return found

    def _split(self, text: str) -> list[str]:
        text = text.strip()
        if text[:1] + text[-1:] in {"{}", "[]", "()"}:
            text = text[1:-1]
        if "\n" in self.separators:
            text = _BULLET.sub("", text)
        return re.split("|".join(map(re.escape, self.separators)), text)


def _read_array(text: str) -> list[str]:
    """Return the elements of a JSON array of plain values; empty if the text is no such array."""
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not all(isinstance(one, str | int | float) for one in found):
        return []
    return [target_text(one) for one in found]


def _name(elements: list[str]) -> str:
    names = ", ".join(quote(one) for one in elements[:_MAX_NAMES])
    return (
        names if len(elements) <= _MAX_NAMES else f"{names} and {len(elements) - _MAX_NAMES} more"
    )
