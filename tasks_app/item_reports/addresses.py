"""Addresses of reports."""

from django.urls import reverse

from tasks_app.kinds import kind_of
from tasks_app.models import TaskVersion


def report_address(version: TaskVersion, position: int) -> str:
    """Return where an item can be reported; empty for a version without an address, and for
    programs, whose items are their own.
    """
    if version.number is None or version.is_withheld or kind_of(version).runs_program:
        return ""
    task = version.task
    place = [task.namespace.handle, task.slug, version.number, position]
    return reverse("tasks:report-item", args=place)
