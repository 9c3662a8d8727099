"""ROUGE-L: the longest common subsequence of words of answer and target.

Lin, ROUGE: A Package for Automatic Evaluation of Summaries (2004), section 3.1, for whole texts and
with beta = 1. Words are runs of letters and digits in lower case, without stemming. Of several
targets, the best counts.
"""

import re
from collections.abc import Hashable, Sequence
from typing import Literal

from pydantic import Field

from plumbmark.scoring.scorers.similarity import Similarity, SimilarityScorer, measure_overlap

_WORD = re.compile(r"[^\W_]+")


class RougeL(SimilarityScorer):
    """Share of words in the same order."""

    type: Literal["rouge_l"]
    measure: Literal["f1", "precision", "recall"] = Field(
        default="f1",
        description="Divide by the words of both, of the answer (precision) or of the target "
        "(recall).",
    )

    def compare(self, answer: str, target: str) -> Similarity:
        answered, wanted = (_WORD.findall(text.lower()) for text in (answer, target))
        shared = count_common(answered, wanted)
        precision, recall, f1 = measure_overlap(shared, len(answered), len(wanted))
        value = {"f1": f1, "precision": precision, "recall": recall}[self.measure]
        return Similarity(
            value,
            f"the longest common subsequence has {shared} words, of {len(answered)} in the answer "
            f"and {len(wanted)} in the target; precision {precision:.3f}, recall {recall:.3f}, "
            f"F1 {f1:.3f}",
        )


def count_common(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Return the length of the longest common subsequence.

    Bit-parallel after Hyyrö, Bit-Parallel LCS-length Computation Revisited (2004): one bit for each
    token of `other`, a few operations on them for each token of `one`.
    """
    places: dict[Hashable, int] = {}
    for place, token in enumerate(other):
        places[token] = places.get(token, 0) | 1 << place
    every = (1 << len(other)) - 1
    zeros = every
    for token in one:
        if matches := zeros & places.get(token, 0):
            zeros = ((zeros + matches) | (zeros - matches)) & every
    return len(other) - zeros.bit_count()
