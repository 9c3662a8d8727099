"""From the wish to run a task to its start: the form, what it costs at most, the button."""

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, person
from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from plumbmark.gateway.models import Deployment
from plumbmark.gateway.queries import quota_status
from plumbmark.web.forms import add_problems
from tasks_app.authoring.views.trails import trail_of
from tasks_app.kinds import CostBound, kind_of
from tasks_app.models import Contender, Run, TaskVersion
from tasks_app.preflight.display import preflight_context
from tasks_app.preflight.queries import DEFAULT_POINTS, preflight, probe_request
from tasks_app.runs.bound_inputs import BoundInputs, BoundRequest, read_bound_inputs
from tasks_app.runs.choice import version_to_run
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.cost import bound_request
from tasks_app.runs.forms import RunForm
from tasks_app.runs.queries import deployments_for
from tasks_app.runs.start import start_run

_ONCE_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class _StartRequest:
    version: TaskVersion
    deployment: Deployment
    namespace: Namespace
    bound: CostBound
    items: int
    inputs: BoundInputs


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def run_start(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Ask on GET, then show the maximum cost; start on POST. Nothing starts without a bound."""
    version = version_to_run(request, handle=handle, slug=slug)
    task = version.task
    data = request.POST if request.method == "POST" else request.GET
    namespaces = acting_namespaces(request)
    deployments = list(deployments_for(request.user))
    is_asked = "deployment" in data
    form = RunForm(
        data if is_asked else None,
        deployments=deployments,
        namespaces=namespaces,
        is_try=data.get("purpose") == Run.Purpose.TRY,
        initial={"purpose": Run.Purpose.EXPLORATORY},
    )
    context: dict[str, Any] = {
        "task": task,
        "version": version,
        "form": form,
        "trail": [*trail_of(task), {"label": _("Run")}],
    }
    if not is_asked or not form.is_valid():
        return _page(request, context)
    wish = _wish(form, version, namespaces, deployments)
    try:
        kind_of(version).check_deployment(wish.deployment)
    except Conflict as error:
        form.add_error("deployment", error.message)
        return _page(request, context)
    context |= {
        "wish": wish,
        "runs_program": kind_of(version).runs_program,
        "is_try": form.cleaned_data["purpose"] == Run.Purpose.TRY,
        "is_declared": form.cleaned_data["purpose"] == Run.Purpose.DECLARED,
        "quota": quota_status(wish.namespace) if wish.bound.is_metered else None,
    }
    if request.method != "POST" and not context["runs_program"] and not context["is_try"]:
        context |= _preflight(request, form, wish)
    if request.method == "POST":
        try:
            return _start(request, form, wish)
        except (InvalidInput, Conflict, NotAllowed) as error:
            add_problems(form, error)
        return _page(request, context)
    if not form.errors:
        sent = {name: data[name] for name in form.fields if data.get(name)}
        once = secrets.token_urlsafe(16)
        context["hidden_fields"] = {**sent, "version": version.public_id, "once": once}
    return _page(request, context)


def _page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    template = (
        "tasks_app/runs/run_confirm.html"
        if "hidden_fields" in context
        else "tasks_app/runs/run_form.html"
    )
    status = 422 if context["form"].is_bound and context["form"].errors else 200
    return render(request, template, context, status=status)


def _preflight(request: HttpRequest, form: RunForm, wish: _StartRequest) -> dict[str, Any]:
    """Return what is likely, and where the pre-flight asks five items first."""
    found = preflight(
        wish.version,
        [wish.deployment],
        form.configuration,
        namespace=wish.namespace,
        inputs=wish.inputs,
        by=person(request),
    )
    task = wish.version.task
    address = reverse("tasks:preflight", args=[task.namespace.handle, task.slug])
    query = {
        "version": wish.version.public_id,
        "models": wish.deployment.slug,
        **{name: one for name, one in form.configuration.items() if name != "extra_body"},
    }
    if form.cleaned_data.get("namespace"):
        query["namespace"] = form.cleaned_data["namespace"]
    return {
        "likely": preflight_context(found[0], wish.version),
        "points": DEFAULT_POINTS,
        "preflight_url": f"{address}?{urlencode(query)}",
    }


def _wish(
    form: RunForm,
    version: TaskVersion,
    namespaces: list[Namespace],
    deployments: list[Deployment],
) -> _StartRequest:
    values = form.cleaned_data
    deployment = next(one for one in deployments if one.slug == values["deployment"])
    items = kind_of(version).count_items(of_try=values["purpose"] == Run.Purpose.TRY)
    # Not saved: showing a price creates no row.
    contender = Contender(deployment=deployment, configuration=form.configuration)
    namespace = chosen_namespace(namespaces, values.get("namespace", ""))
    wanted = BoundRequest(version, contender, namespace, items)
    has_preflight = not kind_of(version).runs_program and items == version.item_count
    probes = [probe_request(wanted)] if has_preflight else []
    inputs = read_bound_inputs([wanted, *probes])
    return _StartRequest(
        version=version,
        deployment=deployment,
        namespace=namespace,
        bound=bound_request(wanted, inputs),
        items=items,
        inputs=inputs,
    )


def _start(request: HttpRequest, form: RunForm, wish: _StartRequest) -> HttpResponse:
    by = person(request)
    # The same form sent twice (a double click, a reload) starts one run.
    once = f"run-once:{by.pk}:{request.POST.get('once', '')[:64]}"
    has_once = bool(request.POST.get("once"))
    if has_once and not cache.add(once, 0, _ONCE_SECONDS):
        started = cache.get(once)
        messages.info(request, _("This run has already been started."))
        return redirect("runs:detail", started) if started else redirect("runs:list")
    try:
        run = start_run(
            version=wish.version,
            contender=contender_of_deployment(
                deployment=wish.deployment, configuration=form.configuration, by=by
            ),
            purpose=form.cleaned_data["purpose"],
            namespace=wish.namespace,
            spend_limit=form.cleaned_data["spend_limit"],
            by=by,
        )
    except BaseException:
        if has_once:
            cache.delete(once)
        raise
    if has_once:
        cache.set(once, run.pk, _ONCE_SECONDS)
    return redirect(run)
