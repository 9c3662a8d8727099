"""The base of scorers that say how near an answer comes to a reference text, from 0 to 1."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

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
from plumbmark.scoring.verdicts import Verdict, quote

MAX_TARGET = 20_000
"""Characters of a reference text."""
MAX_ANSWER = 10 * MAX_TARGET
"""Characters of an answer that are compared. A longer one would score below 0.1 against any
reference, and comparing it could take minutes: it scores 0."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """A nearness of an answer to a reference: `value` from 0 to 1; `how` explains it in words."""

    value: float
    how: str


class SimilarityScorer(Scorer):
    """Scores an answer by its nearest target; how near is the subclass's."""

    after: After
    without_marker: WithoutMarkerOption = "wrong"

    @abstractmethod
    def compare(self, answer: str, target: str) -> Similarity:
        """Return how near `answer` comes to `target`; both are not blank and of bounded length."""

    def find_nearest(self, answer: str, targets: Sequence[str]) -> tuple[Similarity, str]:
        """Return the greatest similarity, and the first target that has it."""
        found = [(self.compare(answer, one), one) for one in targets]
        return max(found, key=lambda pair: pair[0].value)

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        answer = passage.text
        if is_blank(answer):
            return Verdict(0.0, None, "There is no answer to compare: it is empty.")
        details = {"start": passage.start, "end": len(output)}
        if len(answer) > MAX_ANSWER:
            why = (
                f"The answer has {len(answer):,} characters; answers of more than {MAX_ANSWER:,} "
                "score 0."
            )
            return Verdict(0.0, answer[:MAX_ANSWER], why, details)
        targets = [target_text(one) for one in target_list(target)]
        found, nearest = self.find_nearest(answer, targets)
        which = f"the nearest target {quote(nearest)}" if len(targets) > 1 else quote(nearest)
        return Verdict(float(found.value), answer, f"Compared with {which}: {found.how}.", details)

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        targets = [target_text(one) for one in target_list(target)]
        if not targets:
            return "there is no target to compare with"
        if any(map(is_blank, targets)):
            return "the target is empty, and nothing is near to an empty text"
        if longest := max((len(one) for one in targets if len(one) > MAX_TARGET), default=0):
            return f"the target has {longest:,} characters; at most {MAX_TARGET:,} are compared"
        return None


def measure_overlap(shared: int, answered: int, wanted: int) -> tuple[float, float, float]:
    """Return precision, recall and their harmonic mean F1 of `shared` tokens; 0 without any."""
    if not shared:
        return 0.0, 0.0, 0.0
    precision, recall = shared / answered, shared / wanted
    return precision, recall, 2 * shared / (answered + wanted)
