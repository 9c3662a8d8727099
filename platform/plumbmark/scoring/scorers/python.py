"""Python: the author's own function `score(output, target, item)`, called in the sandbox.

The scorer is pure: it says what is to be run and reads what became of it. The model's output
reaches the function as data alone. Whatever goes wrong is the scorer's bug, never the model's.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from plumbmark.scoring.author_code import MAX_SOURCE, CaseResult, source_problem
from plumbmark.scoring.metrics import find_score_problem
from plumbmark.scoring.scorers.base import (
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
)
from plumbmark.scoring.verdicts import Verdict
from plumbmark.shapes import UNIQUE, ListOf
from plumbmark.strict_json.texts import make_storable

FUNCTION = "score"
PARAMETERS = ("output", "target", "item")
_MAX_ANSWER = 2000


class PythonScorer(Scorer):
    """The author's own function, called in the sandbox."""

    gives_share: ClassVar[bool] = False

    type: Literal["python"]
    source: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE)] = Field(
        description="Python that defines `score(output, target, item)`, which returns a number "
        "within the metric's bounds, true or false, or an object of `value`, `explanation` and "
        "`answer`."
    )
    columns: Annotated[
        ListOf[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(max_length=50),
        UNIQUE,
    ] = Field(default=(), description="The columns that the function finds in `item`.")
    timeout_seconds: float = Field(
        default=5.0,
        ge=0.1,
        le=60,
        description="Seconds for each sample, after which it is unscored.",
    )

    def check(self) -> None:
        if not self.source.strip():
            raise ScorerSpecError("the scorer python needs the source of its function", "source")
        if problem := source_problem(self.source, FUNCTION, PARAMETERS):
            raise ScorerSpecError(f"the source {problem}", "source")

    def case(self, output: str, target: Target, item: Mapping[str, Any]) -> list[Any]:
        """Return the arguments of the function for one sample."""
        return [output, target, {name: item[name] for name in self.columns}]

    def verdict(
        self, found: CaseResult, *, lower: float | None = None, upper: float | None = None
    ) -> Verdict:
        """Return the verdict of a call; unscored where it gave no score within bounds."""
        if not found.has_value:
            return _bug(found.reason)
        returned = found.value
        answer, explanation = None, ""
        if isinstance(returned, Mapping):
            unknown = sorted(set(returned) - {"value", "answer", "explanation"})
            if unknown or "value" not in returned:
                return _bug(
                    "it returned an object that is not value, with answer and explanation if "
                    f"wished: it has {', '.join(sorted(returned))[:200] or 'nothing'}"
                )
            answer, explanation = returned.get("answer"), returned.get("explanation") or ""
            returned = returned["value"]
        if isinstance(returned, bool):
            returned = float(returned)
        if not isinstance(returned, int | float):
            return _bug(f"it returned {_kind(returned)}, no number")
        if problem := find_score_problem(returned):
            return _bug(f"it returned a number that {problem}")
        if (lower is not None and returned < lower) or (upper is not None and returned > upper):
            bounds = f"[{_bound(lower)}, {_bound(upper)}]"
            return _bug(f"it returned {returned:g}, outside of the metric's bounds {bounds}")
        text = make_storable(str(explanation)[:_MAX_ANSWER]) or f"The scorer returned {returned:g}."
        return Verdict(
            float(returned),
            None if answer is None else make_storable(str(answer)[:_MAX_ANSWER]),
            text,
        )

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        """Return the verdict before the function has been called: unscored."""
        return Verdict(None, None, "The scorer has not been run.")

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        return None


def _bug(why: str) -> Verdict:
    return Verdict(None, None, make_storable(f"The scorer failed: {why}. This is not the model's."))


def _kind(value: Any) -> str:
    return {str: "text", list: "a list", type(None): "nothing"}.get(type(value), "an object")


def _bound(bound: float | None) -> str:
    return "…" if bound is None else f"{bound:g}"
