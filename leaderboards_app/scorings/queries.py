"""Named reads of a board under other scorings, as pages and the API show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leaderboards_app.models import ScoringOrders, Standings
from plumbmark.accounts.permissions import Visitor
from plumbmark.web.numbers import format_score
from tasks_app.models import TaskVersion
from tasks_app.permissions import can_view_version


@dataclass(frozen=True, slots=True)
class MovedRow:
    """A row under another scoring. Ranks are by score alone, among the rows that have both."""

    contender: str
    label: str
    before: float
    after: float
    before_text: str
    after_text: str
    rank_before: int
    rank_after: int

    @property
    def gained(self) -> int:
        """Return how many places it gains; negative if it loses some."""
        return self.rank_before - self.rank_after

    @property
    def lost(self) -> int:
        return -self.gained


@dataclass(frozen=True, slots=True)
class ScoringOrder:
    """A board under another scoring of one of its tasks."""

    place: int
    """From 1; part of its address."""
    task: int
    title: str
    version: str
    handle: str
    slug: str
    number: int | None
    is_board_version: bool
    """The same version of the task as the board's, with other versions of its scorers."""
    scorers: Mapping[str, str]
    tau: float | None
    missing: int
    """Ranked rows that have no such scoring."""
    rows_left_out: int
    rows: list[MovedRow]

    @property
    def moved(self) -> int:
        return sum(row.gained != 0 for row in self.rows)

    @property
    def tau_text(self) -> str:
        return "–" if self.tau is None else f"{self.tau:.3f}".replace("-", "\N{MINUS SIGN}")

    @property
    def scorers_text(self) -> str:
        """The scorers with their versions."""
        return ", ".join(f"{name} {version}" for name, version in self.scorers.items())


@dataclass(frozen=True, slots=True)
class ScoringOrderList:
    computed_at: datetime | None
    """None: nothing is kept for these standings."""
    orders: list[ScoringOrder]


def scoring_orders(
    standings: Standings, content: Mapping[str, Any], scope: str, *, to: Visitor
) -> ScoringOrderList:
    """Return the orders by other scorings, of versions that the visitor may see. Two queries."""
    kept = ScoringOrders.objects.filter(standings=standings.pk).first()
    if kept is None:
        return ScoringOrderList(None, [])
    documents = [one for one in kept.content["alternatives"] if one["scopes"][scope]]
    versions = TaskVersion.objects.select_related("task__namespace").filter(
        public_id__in={one["version"] for one in documents}, withheld_at__isnull=True
    )
    visible = {one.public_id for one in versions if can_view_version(to, one)}
    shown = [one for one in documents if one["version"] in visible]
    return ScoringOrderList(
        kept.computed_at,
        [_order(place, one, content, scope) for place, one in enumerate(shown, start=1)],
    )


def _order(
    place: int, document: Mapping[str, Any], content: Mapping[str, Any], scope: str
) -> ScoringOrder:
    found = document["scopes"][scope]
    names = ("task", "title", "version", "handle", "slug", "number", "is_board_version", "scorers")
    return ScoringOrder(
        place=place,
        **{name: document[name] for name in names},
        tau=found["tau"],
        missing=found["missing"],
        rows_left_out=found["rows_left_out"],
        rows=[
            MovedRow(
                **row,
                before_text=format_score(row["before"], content["metric"]),
                after_text=format_score(row["after"], document["metric"]),
            )
            for row in sorted(found["rows"], key=lambda row: row["rank_after"])
        ],
    )
