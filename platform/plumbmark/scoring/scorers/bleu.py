"""BLEU of each answer, by `sacrebleu`, from 0 to 1; all targets are references together.

Papineni et al., BLEU (2002), with the settings that `sacrebleu` takes for sentences: effective
order and exponential smoothing. The mean over items is not the BLEU of the whole corpus.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from plumbmark.scoring.scorers.similarity import Similarity, SimilarityScorer
from plumbmark.scoring.verdicts import quote

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU


class Bleu(SimilarityScorer):
    """Shared n-grams of up to four words."""

    type: Literal["bleu"]
    tokenize: Literal["13a", "intl", "zh", "char", "none"] = Field(
        default="13a",
        description="The tokenizer of sacrebleu: 13a for most languages, intl by Unicode "
        "punctuation, zh for Chinese, char for characters, none for text with spaces between "
        "tokens.",
    )
    lowercase: bool = Field(default=False, description="Ignore upper and lower case.")

    @cached_property
    def _bleu(self) -> "BLEU":
        # Loaded where it is used: most processes never need it.
        from sacrebleu.metrics.bleu import BLEU

        return BLEU(lowercase=self.lowercase, tokenize=self.tokenize, effective_order=True)

    def compare(self, answer: str, target: str) -> Similarity:
        return self.find_nearest(answer, [target])[0]

    def find_nearest(self, answer: str, targets: Sequence[str]) -> tuple[Similarity, str]:
        found = self._bleu.sentence_score(answer, list(targets))
        precisions = ", ".join(f"{one:.1f}" for one in found.precisions)
        # Rounding leaves a perfect answer a hair above 100.
        value = min(1.0, found.score / 100)
        how = (
            f"BLEU {found.score:.2f}; precision of 1 to 4 words {precisions}; brevity penalty "
            f"{found.bp:.3f}"
        )
        if len(targets) > 1:
            how += f"; {len(targets)} references together, the first is {quote(targets[0])}"
        return Similarity(value, how), targets[0]
