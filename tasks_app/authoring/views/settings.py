"""The settings of a task: its facts, who can see it, and what is withdrawn."""

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
from plumbmark.web.forms import add_problems
from tasks_app.authoring import actions as authoring
from tasks_app.authoring.allowed_deployments import (
    allow_deployment,
    allowed_deployments_of,
    disallow_deployment,
    find_any_deployment,
)
from tasks_app.authoring.forms import (
    AllowDeploymentForm,
    TaskFactsForm,
    VisibilityForm,
    WithdrawalForm,
)
from tasks_app.authoring.queries import own_task_at
from tasks_app.authoring.views.life import life_context
from tasks_app.authoring.views.trails import trail_of
from tasks_app.authoring.visibility import lasting_versions, set_task_visibility
from tasks_app.authoring.withdrawal import withdraw_content, withdrawable_versions


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task_settings(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show and change the facts of a task and its visibility."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    part = request.POST.get("part", "facts") if request.method == "POST" else ""
    facts = TaskFactsForm(
        request.POST if part == "facts" else None,
        initial={
            "title": task.title,
            "summary": task.summary,
            "licence": task.licence,
            "tags": ", ".join(task.tags),
            "citation": task.citation,
            "source_url": task.source_url,
            "source_authors": task.source_authors,
            "source_licence": task.source_licence,
        },
    )
    visibility = VisibilityForm(
        request.POST if part == "visibility" else None, initial={"visibility": task.visibility}
    )
    allowed = AllowDeploymentForm(request.POST if part in {"allow", "disallow"} else None)
    withdrawal = WithdrawalForm(
        request.POST if part == "withdrawal" else None, versions=withdrawable_versions(task)
    )
    forms = {
        "visibility": visibility,
        "allow": allowed,
        "disallow": allowed,
        "withdrawal": withdrawal,
    }
    form = forms.get(part, facts)
    if request.method == "POST" and form.is_valid():
        try:
            if part == "visibility":
                set_task_visibility(
                    task=task,
                    visibility=visibility.cleaned_data["visibility"],
                    by=person(request),
                )
            elif form is withdrawal:
                withdraw_content(
                    version=withdrawal.cleaned_data["version"],
                    reason=withdrawal.cleaned_data["reason"],
                    by=person(request),
                )
            elif form is allowed:
                change = allow_deployment if part == "allow" else disallow_deployment
                name = allowed.cleaned_data["deployment"]
                found = find_any_deployment(name, task=task)
                change(task=task, deployment=found, by=person(request))
            else:
                authoring.update_task(task=task, facts=facts.facts(), by=person(request))
        except InvalidInput as error:
            add_problems(form, error)
        except Conflict as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("Saved."))
            return redirect("tasks:settings", handle, slug)
        # What was refused must not stand in the page's head.
        task.refresh_from_db()
    context = {
        "task": task,
        "facts_form": facts,
        "visibility_form": visibility,
        "lasting": lasting_versions(task),
        "withdrawal_form": withdrawal,
        **life_context(request, task),
        "allow_form": allowed,
        "allowed_deployments": list(allowed_deployments_of(task)),
        "trail": [*trail_of(task), {"label": _("Settings")}],
    }
    return render(
        request,
        "tasks_app/authoring/settings.html",
        context,
        status=_status(facts, visibility, allowed, withdrawal),
    )


def _status(*forms: Any) -> int:
    return 422 if any(form.is_bound and form.errors for form in forms) else 200
