"""Exact: the output, or what follows a marker, equals a target after normalisation."""

from collections.abc import Mapping
from dataclasses import dataclass

from plumbmark.scoring.extraction import (
    WithoutMarker,
    no_marker_explanation,
    passage_after,
)
from plumbmark.scoring.normalisation import DEFAULT_STEPS, normaliser
from plumbmark.scoring.scorers.base import (
    Options,
    ScorerContext,
    Target,
    list_targets,
    target_list,
    target_text,
)
from plumbmark.scoring.verdicts import Verdict, quote


@dataclass(frozen=True, slots=True)
class Exact:
    name: str
    after: tuple[str, ...]
    without_marker: WithoutMarker
    normalise: tuple[str, ...]
    version: str = "1"

    @classmethod
    def from_spec(cls, spec: Mapping[str, object], name: str) -> "Exact":
        options = Options(spec)
        scorer = cls(
            name=name,
            after=options.texts("after"),
            without_marker=options.without_marker(),
            normalise=options.steps("normalise", DEFAULT_STEPS),
        )
        options.finish("exact")
        return scorer

    @property
    def options(self) -> Mapping[str, object]:
        return {
            "after": list(self.after),
            "without_marker": self.without_marker,
            "normalise": list(self.normalise),
        }

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
