"""How busy this process's gateway is, read when somebody asks."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from plumbmark.common.metrics import OWN
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.calls.concurrency import AdaptiveLimit
from plumbmark.gateway.calls.gateway import Gateway
from plumbmark.gateway.calls.metrics import NAMES, names_of


class GatewayGauges(Collector):
    """Gauges of the process's gateway at the moment; all 0 before its first call."""

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges. Called on any thread: a moment later they differ anyway."""
        gateway = runtime.gateway_if_open()
        yield GaugeMetricFamily(
            "plumbmark_calls_in_flight",
            "Calls that wait for their answer, for money, or for a slot.",
            value=gateway.calls_in_flight if gateway else 0,
        )
        yield GaugeMetricFamily(
            "plumbmark_calls_waiting_for_budget",
            "Calls that wait until others have settled, because the budget is short.",
            value=gateway.leases.waiting if gateway else 0,
        )
        slots = GaugeMetricFamily(
            "plumbmark_call_slots",
            "Calls that may be in flight at once: it falls when the provider is overloaded.",
            labels=NAMES,
        )
        used = GaugeMetricFamily(
            "plumbmark_call_slots_used", "Attempts in flight at the provider.", labels=NAMES
        )
        waiting = GaugeMetricFamily(
            "plumbmark_calls_waiting_for_slot", "Calls that wait for a slot.", labels=NAMES
        )
        paused = GaugeMetricFamily(
            "plumbmark_provider_paused",
            "1 while the provider asked to be left alone (Retry-After).",
            labels=NAMES,
        )
        for names, limits in _limits(gateway).items() if gateway else ():
            slots.add_metric(names, sum(int(limit.limit) for limit in limits))
            used.add_metric(names, sum(limit.in_flight for limit in limits))
            waiting.add_metric(names, sum(limit.waiting for limit in limits))
            paused.add_metric(names, float(any(limit.is_paused for limit in limits)))
        yield from (slots, used, waiting, paused)


def _limits(gateway: Gateway) -> dict[tuple[str, str], set[AdaptiveLimit]]:
    """Return the limits by name. Deployments of one account at a provider share one."""
    found: dict[tuple[str, str], set[AdaptiveLimit]] = {}
    for terms, limit in gateway.open_limits():
        found.setdefault(names_of(terms), set()).add(limit)
    return found


OWN.register(GatewayGauges())
