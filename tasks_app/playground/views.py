"""The playground's pages: ask, see side by side, make a task of it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, person
from plumbmark.common.errors import (
    Conflict,
    DomainError,
    InvalidInput,
    NotAllowed,
)
from plumbmark.web.forms import add_problems
from tasks_app.playground.actions import (
    Prompt,
    ask_side_by_side,
    task_from_exchange,
)
from tasks_app.playground.forms import PlaygroundForm
from tasks_app.playground.queries import (
    Playground,
    PlaygroundAnswer,
    playground_at,
    playgrounds_of,
)
from tasks_app.runs.queries import deployments_for


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def playground(request: HttpRequest) -> HttpResponse:
    """Show the form on GET; on POST ask, wait for the slowest model, and redirect to the
    answers.
    """
    namespaces = acting_namespaces(request)
    deployments = list(deployments_for(request.user))
    form = PlaygroundForm(
        request.POST if request.method == "POST" else None,
        deployments=deployments,
        namespaces=namespaces,
    )
    if request.method == "POST" and form.is_valid():
        chosen = [one for one in deployments if one.public_id in form.cleaned_data["models"]]
        namespace = chosen_namespace(namespaces, form.cleaned_data.get("namespace", ""))
        try:
            grant, results = ask_side_by_side(
                prompt=form.as_prompt(), deployments=chosen, namespace=namespace, by=person(request)
            )
        except (InvalidInput, Conflict, NotAllowed) as error:
            add_problems(form, error)
        else:
            if any(result.attempts for result in results):
                for result, deployment in zip(results, chosen, strict=True):
                    if result.failure is not None and not result.attempts:
                        values = {"model": deployment.slug, "why": result.failure.message}
                        messages.warning(request, _("%(model)s was not called: %(why)s") % values)
                return redirect("tasks:playground-asked", grant.public_id)
            # Nothing went out, so nothing is on record: say why here.
            for result, deployment in zip(results, chosen, strict=True):
                if result.failure is not None:
                    form.add_error(None, f"{deployment.slug}: {result.failure.message}")
    return _page(request, form, None)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD"])
def playground_asked(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show the answers, and the form again with what was asked."""
    playground = playground_at(public_id, to=person(request))
    form = PlaygroundForm(
        deployments=list(deployments_for(request.user)),
        namespaces=acting_namespaces(request),
        initial={
            "prompt": playground.prompt.text,
            "system": playground.prompt.system,
            "temperature": playground.prompt.temperature,
            "max_output_tokens": playground.prompt.max_output_tokens,
            "models": [one.deployment.public_id for one in playground.exchanges],
        },
    )
    return _page(request, form, playground)


@login_required
@require_POST
def playground_task(request: HttpRequest, public_id: str) -> HttpResponse:
    """Begin a task with the question as its first item and one of the answers as its target."""
    asked = playground_at(public_id, to=person(request))
    exchange = _exchange(asked, request.POST.get("deployment", ""))
    title = " ".join(asked.prompt.text.split())[:60] or str(_("From the playground"))
    try:
        task = task_from_exchange(
            title=title,
            prompt=asked.prompt,
            answer=exchange.text,
            namespace=asked.payer,
            by=person(request),
        )
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("tasks:playground-asked", public_id)
    messages.success(
        request, _("A private task with this question as its first item. Correct the target first.")
    )
    return redirect("tasks:edit", task.namespace.handle, task.slug)


def _exchange(playground: Playground, deployment: str) -> PlaygroundAnswer:
    for exchange in playground.exchanges:
        if exchange.deployment.public_id == deployment and exchange.text:
            return exchange
    raise Http404


def _page(request: HttpRequest, form: PlaygroundForm, asked: Playground | None) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "asked": asked,
        "earlier": [
            {"url": reverse("tasks:playground-asked", args=[one.public_id]), "at": one.created_at}
            for one in playgrounds_of(person(request))
        ],
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "tasks_app/playground/playground.html", context, status=status)


__all__ = ["Prompt", "playground", "playground_asked", "playground_task"]
