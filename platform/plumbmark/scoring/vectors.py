"""The scores of one row on one task as arrays: what boards are computed from.

A `ScoreVector` holds for each item the sum of its scored repeats, how many repeats are scored, and
how many are not. Sums instead of means, because the sums of right and wrong answers are whole
numbers: joining runs is exact then, in whatever order. Keys and clusters are in an `ItemList`, which
rows of the same items share.

The arrays alone can be stored as bytes (`to_bytes`, `from_bytes`):

    offset  size    content
    0       4       b"PSV1": the format and its version
    4       1       type of `totals`:   1, 2 = unsigned integers of so many bytes, 8 = IEEE double
    5       1       type of `counts`:   0 = the same for all items (4 bytes), 1, 2, 4 as above
    6       1       type of `unscored`: as `counts`
    7       1       number of `levels`: 0, 1 or 2; 255 if there are more
    8       4       number of items, unsigned
    12      8 · 2   `levels`, doubles; 0 where there are fewer
    28      …       `totals`, `counts`, `unscored`, without gaps

All numbers are little-endian. The type of `totals` is the smallest that holds each of them exactly,
so that a thousand right or wrong answers are about a thousand bytes. `totals` are in the unit of the
metric, `counts` and `unscored` are numbers of repeats.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import MAX_SCORE

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_FORMAT = b"PSV1"
_HEADER = struct.Struct("<4sBBBBIdd")
_UNIFORM = 0
_INTEGERS = {1: "<u1", 2: "<u2", 4: "<u4"}
_TOTALS = {1: "<u1", 2: "<u2", 8: "<f8"}
_MAX_LEVELS = 2
_MORE_LEVELS = 255


class BadVectorError(ValueError):
    """Bytes that are no scores, or not those of these items."""


class ItemList:
    """The items of a row on a task: keys, and the cluster of each or None. Never changed.

    Rows that share one object are aligned without a look at their keys. Lists with equal keys and
    clusters are equal.
    """

    __slots__ = ("_hash", "clusters", "keys")

    def __init__(self, keys: Sequence[str], clusters: Sequence[str | None]) -> None:
        self.keys = tuple(keys)
        self.clusters = tuple(clusters)
        if len(self.keys) != len(self.clusters):
            raise ValueError("a list of items needs a cluster, or None, for each key")
        if len(set(self.keys)) != len(self.keys):
            raise ValueError("an item is in the list twice")
        self._hash: int | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ItemList):
            return NotImplemented
        return self.keys == other.keys and self.clusters == other.clusters

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.keys, self.clusters))
        return self._hash

    def __repr__(self) -> str:
        return f"ItemList of {len(self.keys)}"


NO_ITEMS = ItemList((), ())


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of a vector is scored."""

    items: int
    """Items with at least one scored repeat."""
    repeats: int
    """The most repeats of an item, scored or not."""
    most_scored: int
    """The most scored repeats of an item."""
    scored: int
    """Scored samples."""
    unscored: int


