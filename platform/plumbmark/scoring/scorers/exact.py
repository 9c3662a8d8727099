"""Exact: the output, or what follows a marker, equals a target after normalisation."""

from typing import Literal

from plumbmark.scoring.extraction import no_marker_explanation, passage_after
from plumbmark.scoring.normalisation import DEFAULT_STEPS, normaliser
from plumbmark.scoring.scorers.base import (
    After,
    Normalise,
    Scorer,
    ScorerContext,
    Target,
    WithoutMarkerOption,
    list_targets,
    target_list,
    target_text,
)
from plumbmark.scoring.verdicts import Verdict, quote


class Exact(Scorer):
    """Right where the output equals a target."""

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
            if answer == normalise(one):
                return Verdict(1.0, answer, f"The answer equals {quote(one)}.", details)
        return Verdict(
            0.0, answer, f"The answer {quote(answer)} is not {list_targets(targets)}.", details
        )

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        return None if target_list(target) else "there is no target to compare with"
