"""Policies: how long exchanges are kept, and when the lines of the ledger are summed."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace
from plumbmark.common.retention import RETENTION, RetentionPolicy
from plumbmark.gateway.models import Call, Exchange, Grant, LedgerLine
from plumbmark.gateway.storage.withholding import withhold

FindGrants = Callable[[], "QuerySet[Grant]"]

_finders: dict[str, FindGrants] = {}


def keep_exchanges_of(name: str, find: FindGrants) -> None:
    """Keep the exchanges of these grants, however old: `keep_exchanges_of("runs", …)` in
    `AppConfig.ready`.

    Work that goes on after a pause or a crash finds there which of its questions were answered.
    """
    _finders[name] = find


def _old_exchanges(before: datetime) -> "QuerySet[Exchange]":
    """Return exchanges that no work under way can need."""
    rows = Exchange.objects.filter(call__started_at__lt=before, withheld_at__isnull=True)
    for find in _finders.values():
        rows = rows.exclude(call__grant__in=find())
    return rows.order_by("call__started_at", "pk")


def _withhold_exchanges(exchanges: "QuerySet[Exchange]") -> int:
    return withhold(exchanges, reason=RETENTION)


# --- the ledger -----------------------------------------------------------------------------------


def _unsummed_lines(before: datetime) -> "QuerySet[LedgerLine]":
    """Return lines of old days. What an administrator adjusted keeps its reason."""
    return (
        LedgerLine.objects.filter(day__lt=before.date(), summed_lines__isnull=True)
        .exclude(kind=LedgerLine.Kind.ADJUST)
        .order_by("pk")
    )


_Key = tuple[int, Any, str]


def _key(line: LedgerLine) -> _Key:
    return line.payer_id, line.day, line.kind


def _sum_lines(lines: "QuerySet[LedgerLine]") -> int:
    """Merge lines of one payer, day and kind into one; return how many there were.

    The line with the lowest number takes the sums, so that the ledger's order stays and readers who
    have seen all lines up to some number have seen the same sums. Its calls are those of all.
    """
    payers = sorted(set(lines.order_by().values_list("payer", flat=True).distinct()))
    # One process at a time for a payer: otherwise two lines of one day might take the sums.
    list(Namespace.objects.select_for_update(no_key=True).filter(pk__in=payers).order_by("pk"))
    groups: dict[_Key, list[LedgerLine]] = defaultdict(list)
    for line in lines.select_for_update(no_key=True):
        groups[_key(line)].append(line)
    summed = _summed_lines(groups)
    merged: list[int] = []
    for key, members in groups.items():
        known = summed.get(key)
        merged += _merge([known, *members] if known is not None else members)
    LedgerLine.objects.filter(pk__in=merged).delete()
    return sum(len(members) for members in groups.values())


def _summed_lines(keys: Iterable[_Key]) -> dict[_Key, LedgerLine]:
    """Return the lines that have taken sums of these payers and days already."""
    wanted = list(keys)
    found = LedgerLine.objects.filter(
        payer__in={payer for payer, _day, _kind in wanted},
        day__in={day for _payer, day, _kind in wanted},
        summed_lines__isnull=False,
    )
    # Sorted here: the database would read all lines of the payer for the sake of the order.
    return {_key(line): line for line in sorted(found, key=lambda one: one.pk, reverse=True)}


def _merge(lines: list[LedgerLine]) -> list[int]:
    """Sum lines into the one with the lowest number; return the ids of the others, to be deleted.

    A line alone keeps its reason and its grant.
    """
    kept, *others = sorted(lines, key=lambda line: line.pk)
    ids = [line.pk for line in others]
    kept.summed_lines = sum(line.summed_lines or 1 for line in lines)
    if others:
        for column in ("amount", "charged", "provider_cost", "calls"):
            setattr(kept, column, sum(getattr(line, column) for line in lines))
        kept.grant = None
        kept.reason = f"{kept.summed_lines:,} lines of {kept.day:%Y-%m-%d} summed: {RETENTION}"
        Call.objects.filter(ledger_line__in=ids).update(ledger_line=kept)
    kept.save()
    return ids


EXCHANGES = RetentionPolicy(
    "exchanges",
    _("Recorded requests and responses of calls"),
    _old_exchanges,
    "call__started_at",
    _withhold_exchanges,
)
LEDGER = RetentionPolicy(
    "ledger", _("Lines of the ledger, which are summed"), _unsummed_lines, "at", _sum_lines
)
