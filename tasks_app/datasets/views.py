"""Images and audio of items, samples and drafts, each behind the permission to see that."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from tasks_app.authoring.queries import own_task_at
from tasks_app.datasets.media.responses import (
    attachment_of_draft,
    attachment_of_item,
    attachment_response,
)
from tasks_app.models import Item, TaskDraft, TaskVersion
from tasks_app.permissions import can_view_item, can_view_version
from tasks_app.runs.queries import run_at
from tasks_app.runs.transcripts import item_of_sample


@require_safe
def item_file(request: HttpRequest, public_id: str, position: int, sha256: str) -> HttpResponse:
    version = get_object_or_404(
        TaskVersion.objects.select_related("task__namespace"), public_id=public_id
    )
    if not can_view_version(request.user, version):
        raise Http404
    item = get_object_or_404(Item, version=version, position=position)
    if not can_view_item(request.user, item, version.task):
        raise Http404
    return attachment_response(request, attachment_of_item(item, sha256))


@require_safe
def sample_file(request: HttpRequest, run_id: int, ordinal: int, sha256: str) -> HttpResponse:
    run = run_at(run_id=run_id, to=request.user)
    item = item_of_sample(run=run, ordinal=ordinal, to=request.user)
    return attachment_response(request, attachment_of_item(item, sha256))


@require_safe
def draft_file(request: HttpRequest, handle: str, slug: str, sha256: str) -> HttpResponse:
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    draft = get_object_or_404(TaskDraft, task=task)
    return attachment_response(request, attachment_of_draft(draft, sha256))
