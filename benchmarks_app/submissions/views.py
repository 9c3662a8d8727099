"""The page that takes one model's outputs for all tasks."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from benchmarks_app.breadcrumbs import trail_of
from benchmarks_app.grid.views import find_enterable_version
from benchmarks_app.models import BenchmarkVersion
from benchmarks_app.queries import members_of
from benchmarks_app.submissions import jobs
from benchmarks_app.submissions.actions import submit_to_all
from benchmarks_app.submissions.queries import bound_judging, task_names
from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, person
from plumbmark.common.errors import DomainError, InvalidInput, Problem
from plumbmark.web.forms import add_problems
from tasks_app.runs.cost import TYPICAL_OUTPUT_BYTES
from tasks_app.runs.forms import SubmissionForm
from tasks_app.runs.submissions import NamedModel

_FIELDS = {"model_name", "maker", "description", "namespace"}


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def benchmark_submit(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Submit a ZIP, or one file with a column `task`; all tasks are accepted, or none."""
    version = find_enterable_version(request, handle, slug)
    namespaces = acting_namespaces(request)
    form = SubmissionForm(request.POST or None, request.FILES or None, namespaces=namespaces)
    form.fields["file"].help_text = gettext_lazy("ZIP, JSONL or CSV.")
    problems: list[Problem] = []
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        given = {
            "version": version,
            "model": NamedModel(values["model_name"], values["maker"], values["description"]),
            "namespace": chosen_namespace(namespaces, values.get("namespace", "")),
            "upload": values["file"],
            "by": person(request),
        }
        try:
            if jobs.is_heavy(version, values["file"]):
                job = jobs.start_whole_submission(**given, return_url=request.path)
                return redirect(job)
            submit_to_all(**given)
        except InvalidInput as error:
            of_fields = [one for one in error.problems if one.path in _FIELDS]
            problems = [one for one in error.problems if one.path not in _FIELDS]
            add_problems(form, InvalidInput(of_fields))
            if problems:
                form.add_error("file", _("Nothing was accepted; see the problems below."))
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            messages.success(
                request,
                _("The outputs are accepted and being scored. The row appears within seconds."),
            )
            query = {"scope": "all"}
            board = reverse(
                "leaderboards:board_of_version", args=[handle, slug, version.number], query=query
            )
            return redirect(f"{board}#standings")
    return _submit_page(request, version, form, problems)


def _submit_page(
    request: HttpRequest, version: BenchmarkVersion, form: SubmissionForm, problems: list[Problem]
) -> HttpResponse:
    members = list(members_of(version))
    names = task_names(members)
    return render(
        request,
        "benchmarks_app/submissions/submit.html",
        {
            "benchmark": version.benchmark,
            "version": version,
            "trail": trail_of(version.benchmark, _("Submit outputs")),
            "form": form,
            "problems": problems,
            "tasks": list(zip(members, [one[0] for one in names], strict=True)),
            "closed": [one for one in members if one.task_version.private_item_count],
            "example": _example([one[0] for one in names]),
            "judging": bound_judging(members, payer=person(request).namespace),
            "output_bytes": TYPICAL_OUTPUT_BYTES,
        },
        status=422 if form.is_bound and form.errors else 200,
    )


def _example(names: list[str]) -> str:
    output = _("what the model answered")
    return "\n".join(f'{{"task": "{name}", "id": "1", "output": "{output}"}}' for name in names[:2])