@dataclass(frozen=True, eq=False)
class ScoreVector:
    """One row on one task. The arrays have one entry per item and are never written to.

    `totals`: the sum of the scored repeats, 0 if there is none. `counts`: the number of scored
    repeats. `unscored`: the number of the others. `levels`: the different scores, ascending, if
    there are at most two of them, otherwise None; with it a row is known to be binary.
    """

    items: ItemList
    totals: NDArray[Any]
    counts: NDArray[Any]
    unscored: NDArray[Any]
    levels: tuple[float, ...] | None

    def __len__(self) -> int:
        return len(self.items)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ScoreVector):
            return NotImplemented
        return (
            self.items == other.items
            and self.levels == other.levels
            and np.array_equal(self.totals, other.totals)
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.unscored, other.unscored)
        )

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def summary(self) -> Counts:
        """The counts of the whole row."""
        if not len(self):
            return Counts(0, 0, 0, 0, 0)
        scored = int(self.counts.sum(dtype=np.int64))
        most_scored = int(self.counts.max())
        unscored = int(self.unscored.sum(dtype=np.int64))
        if unscored:
            repeats = int((self.counts.astype(np.int64) + self.unscored).max())
        else:
            repeats = most_scored
        items = scored if most_scored <= 1 else int(np.count_nonzero(self.counts))
        return Counts(items, repeats, most_scored, scored, unscored)

    @property
    def means(self) -> Floats:
        """The mean of the scored repeats of each item, NaN where there is none."""
        with np.errstate(invalid="ignore"):
            return np.divide(self.totals, self.counts, dtype=np.float64)

    def to_bytes(self) -> bytes:
        """Return the arrays as bytes; the module's text describes them. Items are not included."""
        totals = _shrink_totals(self.totals)
        counts_type, counts = _integer_bytes(self.counts)
        unscored_type, unscored = _integer_bytes(self.unscored)
        levels = self.levels
        padded = (*(levels or ()), 0.0, 0.0)[:_MAX_LEVELS]
        header = _HEADER.pack(
            _FORMAT,
            totals.dtype.itemsize,
            counts_type,
            unscored_type,
            _MORE_LEVELS if levels is None else len(levels),
            len(self),
            *padded,
        )
        return b"".join((header, totals.tobytes(), counts, unscored))

    @classmethod
    def from_bytes(cls, data: bytes, items: ItemList) -> "ScoreVector":
        """Return the vector of these items; raise `BadVectorError` if the bytes are not theirs."""
        reader = _Reader(data)
        totals_type, counts_type, unscored_type, level_count, size, *levels = reader.header()
        if size != len(items):
            raise BadVectorError(f"the scores are those of {size} items, not of {len(items)}")
        totals = reader.array(_TOTALS, totals_type, size, "totals")
        counts = reader.integers(counts_type, size, "counts")
        unscored = reader.integers(unscored_type, size, "unscored")
        reader.end()
        if level_count not in (0, 1, _MAX_LEVELS, _MORE_LEVELS):
            raise BadVectorError(f"the number of levels is {level_count}")
        found = cls(
            items,
            totals,
            counts,
            unscored,
            None if level_count == _MORE_LEVELS else tuple(levels[:level_count]),
        )
        _check(found)
        return found


def pack(scores: ItemScores, items: ItemList | None = None) -> ScoreVector:
    """Return item scores as arrays.

    `items` is a list of the same keys in the same order, which rows then share.
    """
    if items is None or items.keys != tuple(scores):
        items = ItemList(tuple(scores), [score.cluster for score in scores.values()])
    values = [score.values for score in scores.values()]
    different = {one for found in values for one in found}
    totals = np.array([found[0] if len(found) == 1 else sum(found) for found in values], float)
    return ScoreVector(
        items,
        _shrink_totals(totals + 0.0),
        _shrink(np.array([len(found) for found in values], np.int64)),
        _shrink(np.array([score.unscored for score in scores.values()], np.int64)),
        tuple(sorted(different)) if len(different) <= _MAX_LEVELS else None,
    )


def as_vector(scores: ItemScores | ScoreVector) -> ScoreVector:
    """Return scores of either kind as arrays."""
    return scores if isinstance(scores, ScoreVector) else pack(scores)


def join(vectors: Sequence[ScoreVector]) -> ScoreVector:
    """Join several runs of one row: further runs are further repeats of their items."""
    if len(vectors) == 1:
        return vectors[0]
    if not vectors:
        return pack({})
    items = _join_items([vector.items for vector in vectors])
    size = len(items)
    totals, counts, unscored = np.zeros(size), np.zeros(size, np.int64), np.zeros(size, np.int64)
    places = None
    for vector in vectors:
        if vector.items == items:
            positions: Any = slice(None)
        else:
            places = places or {key: number for number, key in enumerate(items.keys)}
            positions = [places[key] for key in vector.items.keys]
        totals[positions] += vector.totals
        counts[positions] += vector.counts
        unscored[positions] += vector.unscored
    different = _join_levels(vectors)
    return ScoreVector(items, _shrink_totals(totals), _shrink(counts), _shrink(unscored), different)


