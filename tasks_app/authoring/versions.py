"""What building a version of a definition and of code have in common."""

from typing import Any

from tasks_app.definitions.document import MetricSpec
from tasks_app.models import Task, TaskVersion


def version_built_of(task: Task, source_digest: str) -> TaskVersion | None:
    """Return the newest complete version of the same source: an unchanged draft is not built
    twice.
    """
    return (
        task.versions.filter(source_digest=source_digest)
        .filter(state__in=[TaskVersion.State.READY, TaskVersion.State.PUBLISHED])
        .order_by("-id")
        .first()
    )


def metric_columns(metric: MetricSpec) -> dict[str, Any]:
    """Return a version's columns about its main metric."""
    return {
        "metric_name": metric.name,
        "metric_direction": metric.direction,
        "metric_unit": metric.unit,
        "metric_lower": metric.lower,
        "metric_upper": metric.upper,
    }
