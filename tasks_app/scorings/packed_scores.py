"""The scores of whole boards, read in a few queries: a completed scoring's are packed once.

Reading the rows of a board of 200 rows, 10 tasks and 1,000 items takes two million rows; packed,
they are 2,000. A scoring that was completed before this was so is packed when it is first read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from plumbmark.scoring.vectors import BadVectorError, ItemList, ScoreVector, pack
from tasks_app.models import Item, PackedScores, Scoring
from tasks_app.scorings.estimates import item_scores

_AT_ONCE = 500
"""Scorings in one query."""


class VectorReader:
    """Reads the scores of several scorings. Rows on the same items share one list of them."""

    def __init__(self) -> None:
        self._items: dict[tuple[int, int], ItemList] = {}

    def read(self, scorings: Iterable[Scoring]) -> dict[int, ScoreVector]:
        """Return the scores by the scoring's id: two queries for each 500 scorings, and further
        ones for scorings that were never packed.
        """
        found: dict[int, ScoreVector] = {}
        for chunk in _chunks(scorings):
            by_id = {one.pk: one for one in chunk}
            self._read_items(chunk)
            packed = PackedScores.objects.filter(scoring__in=by_id).values_list(
                "scoring_id", "data"
            )
            for key, data in packed:
                items = self._items_of(by_id[key])
                try:
                    found[key] = ScoreVector.from_bytes(bytes(data), items)
                except BadVectorError:
                    # It only repeats the rows: they are read again, and it is written anew.
                    continue
            found |= self._pack([one for key, one in by_id.items() if key not in found])
        return found

    def _pack(self, scorings: Sequence[Scoring]) -> Mapping[int, ScoreVector]:
        found = {}
        for one in scorings:
            vector = pack(item_scores(one), self._items_of(one))
            PackedScores.objects.update_or_create(scoring=one, defaults={"data": vector.to_bytes()})
            found[one.pk] = vector
        return found

    def _read_items(self, scorings: Sequence[Scoring]) -> None:
        """Read the items of all task versions that are not known yet."""
        lacking = {key for one in scorings if (key := _key_of(one)) not in self._items}
        if not lacking:
            return
        most = max(count for _, count in lacking)
        rows = (
            Item.objects.filter(version_id__in={key for key, _ in lacking}, position__lt=most)
            .order_by("version_id", "position")
            .values_list("version_id", "key", "cluster")
        )
        by_version: dict[int, list[tuple[str, str | None]]] = {}
        for version, name, cluster in rows:
            by_version.setdefault(version, []).append((name, cluster or None))
        for version, count in lacking:
            items = by_version.get(version, [])[:count]
            self._items[version, count] = ItemList(
                [name for name, _ in items], [cluster for _, cluster in items]
            )

    def _items_of(self, scoring: Scoring) -> ItemList:
        return self._items[_key_of(scoring)]


def _key_of(scoring: Scoring) -> tuple[int, int]:
    return scoring.task_version_id, scoring.run.item_count


def _chunks(scorings: Iterable[Scoring]) -> Iterator[list[Scoring]]:
    rest = iter(scorings)
    while chunk := list(islice(rest, _AT_ONCE)):
        yield chunk
