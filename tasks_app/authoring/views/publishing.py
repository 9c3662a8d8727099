"""The page on which a draft is published as a version."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import person
from plumbmark.common.errors import Conflict, InvalidInput
from tasks_app.authoring import draft_jobs, drafts, publication
from tasks_app.authoring.forms import PublishTaskForm
from tasks_app.authoring.preview import Preview, place_problems, preview_of
from tasks_app.authoring.queries import own_draft_at
from tasks_app.authoring.views.editor_page import preview_context
from tasks_app.authoring.views.trails import trail_of
from tasks_app.models import Task


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task_publish(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show what publishing means, the whole draft checked, and the button."""
    draft = own_draft_at(handle=handle, slug=slug, by=request.user, related=["code_file"])
    task = draft.task
    form = PublishTaskForm(
        request.POST or None,
        initial={"visibility": task.visibility if task.latest_version_id else "public"},
    )
    if request.method == "POST" and form.is_valid() and draft_jobs.is_heavy(draft):
        job = draft_jobs.start_publication(
            draft=draft,
            visibility=form.cleaned_data["visibility"],
            notes=form.cleaned_data["notes"],
            return_url=request.path,
            by=person(request),
        )
        return redirect(job)
    if request.method == "POST" and form.is_valid():
        try:
            version = publication.publish_task(
                task=task,
                visibility=form.cleaned_data["visibility"],
                notes=form.cleaned_data["notes"],
                by=person(request),
            )
        except InvalidInput as error:
            context = preview_context(
                draft, Preview(problems=place_problems(error.problems, draft.definition_text))
            )
            return _publish_page(request, task, form, context, status=422)
        except Conflict as error:
            form.add_error(None, error.message)
        else:
            messages.success(
                request,
                _("Version %(number)s is published.") % {"number": version.number},
            )
            return redirect("tasks:detail", handle, slug)
    # A large file is checked as a whole only when the button is pressed.
    rows = drafts.FIRST_ROWS if draft_jobs.is_heavy(draft) else None
    context = preview_context(draft, preview_of(draft, rows=rows))
    return _publish_page(
        request, task, form, context, status=422 if form.is_bound and form.errors else 200
    )


def _publish_page(
    request: HttpRequest, task: Task, form: PublishTaskForm, context: dict[str, Any], status: int
) -> HttpResponse:
    highest = task.latest_version.number if task.latest_version else 0
    context |= {
        "task": task,
        "form": form,
        "next_number": (highest or 0) + 1,
        "trail": [*trail_of(task), {"label": _("Publish")}],
    }
    return render(request, "tasks_app/authoring/publish.html", context, status=status)
