"""Benchmarks that have yet to take a corrected key, for the page of its report."""

from django.db.models import Q
from django.urls import reverse

from benchmarks_app.actions.corrections import benchmarks_to_follow
from benchmarks_app.permissions import can_edit_benchmark
from benchmarks_app.queries import visible_benchmarks
from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_inside_of
from tasks_app.item_reports.effects import WaitingBenchmark
from tasks_app.models import ItemReport

_SHOWN = 20


def waiting_of_report(report: ItemReport, visitor: Visitor) -> list[WaitingBenchmark]:
    """Return those that the visitor may see in lists, with whether they may decide."""
    version = report.resulting_version
    if version is None:
        return []
    seen = visible_benchmarks(to=visitor).order_by().values("pk")
    inside = Q(namespace__in=namespaces_inside_of(visitor))
    found = benchmarks_to_follow(version).filter(Q(pk__in=seen) | inside)[:_SHOWN]
    return [
        WaitingBenchmark(
            id=one.public_id,
            title=one.title,
            url=one.get_absolute_url(),
            may_follow=can_edit_benchmark(visitor, one),
            follow_url=reverse("benchmarks:follow", args=[one.namespace.handle, one.slug]),
        )
        for one in found
    ]
