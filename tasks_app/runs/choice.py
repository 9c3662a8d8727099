"""The version that a page about running is about."""

from django.http import Http404, HttpRequest

from tasks_app.models import Task, TaskVersion
from tasks_app.permissions import can_run_version


def version_to_run(request: HttpRequest, task: Task, public_id: str) -> TaskVersion:
    """Return the named version, or the latest; 404 if the visitor may not run it."""
    version = task.latest_version
    if public_id:
        version = TaskVersion.objects.filter(task=task, public_id=public_id[:20]).first()
    if version is None:
        raise Http404
    version.task = task
    if not can_run_version(request.user, version):
        raise Http404
    return version
