"""The consequences of an accepted report: boards that moved, and benchmarks that have yet to
follow. The apps above add them to the pages and the API of reports.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plumbmark.accounts.permissions import Visitor
from tasks_app.models import ItemReport


@dataclass(frozen=True, slots=True)
class RowMove:
    """A row of a board before and after a correction. Texts as pages show them."""

    label: str
    kind: str
    """`new`, `gone` or `changed`."""
    score_before: str
    score_after: str
    rank_before: str
    rank_after: str


@dataclass(frozen=True, slots=True)
class BoardMove:
    """A board that a corrected key changed."""

    benchmark: str
    """Its title."""
    url: str
    before: str
    """The public id of the last snapshot before; empty if there was none."""
    after: str
    """The public id of the first snapshot with the corrected key."""
    before_number: int | None
    after_number: int
    changes: Sequence[RowMove]
    """The rows that moved, in the order of the later snapshot."""
    more: int
    """Rows beyond those listed."""
    note: str = ""
    """Why no rows are listed, if the content of a snapshot is no longer kept."""


@dataclass(frozen=True, slots=True)
class WaitingBenchmark:
    """A benchmark whose newest version has the earlier key."""

    id: str
    title: str
    url: str
    may_follow: bool
    """The visitor is one of its authors, who decide."""
    follow_url: str


MovesOfReport = Callable[[ItemReport, Visitor], Sequence[BoardMove]]
WaitingOfReport = Callable[[ItemReport, Visitor], Sequence[WaitingBenchmark]]

_moves: dict[str, MovesOfReport] = {}
_waiting: dict[str, WaitingOfReport] = {}


def register_moves(name: str, of_report: MovesOfReport) -> None:
    """Show the boards that this returns on the pages of reports."""
    _moves[name] = of_report


def register_waiting(name: str, of_report: WaitingOfReport) -> None:
    """Show the benchmarks that this returns on the pages of reports."""
    _waiting[name] = of_report


def moves_of(report: ItemReport, *, to: Visitor) -> list[BoardMove]:
    """Return the boards that the visitor may see and that the report's correction changed."""
    if not report.changed_the_key:
        return []
    return [move for find in _moves.values() for move in find(report, to)]


def waiting_benchmarks(report: ItemReport, *, to: Visitor) -> list[WaitingBenchmark]:
    """Return the benchmarks that the visitor may see and that have the earlier key."""
    if not report.changed_the_key:
        return []
    return [one for find in _waiting.values() for one in find(report, to)]
