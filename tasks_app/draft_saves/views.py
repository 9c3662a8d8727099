"""Undoing a save and going back to one, from the editors."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from plumbmark.accounts.acting import person
from plumbmark.common.errors import Conflict
from tasks_app.authoring.queries import own_task_at
from tasks_app.draft_saves.actions import restore_save, undo_save
from tasks_app.draft_saves.queries import describe_save
from tasks_app.kinds import draft_kind_of
from tasks_app.models import DraftSave, Task, TaskDraft


@login_required
@require_POST
def save_undo(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Undo the last save."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    try:
        undone = undo_save(task=task, seen=_seen(request), by=person(request))
    except Conflict as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Undone: %(what)s.") % {"what": describe_save(undone)})
    return _to_editor(task)


@login_required
@require_POST
def save_restore(request: HttpRequest, handle: str, slug: str, save: str) -> HttpResponse:
    """Go back to a save."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    found = get_object_or_404(DraftSave, draft__task=task, public_id=save)
    try:
        restore_save(task=task, save=found, seen=_seen(request), by=person(request))
    except Conflict as error:
        messages.error(request, error.message)
    else:
        at = f"{found.created_at:%Y-%m-%d %H:%M}"
        messages.success(request, _("The draft is as it was saved at %(at)s UTC.") % {"at": at})
    return _to_editor(task)


def _seen(request: HttpRequest) -> str:
    return request.POST.get("seen", "")[:20]


def _to_editor(task: Task) -> HttpResponse:
    draft = TaskDraft.objects.get(task=task)
    return redirect(draft_kind_of(draft).edit_url, task.namespace.handle, task.slug)
