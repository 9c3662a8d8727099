"""Token F1: the words that answer and target share, as in the evaluation script of SQuAD.

Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text (2016), section 6.1,
and `evaluate-v1.1.py`: lower case, no ASCII punctuation, no English articles; F1 of the bags of
words; the best of several targets.
"""

import re
import string
from collections import Counter
from typing import Literal

from pydantic import Field

from plumbmark.scoring.scorers.similarity import Similarity, SimilarityScorer, measure_overlap

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class TokenF1(SimilarityScorer):
    """F1 of the words that answer and target share."""

    type: Literal["token_f1"]
    tokens: Literal["words", "characters"] = Field(
        default="words",
        description="Compare words, or characters for languages that put no spaces between words.",
    )

    def compare(self, answer: str, target: str) -> Similarity:
        answered, wanted = self._tokens(answer), self._tokens(target)
        shared = (Counter(answered) & Counter(wanted)).total()
        if not answered and not wanted:
            # As in SQuAD 2.0: where nothing is left of either, they are equal.
            return Similarity(1.0, f"no {self.tokens} are left of either, so they are equal")
        precision, recall, f1 = measure_overlap(shared, len(answered), len(wanted))
        return Similarity(
            f1,
            f"{shared} shared of {len(answered)} {self.tokens} in the answer and {len(wanted)} in "
            f"the target; precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}",
        )

    def _tokens(self, text: str) -> list[str]:
        words = _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()
        return words if self.tokens == "words" else list("".join(words))
