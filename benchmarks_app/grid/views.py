"""The grid: contenders by tasks, what is missing and what it costs, and starting it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from benchmarks_app.actions import entries
from benchmarks_app.breadcrumbs import trail_of
from benchmarks_app.grid.actions import PlannedRun, RunPolicy, plan_runs, start_runs
from benchmarks_app.grid.forms import ChoiceForm, PlanForm
from benchmarks_app.grid.queries import (
    GRID_ROWS,
    MAX_CONTENDERS,
    RunsByPlace,
    ShownContenders,
    callable_contenders,
    make_grid,
    newest_runs,
    read_contenders,
)
from benchmarks_app.models import BenchmarkTask, BenchmarkVersion
from benchmarks_app.permissions import can_enter
from benchmarks_app.queries import benchmark_at, newest_members_at
from benchmarks_app.suites.queries import contenders_of, suite_at, visible_suites
from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, person
from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import DomainError
from plumbmark.gateway.models import Deployment
from plumbmark.gateway.queries import QuotaStatus, quota_status
from tasks_app.models import Contender, Run
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.queries import deployments_for, visible_contenders

_LISTED_SUITES = 200
_PLAN_FIELDS = ("policy", "before", "namespace")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def benchmark_grid(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show contenders by tasks, and what the chosen runs cost. POST chooses; nothing starts."""
    tasks = newest_members_at(handle=handle, slug=slug, to=request.user)
    version = _check_enterable(request, tasks[0].version if tasks else None)
    namespaces = acting_namespaces(request)
    deployments = list(deployments_for(request.user))
    if request.method == "POST":
        offered = find_callable_contenders(request, request.POST.getlist("contender"))
        form = ChoiceForm(
            request.POST,
            chosen=offered,
            deployments=deployments,
            suites=visible_suites(to=request.user)[:_LISTED_SUITES],
            namespaces=namespaces,
        )
        if form.is_valid() and (kept := _choose(request, form, offered, deployments)) is not None:
            query = {"contender": [one.public_id for one in kept], **form.query}
            request.session[_remembered(version)] = query
            address = reverse("benchmarks:grid", args=[handle, slug], query=query)
            return redirect(f"{address}#choose-heading" if not kept else address)
        shown = _contenders(request, version, ())
        return _grid_page(request, version, tasks, form, namespaces, shown, status=422)
    is_asked = "contender" in request.GET
    remembered = request.session.get(_remembered(version), {})
    source = request.GET if is_asked else QueryDict(urlencode(remembered, doseq=True))
    shown = _contenders(request, version, source.getlist("contender"))
    chosen = shown.chosen
    plan = PlanForm({"policy": RunPolicy.MISSING, **source.dict()}, namespaces=namespaces)
    if not plan.is_valid():
        plan = PlanForm(
            {"policy": RunPolicy.MISSING, "namespace": namespaces[0].handle}, namespaces=namespaces
        )
        plan.is_valid()
    initial = {**plan.query, "contender": [one.public_id for one in chosen]}
    form = ChoiceForm(
        initial=initial,
        chosen=chosen,
        deployments=deployments,
        suites=visible_suites(to=request.user)[:_LISTED_SUITES],
        namespaces=namespaces,
    )
    asked = plan if is_asked and chosen else None
    return _grid_page(request, version, tasks, form, namespaces, shown, asked)


def _contenders(
    request: HttpRequest, version: BenchmarkVersion, chosen: Sequence[str]
) -> ShownContenders:
    text = request.GET.get("page", "1")
    is_number = text.isascii() and text.isdecimal() and len(text) < 7
    page = max(1, int(text)) if is_number else 1
    return read_contenders(version, page=page, chosen=chosen, to=request.user)


def _remembered(version: BenchmarkVersion) -> str:
    return f"grid:{version.public_id}"


def _choose(
    request: HttpRequest,
    form: ChoiceForm,
    offered: Sequence[Contender],
    deployments: Sequence[Deployment],
) -> list[Contender] | None:
    """Return the kept contenders and the added ones; None where one cannot be configured so."""
    by = person(request)
    kept = list(offered)
    for deployment in deployments:
        if deployment.slug not in form.cleaned_data["deployment"]:
            continue
        try:
            added = contender_of_deployment(
                deployment=deployment, configuration=form.configuration, by=by
            )
        except DomainError as error:
            form.add_error(None, f"{deployment.slug}: {error.message}")
            return None
        if added not in kept:
            kept.append(added)
    if chosen_suite := form.cleaned_data["suite"]:
        suite = suite_at(public_id=chosen_suite, to=request.user)
        kept = list(dict.fromkeys([*kept, *contenders_of(suite, to=request.user)]))
    if len(kept) > MAX_CONTENDERS:
        form.add_error(
            None,
            _("%(count)s contenders are chosen; at most %(most)s fit.")
            % {"count": len(kept), "most": MAX_CONTENDERS},
        )
        return None
    return kept


def find_callable_contenders(request: HttpRequest, ids: Sequence[str]) -> list[Contender]:
    """Return the contenders with these ids that can be called and that the person sees."""
    by_id = {one.public_id: one for one in callable_contenders(ids, to=request.user)}
    return [by_id[one] for one in dict.fromkeys(ids) if one in by_id]


