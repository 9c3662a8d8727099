"""Texts of a set that are nearly the same, found without comparing all pairs.

Texts are sets of shingles, runs of three words (Broder 1997, "On the resemblance and containment of
documents"). Their similarity is the Jaccard index of the sets. Candidates come from MinHash
signatures in bands (locality-sensitive hashing; Leskovec, Rajaraman, Ullman, "Mining of Massive
Datasets", chapter 3): with 16 bands of 4 hashes a pair of similarity 0.8 is a candidate with
probability 1 - (1 - 0.8^4)^16 = 0.9998. Each candidate is then compared exactly, so every pair that
is returned is one.

The work grows with the number of texts: a bucket of many texts compares each of them with its
neighbours only, which is why a pair of a large family may be missing while each of its texts is
found.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIMILARITY = 0.8
"""The Jaccard index from which two texts are near-duplicates."""
MAX_TEXTS = 100_000
MAX_SHINGLES = 1_000
"""Of one text: the beginning of a longer one decides."""

_WORDS_OF_SHINGLE = 3
_BANDS, _ROWS = 16, 4
_NEIGHBOURS = 4
_WORD = re.compile(r"\w+", re.UNICODE)
_PRIME = np.uint64((1 << 31) - 1)


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two texts by position, `first` < `second`, and their similarity from `SIMILARITY` to 1."""

    first: int
    second: int
    similarity: float


def shingles_of(text: str) -> frozenset[int]:
    """Return the hashed shingles of a text; a text of fewer words is one shingle.

    Case, punctuation and space do not count. A text without words has none.
    """
    words = _WORD.findall(text.casefold())
    if not words:
        return frozenset()
    size = _WORDS_OF_SHINGLE
    starts = range(max(1, min(len(words) - size + 1, MAX_SHINGLES)))
    return frozenset(zlib.crc32(" ".join(words[at : at + size]).encode()) for at in starts)


def similarity(one: frozenset[int], other: frozenset[int]) -> float:
    """Return the Jaccard index of two sets; 0 if both are empty."""
    union = len(one | other)
    return len(one & other) / union if union else 0.0


def find_near_duplicates(texts: Sequence[str]) -> list[NearDuplicate]:
    """Return pairs of near-duplicates, most similar first, then by position.

    Raise `ValueError` for more than `MAX_TEXTS` texts.
    """
    if len(texts) > MAX_TEXTS:
        raise ValueError(f"{len(texts):,} texts are more than {MAX_TEXTS:,}")
    sets = [shingles_of(text) for text in texts]
    places = [place for place, found in enumerate(sets) if found]
    if len(places) < 2:
        return []
    signatures = np.stack([_signature(sets[place]) for place in places])
    pairs: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        columns = np.ascontiguousarray(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        pairs |= _pairs_of_band(columns)
    found = []
    for first, second in pairs:
        one, other = places[first], places[second]
        value = similarity(sets[one], sets[other])
        if value >= SIMILARITY:
            found.append(NearDuplicate(one, other, value))
    return sorted(found, key=lambda pair: (-pair.similarity, pair.first, pair.second))


def _pairs_of_band(columns: NDArray[np.uint32]) -> set[tuple[int, int]]:
    """Return the neighbours within each bucket of a band."""
    keys = columns.view(np.dtype((np.void, columns.dtype.itemsize * columns.shape[1]))).ravel()
    order = np.argsort(keys, kind="stable")
    _, starts = np.unique(keys[order], return_index=True)
    pairs: set[tuple[int, int]] = set()
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        bucket = order[start:stop]
        for place in range(len(bucket) - 1):
            first = int(bucket[place])
            for other in bucket[place + 1 : place + 1 + _NEIGHBOURS]:
                pairs.add((first, int(other)))
    return pairs


def _multipliers() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    random = np.random.default_rng(20_240_229)
    size = _BANDS * _ROWS
    prime = int(_PRIME)
    return (
        random.integers(1, prime, size).astype(np.uint64),
        random.integers(0, prime, size).astype(np.uint64),
    )


_A, _B = _multipliers()


def _signature(found: frozenset[int]) -> NDArray[np.uint32]:
    """Return the smallest value of each hash function over a set."""
    values = np.fromiter(found, np.uint64, len(found)) % _PRIME
    hashed = (values[:, None] * _A[None, :] + _B[None, :]) % _PRIME
    smallest: NDArray[np.uint32] = hashed.min(axis=0).astype(np.uint32)
    return smallest
