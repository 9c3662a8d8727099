"""Breadcrumbs of tasks."""

from django.urls import reverse
from django.utils.translation import gettext as _

from tasks_app.models import Task


def list_step() -> dict[str, str]:
    return {"label": _("Tasks"), "url": reverse("tasks:list")}


def trail_of(task: Task) -> list[dict[str, str]]:
    """Return the breadcrumb down to a task."""
    return [
        list_step(),
        {"label": task.namespace.handle, "url": task.namespace.get_absolute_url()},
        {"label": task.title, "url": task.get_absolute_url()},
    ]
