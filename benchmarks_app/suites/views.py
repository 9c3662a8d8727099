"""Pages of model suites: list, one, and its editor."""

from collections.abc import Sequence

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from benchmarks_app.grid.views import find_callable_contenders
from benchmarks_app.models import ModelSuite
from benchmarks_app.suites.actions import create_suite, erase_suite, update_suite
from benchmarks_app.suites.forms import PLATFORM, SuiteForm
from benchmarks_app.suites.permissions import can_write_suites
from benchmarks_app.suites.queries import (
    contenders_of,
    suite_at,
    suite_fingerprint,
    visible_suites,
)
from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, person
from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import Conflict, DomainError, InvalidInput
from plumbmark.gateway.models import Deployment
from plumbmark.web.forms import add_problems
from tasks_app.models import Contender
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.queries import deployments_for

_A_PAGE = 50


def _list_step() -> dict[str, str]:
    return {"label": _("Model suites"), "url": reverse("suites:list")}


@require_safe
def suite_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(visible_suites(to=request.user), _A_PAGE).get_page(request.GET.get("page"))
    return render(request, "benchmarks_app/suites/list.html", {"page": page})


@require_safe
def suite_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    suite = suite_at(public_id=public_id, to=request.user)
    context = {
        "suite": suite,
        "contenders": contenders_of(suite, to=request.user),
        "can_edit": can_write_suites(request.user, suite.namespace),
        "trail": [_list_step(), {"label": suite.name}],
    }
    return render(request, "benchmarks_app/suites/detail.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def suite_new(request: HttpRequest) -> HttpResponse:
    return _editor(request, None)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def suite_edit(request: HttpRequest, public_id: str) -> HttpResponse:
    return _editor(request, _own_suite(request, public_id))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def suite_erase(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask whether the suite is to be erased; by POST, erase it."""
    suite = _own_suite(request, public_id)
    if request.method != "POST":
        step = {"label": suite.name, "url": suite.get_absolute_url()}
        context = {"suite": suite, "trail": [_list_step(), step, {"label": _("Erase")}]}
        return render(request, "benchmarks_app/suites/erase.html", context)
    erase_suite(suite=suite, by=person(request))
    messages.success(request, _("The suite is erased. Runs and entries stay."))
    return redirect("suites:list")


def _own_suite(request: HttpRequest, public_id: str) -> ModelSuite:
    suite = suite_at(public_id=public_id, to=request.user)
    if not can_write_suites(request.user, suite.namespace):
        raise Http404
    return suite


def _editor(request: HttpRequest, suite: ModelSuite | None) -> HttpResponse:
    user = person(request)
    deployments = list(deployments_for(user))
    namespaces = acting_namespaces(request) if suite is None else []
    stored = [] if suite is None else list(contenders_of(suite, to=user))
    sent = find_callable_contenders(request, request.POST.getlist("contender"))
    initial = None
    if suite is not None:
        initial = {
            "name": suite.name,
            "description": suite.description,
            "is_public": suite.is_public,
            "contender": [one.public_id for one in stored],
        }
    form = SuiteForm(
        request.POST or None,
        initial=initial,
        chosen=list(dict.fromkeys([*stored, *sent])),
        deployments=deployments,
        namespaces=namespaces,
        is_staff=user.is_staff,
    )
    status = 200
    fingerprint = request.POST.get("fingerprint", "")[:40]
    if request.method == "POST":
        status = 422
        try:
            if form.is_valid():
                saved = _save(request, suite, form, sent, deployments, namespaces)
                messages.success(request, _("The suite is saved."))
                following = "suites:edit" if "more" in request.POST else "suites:detail"
                return redirect(following, saved.public_id)
        except InvalidInput as error:
            add_problems(form, error, {"contenders": "contender"})
        except Conflict as error:
            form.add_error(None, error.message)
            # Saving again replaces what the other has saved.
            status, fingerprint = 409, ""
        except DomainError as error:
            form.add_error(None, error.message)
    if suite is not None:
        fingerprint = fingerprint or suite_fingerprint(suite)
    label = _("New suite") if suite is None else _("Edit")
    context = {
        "suite": suite,
        "form": form,
        "fingerprint": fingerprint,
        "trail": [_list_step(), {"label": label}],
    }
    return render(request, "benchmarks_app/suites/edit.html", context, status=status)


def _save(
    request: HttpRequest,
    suite: ModelSuite | None,
    form: SuiteForm,
    kept: Sequence[Contender],
    deployments: Sequence[Deployment],
    namespaces: list[Namespace],
) -> ModelSuite:
    by = person(request)
    values = form.cleaned_data
    added = [
        contender_of_deployment(deployment=one, configuration=form.configuration, by=by)
        for one in deployments
        if one.slug in values["deployment"]
    ]
    if suite is not None:
        return update_suite(
            suite=suite,
            name=values["name"],
            contenders=[*kept, *added],
            description=values["description"],
            is_public=values["is_public"],
            fingerprint=request.POST.get("fingerprint", "")[:40],
            by=by,
        )
    owner = values.get("namespace", "")
    return create_suite(
        namespace=None if owner == PLATFORM else chosen_namespace(namespaces, owner),
        name=values["name"],
        contenders=[*kept, *added],
        description=values["description"],
        is_public=values["is_public"],
        by=by,
    )
