"""Named reads of weightings, as pages and the API show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models.fields.json import KeyTransform

from leaderboards_app.board.rows import Row, format_rank
from leaderboards_app.models import Standings, Weightings
from leaderboards_app.weights.addresses import ReaderWeights, task_weights
from leaderboards_app.weights.computation import ReaderRank, rank_by_reader
from plumbmark.web.numbers import format_score


@dataclass(frozen=True, slots=True)
class WeighedRow:
    """A row under the reader's weights, beside what the board says of it."""

    row: Row
    yours: ReaderRank
    value: str
    """As a page writes it."""
    official_rank: str
    official_place: int
    """Among the ranked rows by the author's weights, as the reader's rank is counted."""
    share: float | None
    """Of all plausible weightings, those under which it leads; None where it is not known."""

    @property
    def moved(self) -> int:
        """Return how many places it gains under the reader's weights; negative if it loses."""
        return self.official_place - (self.yours.rank or self.official_place)

    @property
    def lost(self) -> int:
        """Return how many places it loses."""
        return -self.moved

    @property
    def share_text(self) -> str:
        """The share in percent, as a page writes it."""
        if self.share is None:
            return "–"
        return "< 0.1 %" if 0 < self.share < 0.001 else f"{100 * self.share:.1f} %"


@dataclass(frozen=True, slots=True)
class WeighedTask:
    """A task with its weights, as shares of all."""

    number: int
    title: str
    tags: Sequence[str]
    share: float
    official_share: float


def tags_of_tasks(public_id: str) -> Sequence[Sequence[str]]:
    """Return the tags of each task of a snapshot; none where no weightings are kept. One query."""
    found: Any = (
        Weightings.objects.filter(standings__public_id=public_id)
        .values_list(KeyTransform("tags", "content"), flat=True)
        .first()
    )
    return found or ()


def weightings_document(standings: Standings) -> Mapping[str, Any] | None:
    """Return the stored weightings of a snapshot; None where there are none. One query."""
    found = Weightings.objects.filter(standings=standings.pk).values_list("content", flat=True)
    document: Mapping[str, Any] | None = found.first()
    return document


def weigh_rows(
    content: Mapping[str, Any],
    document: Mapping[str, Any] | None,
    chosen: ReaderWeights,
    scope: str,
) -> list[WeighedRow]:
    """Return the ranked rows of a scope in the order of the reader's weights."""
    tags = document["tags"] if document else ()
    yours = rank_by_reader(content, chosen, tags, scope)
    official = rank_by_reader(content, ReaderWeights(), tags, scope)
    shares = document["scopes"][scope] if document else {}
    found = [
        WeighedRow(
            row=row,
            yours=one,
            value=format_score(one.value, content["metric"]),
            official_rank=format_rank(row["ranks"][scope]["best"], row["ranks"][scope]["worst"]),
            official_place=official[row["contender"]["id"]].rank or 0,
            share=shares.get(row["contender"]["id"]),
        )
        for row in content["rows"]
        if row["ranks"][scope] and (one := yours.get(row["contender"]["id"])) is not None
    ]
    return sorted(found, key=lambda one: one.yours.rank or 0)


def weigh_tasks(
    content: Mapping[str, Any], tags: Sequence[Sequence[str]], chosen: ReaderWeights
) -> list[WeighedTask]:
    """Return the tasks with the reader's weights and the author's."""
    weights = task_weights(chosen, content, tags)
    total = sum(weights)
    return [
        WeighedTask(
            number,
            task["title"],
            tags[number - 1] if number <= len(tags) else (),
            weight / total,
            task["weight"],
        )
        for number, (task, weight) in enumerate(
            zip(content["tasks"], weights, strict=True), start=1
        )
    ]
