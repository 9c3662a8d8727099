"""The page on which an author tries the scorers of a draft."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import person
from plumbmark.background.models import Job
from plumbmark.background.queries import job_at
from plumbmark.background.retention import FINISHED_JOBS
from plumbmark.background.views import job_context
from plumbmark.common.errors import Conflict, DomainError, InvalidInput
from plumbmark.web.forms import add_problems
from tasks_app.authoring.preview import place_problems
from tasks_app.authoring.queries import own_draft_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.models import Task
from tasks_app.scorer_trials.forms import ScorerTrialForm, initial_of
from tasks_app.scorer_trials.sandbox_jobs import (
    TRY,
    outputs_of,
    results_of,
    start_sandbox_trial,
)
from tasks_app.scorer_trials.trials import (
    TrialResult,
    read_draft,
    runs_to_try,
    scorer_of,
    try_on_run,
    try_scorers,
)
from tasks_app.workers.sandbox import why_nothing_runs_code


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def scorers(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show a form for outputs and what each scorer of the draft says of them. Saves nothing."""
    draft = own_draft_at(handle=handle, slug=slug, by=request.user, related=["code_file"])
    task = draft.task
    context: dict[str, Any] = {
        "task": task,
        "trail": [*trail_of(task), {"label": _("Try scorers")}],
    }
    try:
        read = read_draft(draft)
    except Conflict:
        return redirect("tasks:edit-code", handle, slug)
    except InvalidInput as error:
        context["problems"] = place_problems(error.problems, draft.definition_text)
        return render(request, "tasks_app/scorer_trials/scorers.html", context)
    user = person(request)
    runs = runs_to_try(draft, by=user)
    job = _trial_of(request, task)
    form = ScorerTrialForm(
        request.POST if request.method == "POST" else None,
        keys=list(read.items),
        runs=runs,
        initial={
            "layout": "one",
            "item": next(iter(read.items), ""),
            **(initial_of(outputs_of(job), job.arguments["run"]) if job else {}),
        },
    )
    results: list[TrialResult] = results_of(job) if job else []
    if form.is_valid():
        chosen = next((one for one in runs if str(one.pk) == form.cleaned_data["run"]), None)
        outputs = form.cleaned_data.get("to_try", ())
        try:
            if request.POST.get("then") == "sandbox" and (chosen or outputs):
                trial = start_sandbox_trial(draft=draft, outputs=outputs, run=chosen, by=user)
                return redirect(f"{request.path}?trial={trial.public_id}")
            if chosen is not None:
                results = try_on_run(read, chosen, by=user)
            else:
                results = try_scorers(read, outputs)
        except InvalidInput as error:
            add_problems(form, error)
        except DomainError as error:
            form.add_error(None, error.message)
    context |= {
        "form": form,
        "results": results,
        "needs_sandbox": (needs_sandbox := scorer_of(read.definition).needs_sandbox),
        "why_no_sandbox": why_nothing_runs_code() if needs_sandbox else "",
        "kept_days": FINISHED_JOBS.days,
        **(job_context(job) if job else {}),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "tasks_app/scorer_trials/scorers.html", context, status=status)


def _trial_of(request: HttpRequest, task: Task) -> Job | None:
    """Return the trial in the sandbox that the address names, if it is one of this task."""
    public_id = request.GET.get("trial", "")
    if request.method == "POST" or not public_id:
        return None
    job = job_at(public_id=public_id, to=request.user)
    if (job.kind, job.subject) != (TRY, f"task:{task.public_id}"):
        raise Http404
    return job
