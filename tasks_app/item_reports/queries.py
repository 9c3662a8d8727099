"""Named reads of reports of items."""

from django.db.models import Count, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_acted_for_by
from plumbmark.accounts.visible import find_visible
from tasks_app.item_reports.permissions import can_view_report
from tasks_app.models import Item, ItemReport, Task, TaskVersion
from tasks_app.permissions import can_view_private_items, sees_pinned_versions_alone


def report_at(*, public_id: str, to: Visitor) -> ItemReport:
    """Return a report; 404 if the visitor may not see its item."""
    rows = _with_facts(ItemReport.objects.all())
    return find_visible(rows, public_id, to=to, allows=can_view_report)


def reports_of_task(task: Task, *, to: Visitor) -> QuerySet[ItemReport]:
    """Return the reports on all versions of a task whose items the visitor may see, newest
    first.
    """
    reports = ItemReport.objects.filter(version__task=task)
    if sees_pinned_versions_alone(to, task):
        reports = reports.filter(version__pinned_at__isnull=False)
    if not can_view_private_items(to, task):
        reports = reports.filter(
            item__split=Item.Split.PUBLIC, version__state=TaskVersion.State.PUBLISHED
        )
    return _with_facts(reports).order_by("-id")


def reports_of_item(item: Item, version: TaskVersion, *, to: Visitor) -> QuerySet[ItemReport]:
    """Return the reports on an item and on the same one in other versions of the task."""
    return reports_of_task(version.task, to=to).filter(item__key=item.key)


def count_of_open_reports(task: Task, *, to: Visitor) -> Coalesce:
    """Return, for a query, how many reports of a task wait for a decision, among those that the
    visitor may see.
    """
    reports = reports_of_task(task, to=to).filter(status=ItemReport.State.OPEN)
    count = reports.order_by().values(every=Value(1)).values(n=Count("pk"))
    return Coalesce(Subquery(count), 0)


def waiting_reports(person: Visitor) -> QuerySet[ItemReport]:
    """Return the open reports that the person may decide, oldest first."""
    reports = ItemReport.objects.filter(
        status=ItemReport.State.OPEN, version__task__namespace__in=namespaces_acted_for_by(person)
    )
    return _with_facts(reports).order_by("id")


def unfollowed_reports() -> QuerySet[ItemReport]:
    """Return accepted reports whose outputs are being scored, or whose benchmarks have yet to
    follow, oldest first.
    """
    return _with_facts(
        ItemReport.objects.filter(resulting_version__isnull=False, followed_at__isnull=True)
    ).order_by("id")


def _with_facts(reports: QuerySet[ItemReport]) -> QuerySet[ItemReport]:
    return reports.select_related(
        "item",
        "version__task__namespace",
        "created_by__namespace",
        "decided_by__namespace",
        "resulting_version",
    )
