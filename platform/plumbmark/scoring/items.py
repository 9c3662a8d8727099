"""The input of the statistics: the scores of one row on the items of one task."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ItemScore:
    """One item: its scored repeats, how many repeats are unscored, and its cluster.

    An item without a cluster is a cluster of its own. The same cluster key in two tasks of one
    benchmark is the same cluster.
    """

    values: tuple[float, ...] = ()
    unscored: int = 0
    cluster: str | None = None

    @property
    def mean(self) -> float:
        """The mean of the scored repeats; asked for only where there is one."""
        values = self.values
        return values[0] if len(values) == 1 else sum(values) / len(values)


ItemScores = Mapping[str, ItemScore]
"""Item key to score. The keys of two rows meet where they are equal."""
