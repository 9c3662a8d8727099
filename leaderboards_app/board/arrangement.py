"""The part of a snapshot that a reader requested: scope, filters, order. Ranks are never
recomputed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from leaderboards_app.board.columns import list_score_columns
from leaderboards_app.board.filters import Filters, filter_rows
from leaderboards_app.board.rows import Row, facts_of
from leaderboards_app.weights.addresses import PARAMETER, ReaderWeights, read_weights
from leaderboards_app.weights.computation import ReaderRank, rank_by_reader
from plumbmark.common.errors import InvalidInput

SCOPES = ("platform", "all")
"""The two rankings of a board: rows that the platform ran itself, and these with submitted ones."""

SORTS: dict[str, Callable[[Row], Any]] = {
    "score": lambda row: row["score"]["value"] if row["score"] else None,
    "model": lambda row: row["contender"]["label"].casefold(),
    "cost": lambda row: row["cost_per_item"],
    "latency": lambda row: row["median_latency_ms"],
    "date": lambda row: row["date"],
    "attempts": lambda row: row["attempts"],
    "released": lambda row: facts_of(row).get("released_on"),
}

SORT_LABELS = {
    "score": _("score"),
    "model": _("model"),
    "cost": _("cost"),
    "latency": _("latency"),
    "date": _("date"),
    "attempts": _("attempts"),
    "released": _("release date"),
    "yours": _("your weights"),
}
YOURS = "yours"
"""The order by the reader's weights."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The rows of a view. `main` are ranked rows and reference lines, `apart` the others.

    Of a long board as it opens they are only the rows of the first page; the counts are of all.
    """

    scope: str
    main: Sequence[Row]
    apart: Sequence[Row]
    main_count: int
    apart_count: int
    ranked: int
    """Ranked rows among `main_count`."""
    sort: str
    """A key of `SORTS`, or the name of a column of scores: `task-N`, `group-N`, `metric-N-M`."""
    filters: Filters
    ranked_by_scope: Mapping[str, int]
    """Rows of each of the two rankings, whatever is filtered."""
    submitted: int
    """Submitted rows, ranked or not."""
    total: int
    """Ranked rows of this ranking, whatever is filtered."""
    running: int
    """Cells of this ranking whose runs were queued or at work, whatever is filtered."""
    yours: Mapping[str, ReaderRank] = field(default_factory=dict)
    """Value and rank under the reader's weights, by contender; empty where none are chosen."""
    weights: ReaderWeights = field(default_factory=ReaderWeights)
    weights_problem: str = ""
    """Why the weights in the address were not used."""

    @property
    def is_filtered(self) -> bool:
        return self.filters.is_active


def arrange(
    content: Mapping[str, Any], query: Mapping[str, str], tags: Sequence[Sequence[str]] = ()
) -> Arrangement:
    """Arrange a snapshot's rows as the query asks; what it does not know it ignores.

    `tags` are those of each task, for the reader's weights.
    """
    rows: list[Row] = content["rows"]
    submitted = sum(row["contender"]["kind"] == "submitted" for row in rows)
    ranked = {
        scope: sum(row["status"] == "ranked" and bool(row["ranks"][scope]) for row in rows)
        for scope in SCOPES
    }
    scope = choose_scope(content, query.get("scope", ""))
    if scope == "platform":
        rows = [row for row in rows if row["contender"]["kind"] != "submitted"]
    running = sum(cell["state"] == "running" for row in rows for cell in row["tasks"])
    rows, filters = filter_rows(rows, query)
    weights, weights_problem = _read_weights(query, content, tags)
    yours = rank_by_reader(content, weights, tags, scope) if weights.is_chosen else {}
    rows, sort = _sort_rows(rows, query.get("sort", ""), content, yours)
    main = [row for row in rows if row["status"] in {"ranked", "reference"}]
    apart = [row for row in rows if row["status"] not in {"ranked", "reference"}]
    return Arrangement(
        scope=scope,
        main=main,
        apart=apart,
        main_count=len(main),
        apart_count=len(apart),
        ranked=sum(row["status"] == "ranked" for row in main),
        sort=sort,
        filters=filters,
        ranked_by_scope=ranked,
        submitted=submitted,
        total=ranked[scope],
        running=running,
        yours=yours,
        weights=weights,
        weights_problem=weights_problem,
    )


def _read_weights(
    query: Mapping[str, str], content: Mapping[str, Any], tags: Sequence[Sequence[str]]
) -> tuple[ReaderWeights, str]:
    text = query.get(PARAMETER, "")
    if len(content["tasks"]) < 2:
        problem = _now("the board has one task, so there is nothing to weigh")
        return ReaderWeights(), problem if text else ""
    try:
        return read_weights(text, content, tags), ""
    except InvalidInput as error:
        return ReaderWeights(), "; ".join(one.message for one in error.problems)


def choose_scope(content: Mapping[str, Any], wanted: str) -> str:
    """Return the ranking to show: the wanted one, or the first that has a ranked row."""
    if wanted in SCOPES:
        return wanted
    rows: Sequence[Row] = content["rows"]
    if any(row["status"] == "ranked" and row["ranks"]["platform"] for row in rows):
        return "platform"
    return "all" if any(row["contender"]["kind"] == "submitted" for row in rows) else "platform"


def _sort_rows(
    rows: list[Row], sort: str, content: Mapping[str, Any], yours: Mapping[str, ReaderRank]
) -> tuple[list[Row], str]:
    """Sort by one column, and return its name; rows without a value come last either way. Best
    first by default: by the reader's weights where some are chosen.
    """
    name = sort.removeprefix("-")
    if yours and name in {"", YOURS}:
        name, sort = YOURS, sort or f"-{YOURS}"

    def by_reader(row: Row) -> Any:
        one = yours.get(row["contender"]["id"])
        return one.value if one else None

    key = by_reader if name == YOURS and yours else SORTS.get(name)
    key = key or _score_key(name, content)
    if key is None:
        name, key = "score", SORTS["score"]
        is_downwards = content["metric"]["direction"] != "lower"
    else:
        is_downwards = sort.startswith("-")
    with_value = [row for row in rows if key(row) is not None]
    without = [row for row in rows if key(row) is None]
    return sorted(with_value, key=key, reverse=is_downwards) + without, name


def _score_key(name: str, content: Mapping[str, Any]) -> Callable[[Row], Any] | None:
    """Return the value of a column of scores by its name; None for an unknown one."""
    column = next((one for one in list_score_columns(content) if one.sort == name), None)
    return None if column is None else column.value_of
