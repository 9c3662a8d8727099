"""Filters of a board: parameters of its address. They hide rows and never change a rank."""

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from leaderboards_app.board.rows import Row, facts_of

MAX_TEXT = 100


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter that offers the values that occur on the board."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    """Values and their labels."""
    chosen: str


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """A filter that is on, as a reader reads it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters that an address asks for, as far as the board knows them."""

    facets: Sequence[Facet]
    search: str
    max_cost: str
    """The highest cost per item in US dollars, as the reader wrote it; empty for none."""
    since: str
    """The earliest date, as YYYY-MM-DD; empty for none."""
    active: Sequence[ActiveFilter]

    @property
    def is_active(self) -> bool:
        return bool(self.active)

    def value_of(self, name: str) -> str:
        """Return the chosen value of a facet; empty for none or an unknown facet."""
        return next((one.chosen for one in self.facets if one.name == name), "")


@dataclass(frozen=True, slots=True)
class _FacetKind:
    label: Promise
    values: Callable[[Row], Sequence[str]]
    describe: Callable[[str], str] = str


def _open_weights(row: Row) -> list[str]:
    is_open = facts_of(row).get("open_weights")
    return [] if is_open is None else ["open" if is_open else "closed"]


def _describe_weights(value: str) -> str:
    return _("open weights") if value == "open" else _("closed weights")


def _maker(row: Row) -> list[str]:
    maker: str = row["contender"]["maker"]
    return [maker] if maker else []


def _effort(row: Row) -> list[str]:
    effort = facts_of(row).get("effort")
    return [effort] if effort else []


_KINDS: Mapping[str, _FacetKind] = {
    "maker": _FacetKind(gettext_lazy("Maker"), _maker),
    "weights": _FacetKind(gettext_lazy("Weights"), _open_weights, _describe_weights),
    "modality": _FacetKind(
        gettext_lazy("Takes in"), lambda row: facts_of(row).get("modalities", [])
    ),
    "effort": _FacetKind(gettext_lazy("Reasoning effort"), _effort),
}
PARAMETERS = (*_KINDS, "q", "max_cost", "since")


def filter_rows(rows: Sequence[Row], query: Mapping[str, str]) -> tuple[list[Row], Filters]:
    """Return the rows that pass, and the filters. What the board does not know is ignored."""
    active = []
    kept = list(rows)
    values = values_of(rows)
    for name, kind in _KINDS.items():
        chosen = query.get(name, "")
        if chosen in values[name]:
            kept = [row for row in kept if chosen in kind.values(row)]
            active.append(ActiveFilter(name, f"{kind.label}: {kind.describe(chosen)}"))
    facets = list_facets(values, query)
    kept, max_cost = _filter_by_cost(kept, query.get("max_cost", ""), active)
    kept, since = _filter_by_date(kept, query.get("since", ""), active)
    search = query.get("q", "").strip()[:MAX_TEXT]
    if search:
        wanted = search.casefold()
        kept = [row for row in kept if wanted in row["contender"]["label"].casefold()]
        active.append(ActiveFilter("q", _("name contains “%(text)s”") % {"text": search}))
    return kept, Filters(facets, search, max_cost, since, active)


def values_of(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return the values that each facet has on the board, sorted."""
    return {
        name: sorted({value for row in rows for value in kind.values(row)})
        for name, kind in _KINDS.items()
    }


def list_facets(values: Mapping[str, Sequence[str]], query: Mapping[str, str]) -> list[Facet]:
    """Return the facets that offer a choice, or on which the reader made one."""
    facets = []
    for name, kind in _KINDS.items():
        offered = values.get(name, ())
        chosen = query.get(name, "")
        chosen = chosen if chosen in offered else ""
        if len(offered) > 1 or chosen:
            options = [(value, kind.describe(value)) for value in offered]
            facets.append(Facet(name, str(kind.label), options, chosen))
    return facets


def _filter_by_cost(
    rows: list[Row], text: str, active: list[ActiveFilter]
) -> tuple[list[Row], str]:
    try:
        dollars = float(text.strip().lstrip("$"))
    except ValueError:
        return rows, ""
    if not math.isfinite(dollars) or dollars < 0:
        return rows, ""
    written = f"{dollars:g}"
    active.append(ActiveFilter("max_cost", _("at most $%(cost)s per item") % {"cost": written}))
    ceiling = dollars * 1e9
    kept = [
        row for row in rows if row["cost_per_item"] is not None and row["cost_per_item"] <= ceiling
    ]
    return kept, written


def _filter_by_date(
    rows: list[Row], text: str, active: list[ActiveFilter]
) -> tuple[list[Row], str]:
    try:
        since = datetime.date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        return rows, ""
    active.append(ActiveFilter("since", _("since %(date)s") % {"date": since}))
    return [row for row in rows if row["date"] and row["date"] >= since], since
