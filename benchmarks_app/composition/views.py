"""Pages of a draft: its tasks, weights, rules and card; its publication; who can see it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from benchmarks_app.actions import authoring
from benchmarks_app.actions.visibility import lasting_boards, set_benchmark_visibility
from benchmarks_app.breadcrumbs import trail_of
from benchmarks_app.composition.actions import DraftChanged, check_fingerprint, save_draft
from benchmarks_app.composition.editor import DraftEditor
from benchmarks_app.composition.forms import PublishBenchmarkForm
from benchmarks_app.composition.publication import missing_parts
from benchmarks_app.composition.queries import fingerprint_of, last_editor_of
from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.permissions import can_edit_benchmark
from benchmarks_app.queries import benchmark_at, members_of
from plumbmark.accounts.acting import person
from plumbmark.common.errors import DomainError, InvalidInput
from plumbmark.web.kept_forms import login_required_keeping_form, read_kept_form


@never_cache
@login_required_keeping_form
@require_http_methods(["GET", "HEAD", "POST"])
def benchmark_edit(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show the draft: its facts, its tasks with weights, its rules and its card.

    Its buttons say what follows: save, add the ticked tasks, search, move a row, publish.
    """
    user = person(request)
    benchmark = _own_benchmark(request, handle, slug)
    version = authoring.draft_of(benchmark=benchmark, by=user)
    version.benchmark = benchmark
    if request.method != "POST":
        kept = read_kept_form(request)
        editor = DraftEditor(version, by=user, kept=kept, query=request.GET)
        if kept is not None:
            messages.warning(
                request,
                _("You had been signed out. What you typed is here; it is not saved yet."),
            )
        return _edit_page(request, editor)
    editor = DraftEditor(version, by=user, data=request.POST)
    if not editor.is_judged:
        return _edit_page(request, editor)
    # Every row is validated, so that all errors are shown at once.
    if not editor.is_valid():
        return _edit_page(request, editor, status=422)
    try:
        save_draft(
            version=version,
            fingerprint=request.POST.get("fingerprint", "")[:40],
            facts=editor.facts,
            content=editor.content,
            by=user,
        )
    except DraftChanged:
        editor.form.add_error(None, _conflict_message(version))
        editor.show_differences()
        return _edit_page(request, editor, status=409)
    except DomainError as error:
        editor.add_problems(error)
        return _edit_page(request, editor, status=422)
    if editor.then == "publish":
        return redirect("benchmarks:publish", handle, slug)
    messages.success(request, _("The draft is saved."))
    query = editor.search_query
    place = "#add-heading" if query or editor.then == "add" else ""
    return redirect(f"{reverse('benchmarks:edit', args=[handle, slug], query=query)}{place}")


def _conflict_message(version: BenchmarkVersion) -> str:
    event = last_editor_of(version)
    who = _("Somebody")
    if event is not None and event.actor is not None:
        who = event.actor.namespace.handle
    at = "" if event is None else f"{event.at:%H:%M:%S}"
    return _(
        "In the meantime %(who)s saved this draft (%(at)s UTC) in another tab or window. Your "
        "changes are not saved yet, and nothing that you typed is lost. Compare below; save again "
        "to replace the other text with yours."
    ) % {"who": who, "at": at}


def _edit_page(request: HttpRequest, editor: DraftEditor, status: int = 200) -> HttpResponse:
    version = editor.version
    benchmark = version.benchmark
    return render(
        request,
        "benchmarks_app/composition/edit.html",
        {
            "benchmark": benchmark,
            "trail": trail_of(benchmark, _("Edit")),
            "lasting": lasting_boards(benchmark) if benchmark.latest_version_id else [],
            "visibility_form": PublishBenchmarkForm(initial={"visibility": benchmark.visibility}),
            "version": version,
            "editor": editor,
            "form": editor.form,
        },
        status=status,
    )


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
            check_fingerprint(version, request.POST.get("fingerprint", "")[:40])
            authoring.publish_benchmark(
                version=version, visibility=form.cleaned_data["visibility"], by=user
            )
        except DraftChanged:
            form.add_error(
                None,
                _("Somebody saved this draft since you opened this page. Look at it again below."),
            )
        except DomainError as error:
            _add_problems(form, error)
        else:
            messages.success(
                request, _("Version %(number)s is published.") % {"number": version.number}
            )
            return redirect("leaderboards:board", handle, slug)
    members = list(members_of(version))
    return render(
        request,
        "benchmarks_app/composition/publish.html",
        {
            "benchmark": benchmark,
            "trail": trail_of(benchmark, _("Publish")),
            "version": version,
            "form": form,
            "lasting": lasting_boards(benchmark),
            "members": members,
            "missing": missing_parts(version, members),
            "fingerprint": fingerprint_of(version, members),
        },
        status=422 if form.errors else 200,
    )


def _own_benchmark(request: HttpRequest, handle: str, slug: str) -> Benchmark:
    benchmark = benchmark_at(handle=handle, slug=slug, to=request.user)
    if not can_edit_benchmark(request.user, benchmark):
        raise Http404
    return benchmark


def _add_problems(form: Any, error: DomainError) -> None:
    """Add each problem beside its field, or above the form."""
    if not isinstance(error, InvalidInput):
        form.add_error(None, error.message)
        return
    for problem in error.problems:
        name = problem.path.replace("card.", "card_").split("[")[0]
        form.add_error(name if name in form.fields else None, str(problem))
