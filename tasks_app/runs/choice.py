"""The version that a page about running is about."""

from django.http import Http404, HttpRequest

from tasks_app.authoring.queries import task_at, version_with_task
from tasks_app.models import TaskVersion
from tasks_app.permissions import can_run_version


def version_to_run(request: HttpRequest, *, handle: str, slug: str) -> TaskVersion:
    """Return the version that the request names, or the task's latest, with its task; 404 if the
    visitor may not run it.
    """
    sent = request.POST if request.method == "POST" else request.GET
    version: TaskVersion | None
    if public_id := sent.get("version", ""):
        version = version_with_task(
            handle=handle, slug=slug, public_id=public_id[:20], to=request.user
        )
    else:
        task = task_at(handle=handle, slug=slug, to=request.user)
        version = task.latest_version
        if version is not None:
            version.task = task
    if version is None or not can_run_version(request.user, version):
        raise Http404
    return version
