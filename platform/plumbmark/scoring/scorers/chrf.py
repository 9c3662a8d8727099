"""chrF of each answer, by `sacrebleu`, from 0 to 1; the best of several targets counts.

Popović, chrF: character n-gram F-score for automatic MT evaluation (2015); with `word_order: 2`,
chrF++ (2017). n-grams of up to six characters, beta = 2. The mean over items is not the chrF of the
whole corpus.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from plumbmark.scoring.scorers.similarity import Similarity, SimilarityScorer

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF


class Chrf(SimilarityScorer):
    """Shared n-grams of characters."""

    type: Literal["chrf"]
    word_order: Annotated[int, Field(ge=0, le=2)] = Field(
        default=0, description="Count n-grams of up to so many words as well; 2 is chrF++."
    )
    lowercase: bool = Field(default=False, description="Ignore upper and lower case.")

    @cached_property
    def _chrf(self) -> "CHRF":
        # Loaded where it is used: most processes never need it.
        from sacrebleu.metrics.chrf import CHRF

        return CHRF(word_order=self.word_order, lowercase=self.lowercase)

    def compare(self, answer: str, target: str) -> Similarity:
        score = self._chrf.sentence_score(answer, [target]).score
        name = "chrF" + "+" * self.word_order
        return Similarity(min(1.0, score / 100), f"{name} {score:.2f} of 100")
