"""Exact: the output, or what follows a marker, equals a target after normalisation."""

from typing import ClassVar, Literal

from plumbmark.scoring.extraction import no_marker_explanation, passage_after
from plumbmark.scoring.normalisation import DEFAULT_STEPS, are_equal, normaliser
from plumbmark.scoring.scorers.base import (
    After,
    Normalise,
    Scorer,
    ScorerContext,
    Target,
    WithoutMarkerOption,
    find_blank_target,
    find_emptied_target,
    list_targets,
    target_list,
    target_text,
)
from plumbmark.scoring.verdicts import Verdict, quote


class Exact(Scorer):
    """Right where the output equals a target."""

    version: ClassVar[str] = "2"

    type: Literal["exact"]
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    normalise: Normalise = DEFAULT_STEPS

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        normalise = normaliser(self.normalise)
        answer = normalise(passage.text)
        targets = [target_text(one) for one in target_list(target)]
        details = {"start": passage.start, "end": len(output)}
        for one in targets:
            if are_equal(answer, normalise(one)):
                return Verdict(1.0, answer, f"The answer equals {quote(one)}.", details)
        return Verdict(
            0.0, answer, f"The answer {quote(answer)} is not {list_targets(targets)}.", details
        )

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        if not target_list(target):
            return "there is no target to compare with"
        return find_blank_target(target, self.normalise)

    def target_warning(self, target: Target, context: ScorerContext) -> str | None:
        return find_emptied_target(target, self.normalise)
