"""The pre-flight on a page: per model calls, tokens, cost, time, and what can be told apart."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import person
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from plumbmark.web.forms import add_problems
from tasks_app.authoring.views.trails import trail_of
from tasks_app.kinds import kind_of
from tasks_app.models import TaskVersion
from tasks_app.preflight.actions import start_probe
from tasks_app.preflight.display import preflight_context
from tasks_app.preflight.forms import PreflightForm
from tasks_app.preflight.queries import PROBE_ITEMS, ModelPreflight, preflight
from tasks_app.runs.choice import version_to_run


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preflight_detail(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show the pre-flight of up to four models; POST asks five items first."""
    version = version_to_run(request, handle=handle, slug=slug)
    if kind_of(version).runs_program:
        return redirect("tasks:run", handle, slug)
    task = version.task
    form = PreflightForm.of_request(request)
    found: list[ModelPreflight] = []
    if form.is_valid():
        try:
            if request.method == "POST":
                return _probe(request, version, form)
            found = preflight(
                version,
                form.deployments,
                form.configuration,
                namespace=form.payer,
                points=form.points,
                by=person(request),
            )
        except (InvalidInput, Conflict, NotAllowed) as error:
            add_problems(form, error)
    sent = _sent(form, version) if found else []
    context = {
        "task": task,
        "version": version,
        "form": form,
        "models": [
            {**preflight_context(one, version), "run_url": _run_url(one, version, form)}
            for one in found
        ],
        "points": form.points if found else None,
        "is_live": any(one.is_probe_live for one in found),
        "probe_items": min(PROBE_ITEMS, version.item_count),
        "probe_bound": sum(one.probe_bound.total for one in found if one.probe_bound is not None),
        "may_probe": any(not one.refusal for one in found)
        and not any(one.is_probe_live for one in found),
        "is_probed": all(one.is_probed for one in found),
        "sent": sent,
        "trail": [*trail_of(task), {"label": _("Pre-flight")}],
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "tasks_app/preflight/preflight.html", context, status=status)


def _probe(request: HttpRequest, version: TaskVersion, form: PreflightForm) -> HttpResponse:
    start_probe(
        version=version,
        deployments=form.deployments,
        configuration=form.configuration,
        namespace=form.payer,
        by=person(request),
    )
    task = version.task
    address = reverse("tasks:preflight", args=[task.namespace.handle, task.slug])
    return redirect(f"{address}?{urlencode(_sent(form, version))}")


def _sent(form: PreflightForm, version: TaskVersion) -> list[tuple[str, str]]:
    """Return the fields with which the page can be shown again."""
    values: list[tuple[str, str]] = [("version", version.public_id)]
    values += [("models", one.slug) for one in form.deployments]
    values += [(name, str(value)) for name, value in form.configuration.items()]
    if form.cleaned_data.get("namespace"):
        values.append(("namespace", form.cleaned_data["namespace"]))
    if form.cleaned_data.get("difference"):
        values.append(("difference", f"{form.points:g}"))
    return values


def _run_url(one: ModelPreflight, version: TaskVersion, form: PreflightForm) -> str:
    task = version.task
    deployment = one.contender.deployment
    assert deployment is not None
    values = {
        "version": version.public_id,
        "deployment": deployment.slug,
        "purpose": "exploratory",
        **form.configuration,
    }
    if form.cleaned_data.get("namespace"):
        values["namespace"] = form.cleaned_data["namespace"]
    address = reverse("tasks:run", args=[task.namespace.handle, task.slug])
    return f"{address}?{urlencode(values)}"
