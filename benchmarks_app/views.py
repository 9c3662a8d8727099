"""Pages of benchmarks: list, new, draft, grid. The board itself is `leaderboards_app`'s."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from benchmarks_app.actions import authoring, entries
from benchmarks_app.actions.authoring import Member
from benchmarks_app.actions.visibility import lasting_boards, set_benchmark_visibility
from benchmarks_app.breadcrumbs import list_step, trail_of
from benchmarks_app.forms import (
    AddTaskForm,
    BenchmarkDraftForm,
    MemberForm,
    NewBenchmarkForm,
    PublishBenchmarkForm,
)
from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.permissions import can_edit_benchmark, can_enter
from benchmarks_app.queries import (
    add_counts,
    benchmark_at,
    candidate_versions,
    contenders_on,
    enterable_contenders,
    grid_of,
    members_of,
    visible_benchmarks,
)
from plumbmark.accounts.acting import person
from plumbmark.accounts.queries import namespaces_acted_for_by
from plumbmark.common.errors import DomainError, InvalidInput
from plumbmark.gateway.budget.money import dollars
from tasks_app.models import Contender
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.queries import deployments_for, visible_contenders

_A_PAGE = 24
_GRID_ROWS = 25


@require_safe
def benchmark_list(request: HttpRequest) -> HttpResponse:
    benchmarks = visible_benchmarks(to=request.user)
    search = request.GET.get("q", "").strip()[:100]
    tag = request.GET.get("tag", "").strip()[:40]
    if search:
        benchmarks = benchmarks.filter(title__icontains=search)
    if tag:
        benchmarks = benchmarks.filter(tags__icontains=f'"{tag}"')
    page = Paginator(benchmarks, _A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "benchmarks_app/list.html",
        {
            "page": page,
            "benchmarks": add_counts(page.object_list),
            "search": search,
            "tag": tag,
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def benchmark_new(request: HttpRequest) -> HttpResponse:
    user = person(request)
    form = NewBenchmarkForm(request.POST or None, by=user)
    if request.method == "POST" and form.is_valid():
        try:
            benchmark = authoring.create_benchmark(
                namespace=form.cleaned_data["namespace"],
                title=form.cleaned_data["title"],
                claim=form.cleaned_data["claim"],
                by=user,
            )
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            return redirect("benchmarks:edit", benchmark.namespace.handle, benchmark.slug)
    status = 422 if form.errors else 200
    context = {"form": form, "trail": [list_step(), {"label": _("New")}]}
    return render(request, "benchmarks_app/new.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def benchmark_edit(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show the draft: its facts, its tasks with weights, its rules and its card."""
    user = person(request)
    benchmark = _own_benchmark(request, handle, slug)
    version = authoring.draft_of(benchmark=benchmark, by=user)
    version.benchmark = benchmark
    members = list(members_of(version))
    if request.method != "POST":
        form = BenchmarkDraftForm.of(version)
        rows = [MemberForm(member=member) for member in members]
        return _edit_page(request, version, form, rows)
    form = BenchmarkDraftForm(request.POST)
    rows = [MemberForm(request.POST, member=member) for member in members]
    # Every row is validated, so that all errors are shown at once.
    are_valid = [form.is_valid(), *(row.is_valid() for row in rows)]
    if not all(are_valid):
        return _edit_page(request, version, form, rows, status=422)
    try:
        authoring.update_benchmark(
            benchmark=benchmark,
            title=form.cleaned_data["title"],
            claim=form.cleaned_data["claim"],
            tags=[tag for tag in form.cleaned_data["tags"].split(",") if tag.strip()],
            by=user,
        )
        authoring.compose_draft(
            version=version,
            members=[
                row.as_member(is_newer=request.POST.get("newer") == str(row.member.pk))
                for row in rows
                if not row.cleaned_data["remove"]
            ]
            + _added_members(request),
            card=form.card,
            entry_policy=form.cleaned_data["entry_policy"],
            entrants=form.cleaned_data["entrants"],
            unscored_allowed=form.cleaned_data["unscored_allowed"],
            notes=form.cleaned_data["notes"],
            by=user,
        )
    except DomainError as error:
        _add_problems(form, error)
        return _edit_page(request, version, form, rows, status=422)
    if "publish" in request.POST:
        return redirect("benchmarks:publish", handle, slug)
    messages.success(request, _("The draft is saved."))
    return redirect("benchmarks:edit", handle, slug)


