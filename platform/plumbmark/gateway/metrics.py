"""Figures of the gateway's rows: leases, and what was spent."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Max, Q, Sum
from prometheus_client.core import CounterMetricFamily, Metric

from plumbmark.common.clock import now
from plumbmark.common.metrics import gauge
from plumbmark.gateway.models import BudgetLease, LedgerLine

NANO = 1e9
_COMMITTED_AFTER = timedelta(minutes=10)
"""Lines older than this are all visible: their sum never changes."""
_KINDS = (LedgerLine.Kind.SETTLE, LedgerLine.Kind.OVERRUN, LedgerLine.Kind.LOSS)


class LedgerTotals:
    """Sums over the whole ledger, of which each line is read once and not at every scrape.

    A line of a long transaction may become visible after lines with higher numbers, so only what is
    old is remembered.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._charged = 0
        self._costs: Counter[str] = Counter()

    def read(self) -> tuple[int, Counter[str]]:
        """Return what was charged, and the provider's cost by kind of line, in nanodollars. Two
        queries.
        """
        with self._lock:
            lines = LedgerLine.objects.filter(pk__gt=self._last)
            is_old = Q(at__lt=now() - _COMMITTED_AFTER)
            last = lines.aggregate(last=Max("id", filter=is_old))["last"] or self._last
            known = Q(pk__lte=last)
            rows = (
                lines.filter(kind__in=_KINDS)
                .values("kind")
                .annotate(
                    old_charged=Sum("charged", filter=known, default=0),
                    old_cost=Sum("provider_cost", filter=known, default=0),
                    charged_sum=Sum("charged"),
                    cost_sum=Sum("provider_cost"),
                )
            )
            charged, costs = self._charged, self._costs.copy()
            for row in rows:
                charged += row["charged_sum"]
                costs[row["kind"]] += row["cost_sum"]
                self._charged += row["old_charged"]
                self._costs[row["kind"]] += row["old_cost"]
            self._last = last
            return charged, costs


_totals = LedgerTotals()


def gateway_figures() -> Iterator[Metric]:
    """Return the figures of leases and of the ledger. Three queries."""
    leases = BudgetLease.objects.aggregate(n=Count("id"), amount=Sum("amount", default=0))
    yield gauge("budget_leases", "Parts of budgets that processes hold.", leases["n"])
    yield gauge(
        "budget_leased_dollars", "Money that processes hold in leases.", leases["amount"] / NANO
    )
    charged, costs = _totals.read()
    yield CounterMetricFamily(
        "plumbmark_charged_dollars",
        "Money that people and teams were charged, by the ledger.",
        value=charged / NANO,
    )
    family = CounterMetricFamily(
        "plumbmark_provider_cost_dollars",
        "What providers bill the platform: for what was charged, beyond it, and for nothing.",
        labels=["kind"],
    )
    for kind in _KINDS:
        family.add_metric([kind.value], costs[kind.value] / NANO)
    yield family
