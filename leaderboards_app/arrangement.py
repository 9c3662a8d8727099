"""The part of a snapshot that a reader requested: scope, filters, order. Ranks are never
recomputed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

Row = Mapping[str, Any]

SCOPES = ("platform", "all")
"""The two rankings of a board: rows that the platform ran itself, and these with submitted ones."""

SORTS: dict[str, Callable[[Row], Any]] = {
    "score": lambda row: row["score"]["value"] if row["score"] else None,
    "model": lambda row: row["contender"]["label"].casefold(),
    "cost": lambda row: row["cost_per_item"],
    "latency": lambda row: row["median_latency_ms"],
    "date": lambda row: row["date"],
    "attempts": lambda row: row["attempts"],
}

SORT_LABELS = {
    "score": _("score"),
    "model": _("model"),
    "cost": _("cost"),
    "latency": _("latency"),
    "date": _("date"),
    "attempts": _("attempts"),
}


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The rows of a view. `main` are ranked rows and reference lines, `apart` the others."""

    scope: str
    main: list[Row]
    apart: list[Row]
    sort: str
    maker: str
    search: str
    makers: list[str]
    ranked_by_scope: Mapping[str, int]
    """How many rows each of the two rankings has, whatever is filtered."""
    submitted: int
    """Submitted rows, ranked or not."""
    total: int
    """Ranked rows of this ranking, whatever is filtered."""

    @property
    def is_filtered(self) -> bool:
        return bool(self.maker or self.search)

    @property
    def ranked(self) -> int:
        """How many ranked rows are shown on all pages."""
        return sum(row["status"] == "ranked" for row in self.main)


def arrange(content: Mapping[str, Any], query: Mapping[str, str]) -> Arrangement:
    """Arrange a snapshot's rows as the query asks; what it does not know it ignores."""
    rows: list[Row] = content["rows"]
    submitted = sum(row["contender"]["kind"] == "submitted" for row in rows)
    ranked = {
        scope: sum(row["status"] == "ranked" and bool(row["ranks"][scope]) for row in rows)
        for scope in SCOPES
    }
    scope = query.get("scope", "")
    if scope not in SCOPES:
        scope = "platform" if ranked["platform"] or not submitted else "all"
    if scope == "platform":
        rows = [row for row in rows if row["contender"]["kind"] != "submitted"]
    makers = sorted({row["contender"]["maker"] for row in rows if row["contender"]["maker"]})
    maker = query.get("maker", "")
    search = query.get("q", "").strip()[:100]
    if maker in makers:
        rows = [row for row in rows if row["contender"]["maker"] == maker]
    else:
        maker = ""
    if search:
        wanted = search.casefold()
        rows = [row for row in rows if wanted in row["contender"]["label"].casefold()]
    sort = query.get("sort", "")
    rows = _sort_rows(rows, sort, content["metric"]["direction"] == "lower")
    return Arrangement(
        scope=scope,
        main=[row for row in rows if row["status"] in {"ranked", "reference"}],
        apart=[row for row in rows if row["status"] not in {"ranked", "reference"}],
        sort=sort.lstrip("-") if sort.lstrip("-") in SORTS else "score",
        maker=maker,
        search=search,
        makers=makers,
        ranked_by_scope=ranked,
        submitted=submitted,
        total=ranked[scope],
    )


def _sort_rows(rows: list[Row], sort: str, lower_is_better: bool) -> list[Row]:
    """Sort by one column; rows without a value come last either way. Best first by default."""
    key = SORTS.get(sort.removeprefix("-"))
    if key is None:
        key, is_downwards = SORTS["score"], not lower_is_better
    else:
        is_downwards = sort.startswith("-")
    with_value = [row for row in rows if key(row) is not None]
    without = [row for row in rows if key(row) is None]
    return sorted(with_value, key=key, reverse=is_downwards) + without
