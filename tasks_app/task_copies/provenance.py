"""The source of a task's items, as its page says it."""

from typing import Any

from django.utils.translation import gettext as _

from plumbmark.accounts.permissions import Visitor
from tasks_app.models import Task
from tasks_app.permissions import can_view_version


def provenance_of(task: Task, *, to: Visitor) -> list[dict[str, Any]]:
    """Return rows for `components/key_values.html`; none for a task without a source."""
    rows: list[dict[str, Any]] = []
    origin = task.copied_from
    if origin is not None and can_view_version(to, origin):
        text = _("%(title)s by %(handle)s, version %(number)s, on %(day)s")
        values = {
            "title": origin.task.title,
            "handle": origin.task.namespace.handle,
            "number": origin.number,
            "day": f"{task.created_at:%Y-%m-%d}",
        }
        row = {"key": _("Copied from"), "value": text % values, "url": origin.get_absolute_url()}
        rows.append(row)
    elif origin is not None:
        rows.append({"key": _("Copied from"), "value": _("a task that you may not see")})
    if task.source_url:
        # No link: anybody can write anything there.
        rows.append({"key": _("Source"), "value": task.source_url})
    if task.source_authors:
        rows.append({"key": _("Authors of the source"), "value": task.source_authors})
    if task.source_licence:
        rows.append({"key": _("Licence of the source"), "value": task.source_licence})
    return rows