@login_required
@require_POST
def benchmark_visibility(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Change who can see a published benchmark."""
    benchmark = _own_benchmark(request, handle, slug)
    form = PublishBenchmarkForm(request.POST)
    if form.is_valid():
        set_benchmark_visibility(
            benchmark=benchmark, visibility=form.cleaned_data["visibility"], by=person(request)
        )
        messages.success(request, _("Saved."))
    else:
        messages.error(request, _("Choose who can see the benchmark."))
    return redirect("benchmarks:edit", handle, slug)


def _added_members(request: HttpRequest) -> list[Member]:
    wanted = request.POST.get("task_version", "")
    if not wanted:
        return []
    found = candidate_versions(to=request.user).filter(public_id=wanted).first()
    return [] if found is None else [Member(found)]


def _edit_page(
    request: HttpRequest,
    version: BenchmarkVersion,
    form: BenchmarkDraftForm,
    rows: list[MemberForm],
    status: int = 200,
) -> HttpResponse:
    chosen = [row.member.task_version_id for row in rows]
    return render(
        request,
        "benchmarks_app/edit.html",
        {
            "benchmark": version.benchmark,
            "trail": trail_of(version.benchmark, _("Edit")),
            "lasting": lasting_boards(version.benchmark),
            "visibility_form": PublishBenchmarkForm(
                initial={"visibility": version.benchmark.visibility}
            ),
            "version": version,
            "form": form,
            "rows": rows,
            "add_form": AddTaskForm(
                candidates=candidate_versions(to=request.user).exclude(pk__in=chosen)
            ),
        },
        status=status,
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def benchmark_publish(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show a version for the last time before it is frozen, and publish it."""
    user = person(request)
    benchmark = _own_benchmark(request, handle, slug)
    version = authoring.draft_of(benchmark=benchmark, by=user)
    version.benchmark = benchmark
    form = PublishBenchmarkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            authoring.publish_benchmark(
                version=version, visibility=form.cleaned_data["visibility"], by=user
            )
        except DomainError as error:
            _add_problems(form, error)
        else:
            messages.success(
                request, _("Version %(number)s is published.") % {"number": version.number}
            )
            return redirect("leaderboards:board", handle, slug)
    return render(
        request,
        "benchmarks_app/publish.html",
        {
            "benchmark": benchmark,
            "trail": trail_of(benchmark, _("Publish")),
            "version": version,
            "form": form,
            "lasting": lasting_boards(benchmark),
            "members": members_of(version),
        },
        status=422 if form.errors else 200,
    )


@login_required
@require_safe
def benchmark_grid(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show contenders x tasks, and the cost of the missing runs."""
    benchmark, version = _enterable(request, handle, slug)
    chosen = _chosen_contenders(request, request.GET.getlist("deployment"))
    wanted = request.GET.getlist("contender")
    entered = contenders_on(version)
    page = Paginator(entered, _GRID_ROWS).get_page(request.GET.get("page"))
    grid = grid_of(version, page.object_list)
    if wanted:
        chosen += [one for one in entered.filter(public_id__in=wanted) if one not in chosen]
    missing = entries.missing_cells(version=version, contenders=chosen) if chosen else []
    total = sum(cell.bound.total for cell in missing)
    return render(
        request,
        "benchmarks_app/grid.html",
        {
            "benchmark": benchmark,
            "trail": trail_of(benchmark, _("Run models")),
            "version": version,
            "grid": grid,
            "page": page,
            "deployments": deployments_for(request.user),
            "chosen": chosen,
            "missing": [(cell, dollars(cell.bound.total)) for cell in missing],
            "total": dollars(total),
            "unpriced": [cell for cell in missing if not cell.bound.is_priced],
            "namespaces": namespaces_acted_for_by(request.user),
            "enterable": enterable_contenders(version, to=request.user),
        },
    )


@login_required
@require_POST
def benchmark_start(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Start what is missing for the chosen contenders."""
    user = person(request)
    _benchmark, version = _enterable(request, handle, slug)
    contenders = list(
        visible_contenders(to=user, is_listed=False)
        .filter(public_id__in=request.POST.getlist("contender"))
        .select_related("deployment__model", "deployment__owner")
    )
    namespace = (
        namespaces_acted_for_by(user).filter(handle=request.POST.get("namespace", "")).first()
        or namespaces_acted_for_by(user).first()
    )
    if namespace is None:
        raise Http404
    try:
        runs = entries.start_missing(
            version=version, contenders=contenders, namespace=namespace, by=user
        )
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(
            request,
            _("%(count)s runs are queued; the board is updated as they complete.")
            % {"count": len(runs)},
        )
    return redirect("benchmarks:grid", handle, slug)


@login_required
@require_POST
def benchmark_enter(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Put a contender that has runs already (submitted outputs, for one) on the board."""
    _benchmark, version = _enterable(request, handle, slug)
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


def _chosen_contenders(request: HttpRequest, slugs: list[str]) -> list[Contender]:
    deployments = deployments_for(request.user).filter(slug__in=slugs[:50])
    return [
        contender_of_deployment(deployment=deployment, by=person(request))
        for deployment in deployments
    ]


def _own_benchmark(request: HttpRequest, handle: str, slug: str) -> Benchmark:
    benchmark = benchmark_at(handle=handle, slug=slug, to=request.user)
    if not can_edit_benchmark(request.user, benchmark):
        raise Http404
    return benchmark


def _enterable(request: HttpRequest, handle: str, slug: str) -> tuple[Benchmark, BenchmarkVersion]:
    benchmark = benchmark_at(handle=handle, slug=slug, to=request.user)
    version = benchmark.latest_version
    if version is None or not can_enter(request.user, version):
        raise Http404
    version.benchmark = benchmark
    return benchmark, version


def _add_problems(form: Any, error: DomainError) -> None:
    """Add each problem beside its field, or above the form."""
    if not isinstance(error, InvalidInput):
        form.add_error(None, error.message)
        return
    for problem in error.problems:
        name = problem.path.replace("card.", "card_").split("[")[0]
        form.add_error(name if name in form.fields else None, str(problem))
