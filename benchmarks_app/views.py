"""Pages of benchmarks: list, new, follow. The board itself is `leaderboards_app`'s."""

import json

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from benchmarks_app.actions import authoring
from benchmarks_app.actions.corrections import follow_correction
from benchmarks_app.breadcrumbs import list_step
from benchmarks_app.composition.forms import NewBenchmarkForm
from benchmarks_app.queries import add_counts, benchmark_at, visible_benchmarks
from plumbmark.accounts.acting import person
from plumbmark.common.errors import DomainError
from tasks_app.item_reports.queries import report_at

_A_PAGE = 24


@require_safe
def benchmark_list(request: HttpRequest) -> HttpResponse:
    benchmarks = visible_benchmarks(to=request.user)
    search = request.GET.get("q", "").strip()[:100]
    tag = request.GET.get("tag", "").strip()[:40].lower()
    if search:
        benchmarks = benchmarks.filter(Q(title__icontains=search) | Q(claim__icontains=search))
    if tag:
        # As text: SQLite has no lookup inside JSON lists.
        benchmarks = benchmarks.annotate(tags_text=Cast("tags", TextField())).filter(
            tags_text__contains=json.dumps(tag)
        )
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
    return render(request, "benchmarks_app/composition/new.html", context, status=status)


@login_required
@require_POST
def benchmark_follow(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Publish the next version of a benchmark with the key that an accepted report corrected."""
    benchmark = benchmark_at(handle=handle, slug=slug, to=request.user)
    report = report_at(public_id=request.POST.get("report", "")[:20], to=request.user)
    try:
        follow_correction(benchmark=benchmark, report=report, by=person(request))
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The benchmark has a new version with the corrected key."))
    return redirect(report)