@dataclass(frozen=True, slots=True)
class _CostedPlan:
    """The runs to start, what they cost at most, and what is left to pay for it."""

    runs: list[PlannedRun]
    total: int
    namespace: Namespace
    quota: QuotaStatus
    hidden_fields: list[tuple[str, str]]
    repeats_count: int
    """Runs of cells that have a complete one already."""
    problem: str = ""

    @property
    def unpriced(self) -> bool:
        return any(one.bound.is_metered and not one.bound.is_priced for one in self.runs)

    @property
    def exceeds(self) -> bool:
        return self.total > self.quota.left


def _plan(
    tasks: Sequence[BenchmarkTask],
    form: PlanForm,
    chosen: Sequence[Contender],
    known: RunsByPlace,
    namespaces: list[Namespace],
) -> _CostedPlan:
    namespace = chosen_namespace(namespaces, form.cleaned_data.get("namespace", ""))
    runs: list[PlannedRun] = []
    problem = ""
    try:
        runs = plan_runs(
            version=tasks[0].version,
            contenders=chosen,
            policy=form.cleaned_data["policy"],
            before=form.before_time,
            payer=namespace,
            tasks=tasks,
            runs=known,
        )
    except DomainError as error:
        problem = error.message
    fields = [("contender", one.public_id) for one in chosen]
    return _CostedPlan(
        runs=runs,
        total=sum(one.bound.total for one in runs if one.bound.is_metered),
        namespace=namespace,
        quota=quota_status(namespace),
        hidden_fields=[*fields, *form.query.items()],
        repeats_count=sum(one.state == Run.State.COMPLETED for one in runs),
        problem=problem,
    )


def _grid_page(
    request: HttpRequest,
    version: BenchmarkVersion,
    tasks: Sequence[BenchmarkTask],
    form: ChoiceForm,
    namespaces: list[Namespace],
    shown: ShownContenders,
    asked: PlanForm | None = None,
    status: int = 200,
) -> HttpResponse:
    # Of the contenders that the plan is about too: one query for both.
    runs = newest_runs(version, tasks, [*shown.page, *(shown.chosen if asked else ())])
    plan = None if asked is None else _plan(tasks, asked, shown.chosen, runs, namespaces)
    return render(
        request,
        "benchmarks_app/grid/grid.html",
        {
            "benchmark": version.benchmark,
            "trail": trail_of(version.benchmark, _("Run models")),
            "version": version,
            "grid": make_grid(tasks, shown.page, runs),
            "page": Paginator(range(shown.count), GRID_ROWS).get_page(shown.number),
            "form": form,
            "plan": plan,
            "quota": None if plan else quota_status(namespaces[0]),
            "quota_of": namespaces[0],
            "enterable": shown.enterable,
        },
        status=status,
    )


@login_required
@require_POST
def benchmark_start(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Start what was planned for the chosen contenders."""
    user = person(request)
    version = find_enterable_version(request, handle, slug)
    namespaces = acting_namespaces(request)
    contenders = find_callable_contenders(request, request.POST.getlist("contender"))
    form = PlanForm(
        {
            "policy": RunPolicy.MISSING,
            "namespace": namespaces[0].handle,
            **{name: request.POST[name] for name in _PLAN_FIELDS if request.POST.get(name)},
        },
        namespaces=namespaces,
    )
    query: dict[str, Any] = {"contender": [one.public_id for one in contenders]}
    if not form.is_valid():
        messages.error(request, _("Choose again which cells get a run."))
        return redirect("benchmarks:grid", handle, slug)
    try:
        runs = start_runs(
            version=version,
            contenders=contenders,
            namespace=chosen_namespace(namespaces, form.cleaned_data.get("namespace", "")),
            policy=form.cleaned_data["policy"],
            before=form.before_time,
            by=user,
        )
    except DomainError as error:
        messages.error(request, error.message)
        address = reverse("benchmarks:grid", args=[handle, slug], query={**query, **form.query})
        return redirect(address)
    request.session[_remembered(version)] = {**query, **form.query}
    messages.success(
        request,
        ngettext(
            "%(count)s run is queued; this page follows it.",
            "%(count)s runs are queued; this page follows them.",
            len(runs),
        )
        % {"count": len(runs)},
    )
    return redirect("benchmarks:grid", handle, slug)


@login_required
@require_POST
def benchmark_enter(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Put a contender that has runs already (submitted outputs, for one) on the board."""
    version = find_enterable_version(request, handle, slug)
    visible = visible_contenders(to=request.user, is_listed=False)
    contender = visible.filter(public_id=request.POST.get("contender", "")).first()
    if contender is None:
        raise Http404
    try:
        entries.enter(version=version, contender=contender, by=person(request))
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(
            request,
            _("%(name)s has been entered. Its row appears within seconds.")
            % {"name": contender.label},
        )
        # In the ranking that has it: submitted rows are in one of the two alone.
        query = {"scope": "all"} if contender.kind == Contender.Kind.SUBMITTED else None
        board = reverse(
            "leaderboards:board_of_version", args=[handle, slug, version.number], query=query
        )
        return redirect(f"{board}#standings")
    return redirect("benchmarks:grid", handle, slug)


def find_enterable_version(request: HttpRequest, handle: str, slug: str) -> BenchmarkVersion:
    """Return the newest version; 404 where the person may not enter contenders into it."""
    benchmark = benchmark_at(handle=handle, slug=slug, to=request.user)
    version = benchmark.latest_version
    if version is not None:
        version.benchmark = benchmark
    return _check_enterable(request, version)


def _check_enterable(request: HttpRequest, version: BenchmarkVersion | None) -> BenchmarkVersion:
    if version is None or not can_enter(request.user, version):
        raise Http404
    return version
