"""The page on which an author tries the scorers of a draft."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import person
from plumbmark.common.errors import Conflict, InvalidInput
from plumbmark.web.forms import add_problems
from tasks_app.authoring.preview import place_problems
from tasks_app.authoring.queries import own_draft_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.scorer_trials.forms import ScorerTrialForm
from tasks_app.scorer_trials.trials import (
    TrialResult,
    read_draft,
    runs_to_try,
    try_on_run,
    try_scorers,
)


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
    form = ScorerTrialForm(
        request.POST if request.method == "POST" else None,
        keys=list(read.items),
        runs=runs,
        initial={"layout": "one", "item": next(iter(read.items), "")},
    )
    results: list[TrialResult] = []
    if form.is_valid():
        chosen = next((one for one in runs if str(one.pk) == form.cleaned_data["run"]), None)
        try:
            if chosen is not None:
                results = try_on_run(read, chosen, by=user)
            else:
                results = try_scorers(read, form.cleaned_data["to_try"])
        except InvalidInput as error:
            add_problems(form, error)
    context |= {"form": form, "results": results}
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "tasks_app/scorer_trials/scorers.html", context, status=status)
