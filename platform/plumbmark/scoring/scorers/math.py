"""Math: the answer equals the target as mathematics, by `math-verify` in the sandbox.

Fractions, roots, sets, tuples, intervals, percentages and equations, in LaTeX or plain notation.
The scorer is pure: it says what is to be run and reads what became of it. Algebra systems can hang:
where time runs out, the sample is unscored.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from plumbmark.scoring import math_function
from plumbmark.scoring.author_code import CaseResult
from plumbmark.scoring.extraction import no_marker_explanation, passage_after
from plumbmark.scoring.normalisation import is_blank
from plumbmark.scoring.scorers.base import (
    After,
    Scorer,
    ScorerContext,
    Target,
    WithoutMarkerOption,
    target_list,
    target_text,
)
from plumbmark.scoring.verdicts import Verdict
from plumbmark.strict_json.texts import make_storable

MAX_ANSWER = 20_000
"""Characters at the end of an output in which mathematics is looked for."""


class Math(Scorer):
    """Compares mathematical expressions."""

    version: ClassVar[str] = "1"
    preload: ClassVar[str] = "math_verify"
    """Imported once for many cases, from the environment of the sandbox."""

    type: Literal["math"]
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    timeout_seconds: float = Field(
        default=5.0,
        ge=0.5,
        le=30,
        description="Seconds for each sample, after which it is unscored.",
    )

    @property
    def source(self) -> str:
        return _source()

    def case(self, output: str, target: Target, item: Mapping[str, Any]) -> list[Any]:
        """Return the arguments of the function for one sample."""
        passage = passage_after(output, self.after, self.without_marker)
        text = "" if passage is None else passage.text[-MAX_ANSWER:]
        return [text, [target_text(one) for one in target_list(target)], {}]

    def verdict(
        self, found: CaseResult, *, lower: float | None = None, upper: float | None = None
    ) -> Verdict:
        """Return the verdict of a comparison; unscored where there is none."""
        returned = found.value
        if not found.has_value or not isinstance(returned, Mapping):
            why = found.reason or "it gave no result"
            return Verdict(
                None,
                None,
                make_storable(f"The comparison failed: {why}. This is not the model's."),
            )
        answer = returned.get("answer")
        return Verdict(
            1.0 if returned.get("value") == 1 else 0.0,
            None if answer is None else make_storable(str(answer)[:2000]),
            make_storable(str(returned.get("explanation", ""))[:2000]),
        )

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        """Return the verdict before the comparison has run: unscored, or wrong without a mark."""
        if passage_after(output, self.after, self.without_marker) is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        return Verdict(None, None, "The scorer has not been run.")

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        targets = [target_text(one) for one in target_list(target)]
        if not targets:
            return "there is no target to compare with"
        if any(is_blank(one) for one in targets):
            return "the target is empty"
        return (
            "the target has more than 2,000 characters" if max(map(len, targets)) > 2000 else None
        )


@cache
def _source() -> str:
    return Path(math_function.__file__).read_text("utf-8")