def _join_items(lists: Sequence[ItemList]) -> ItemList:
    if all(one == lists[0] for one in lists[1:]):
        return lists[0]
    clusters: dict[str, str | None] = {}
    for one in lists:
        clusters.update(zip(one.keys, one.clusters, strict=True))
    return ItemList(tuple(clusters), tuple(clusters.values()))


def _join_levels(vectors: Sequence[ScoreVector]) -> tuple[float, ...] | None:
    found: set[float] = set()
    for vector in vectors:
        if vector.levels is None:
            return None
        found.update(vector.levels)
    return tuple(sorted(found)) if len(found) <= _MAX_LEVELS else None


def _shrink(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return non-negative integers in the smallest type that holds them."""
    largest = int(numbers.max(initial=0))
    return numbers.astype("<u1" if largest < 256 else "<u2" if largest < 65536 else "<u4")


def _shrink_totals(totals: NDArray[Any]) -> NDArray[Any]:
    if totals.dtype.kind == "u":
        return totals
    if totals.size and totals.min() >= 0 and totals.max() < 65536:
        small = totals.astype("<u1" if totals.max() < 256 else "<u2")
        if np.array_equal(small, totals):
            return small
    return np.ascontiguousarray(totals, "<f8")


def _integer_bytes(numbers: NDArray[Any]) -> tuple[int, bytes]:
    if numbers.size and (numbers == numbers[0]).all():
        return _UNIFORM, struct.pack("<I", int(numbers[0]))
    small = _shrink(numbers)
    return small.dtype.itemsize, small.tobytes()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = _HEADER.size

    def header(self) -> list[Any]:
        """Return what follows the format in the header."""
        if len(self._data) < _HEADER.size:
            raise BadVectorError("the scores are cut off")
        known, *rest = _HEADER.unpack_from(self._data)
        if known != _FORMAT:
            raise BadVectorError(f"the scores have the unknown format {known!r}")
        return rest

    def array(self, types: Mapping[int, str], code: int, size: int, name: str) -> NDArray[Any]:
        """Return the next array."""
        if code not in types:
            raise BadVectorError(f"{name} have the unknown type {code}")
        end = self._offset + size * np.dtype(types[code]).itemsize
        if end > len(self._data):
            raise BadVectorError("the scores are cut off")
        found = np.frombuffer(self._data, types[code], size, self._offset)
        self._offset = end
        return found

    def integers(self, code: int, size: int, name: str) -> NDArray[Any]:
        """Return the next array of counts, which may be stored as one number."""
        if code != _UNIFORM:
            return self.array(_INTEGERS, code, size, name)
        one = self.array(_INTEGERS, 4, 1, name)
        return np.broadcast_to(_shrink(one), (size,))

    def end(self) -> None:
        """Check that nothing follows."""
        if self._offset != len(self._data):
            raise BadVectorError("something follows the scores")


def _check(vector: ScoreVector) -> None:
    """Check that sums, counts and levels fit each other, as no later code does."""
    totals, counts = vector.totals, vector.counts
    if totals.dtype.kind == "f":
        if not np.isfinite(totals).all():
            raise BadVectorError("a score is no finite number")
        if (np.abs(totals) > MAX_SCORE * np.maximum(counts, 1)).any():
            raise BadVectorError("a score is out of the range of scores")
    if totals[counts == 0].any():
        raise BadVectorError("an item without a scored repeat has a score")
    levels = vector.levels
    if levels is None:
        return
    if not levels:
        if counts.any():
            raise BadVectorError("there are scores, and no levels")
        return
    if not (np.isfinite(levels).all() and list(levels) == sorted(set(levels))):
        raise BadVectorError("the levels are not ascending numbers")
    margin = 1e-9 * max(map(abs, levels)) * counts
    low, high = levels[0] * counts - margin, levels[-1] * counts + margin
    if ((totals < low) | (totals > high)).any():
        raise BadVectorError("a score is not between the levels")
