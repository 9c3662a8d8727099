"""Edit distance: how few insertions, deletions and replacements make the answer the target.

Levenshtein's distance by `rapidfuzz`, divided by the length of the longer text.
"""

from typing import Literal

from pydantic import Field

from plumbmark.scoring.normalisation import DEFAULT_STEPS, normaliser
from plumbmark.scoring.scorers.base import Normalise, ScorerContext, Target, find_emptied_target
from plumbmark.scoring.scorers.similarity import Similarity, SimilarityScorer


class EditDistance(SimilarityScorer):
    """1 for equal texts, 0 where nothing can stay."""

    type: Literal["edit_distance"]
    normalise: Normalise = DEFAULT_STEPS
    tokens: Literal["characters", "words"] = Field(
        default="characters", description="Count edits of characters, or of words."
    )

    def compare(self, answer: str, target: str) -> Similarity:
        # Loaded where it is used: most processes never need it.
        from rapidfuzz.distance import Levenshtein

        normalise = normaliser(self.normalise)
        texts = normalise(answer), normalise(target)
        one, other = map(str.split, texts) if self.tokens == "words" else texts
        edits = Levenshtein.distance(one, other)
        longest = max(len(one), len(other))
        value = 1 - edits / longest if longest else 1.0
        return Similarity(
            value,
            f"{edits} {'edit' if edits == 1 else 'edits'} of {self.tokens}, of {longest} in the "
            f"longer text; similarity {value:.3f}",
        )

    def target_warning(self, target: Target, context: ScorerContext) -> str | None:
        return find_emptied_target(target, self.normalise)
