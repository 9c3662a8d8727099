"""Scoring stored outputs again by a version: what it takes, the button, and how far it is."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import person
from tasks_app.authoring.queries import own_task_at, version_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.kinds import kind_of
from tasks_app.permissions import check_content
from tasks_app.scorings.actions import rescore_runs_of
from tasks_app.scorings.progress import rescoring_progress
from tasks_app.scorings.rescoring_scope import pending_scope


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rescore(request: HttpRequest, handle: str, slug: str, number: int) -> HttpResponse:
    """Show on GET what would be scored and what it costs; score on POST.

    `again` takes runs that the version has scored already, too.
    """
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    version = version_at(task=task, number=number, to=request.user)
    version.task = task
    kind_of(version).check_rescoring()
    check_content(version)
    user = person(request)
    if request.method == "POST":
        again = bool(request.POST.get("again"))
        scorings = rescore_runs_of(version=version, again=again, by=user)
        text = ngettext(
            "%(n)d run is being scored again.", "%(n)d runs are being scored again.", len(scorings)
        )
        messages.success(request, text % {"n": len(scorings)})
        return redirect(request.path)
    context = {
        "task": task,
        "version": version,
        "scope": pending_scope(version, again=False, by=user),
        "whole": pending_scope(version, again=True, by=user),
        "progress": rescoring_progress(version),
        "trail": [*trail_of(task), {"label": _("Score again")}],
    }
    return render(request, "tasks_app/scorings/rescore.html", context)
