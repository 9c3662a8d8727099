"""Submitted outputs: the form, the format by example, and what was wrong with the file."""

import csv
import io
import json

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, person
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.web.forms import add_problems
from tasks_app.authoring.queries import task_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.models import Item, TaskVersion
from tasks_app.runs import submission_jobs
from tasks_app.runs.cost import TYPICAL_OUTPUT_BYTES, bound_scoring
from tasks_app.runs.forms import SubmissionForm
from tasks_app.runs.submissions import NamedModel, submit_outputs

_FIELDS = {"model_name", "maker", "description", "namespace"}


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def submission_create(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    task = task_at(handle=handle, slug=slug, to=request.user)
    version = task.latest_version
    if version is None:
        raise Http404
    version.task = task
    namespaces = acting_namespaces(request)
    form = SubmissionForm(request.POST or None, request.FILES or None, namespaces=namespaces)
    problems: list[Problem] = []
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        model = NamedModel(values["model_name"], values["maker"], values["description"])
        namespace = chosen_namespace(namespaces, values.get("namespace", ""))
        try:
            if submission_jobs.is_heavy(version, values["file"]):
                job = submission_jobs.start_submission(
                    version=version,
                    model=model,
                    namespace=namespace,
                    upload=values["file"],
                    return_url=request.path,
                    by=person(request),
                )
                return redirect(job)
            run = submit_outputs(
                version=version,
                model_name=model.name,
                maker=model.maker,
                description=model.description,
                namespace=namespace,
                upload=values["file"],
                by=person(request),
            )
        except InvalidInput as error:
            of_fields = [one for one in error.problems if one.path in _FIELDS]
            problems = [one for one in error.problems if one.path not in _FIELDS]
            add_problems(form, InvalidInput(of_fields))
            if problems:
                form.add_error("file", _("The file was not accepted; see the problems below."))
        except (Conflict, NotAllowed) as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("The outputs are accepted and being scored."))
            return redirect(run)
    jsonl, table = _examples(version)
    context = {
        "task": task,
        "version": version,
        "form": form,
        "problems": problems,
        "jsonl": jsonl,
        "table": table,
        "expected": version.item_count * version.repeats,
        "judges_bound": None
        if version.is_withheld
        else bound_scoring(
            version=version, payer=person(request).namespace, output_bytes=TYPICAL_OUTPUT_BYTES
        ),
        "output_bytes": TYPICAL_OUTPUT_BYTES,
        "trail": [*trail_of(task), {"label": _("Submit outputs")}],
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "tasks_app/runs/submit.html", context, status=status)


def _examples(version: TaskVersion) -> tuple[str, str]:
    """Return the file format with the task's own first ids: as JSONL and as CSV."""
    keys = Item.objects.filter(version=version, split=Item.Split.PUBLIC).order_by("position")
    rows = [{"id": key, "output": _("what the model answered")} for key in
            keys.values_list("key", flat=True)[:2]]  # fmt: skip
    if version.repeats > 1:
        rows = [{**row, "repeat": str(number)} for row in rows[:1] for number in (1, 2)]
    jsonl = "\n".join(
        json.dumps({**row, "repeat": int(row["repeat"])} if "repeat" in row else row,
                   ensure_ascii=False)
        for row in rows
    )  # fmt: skip
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]) if rows else ["id", "output"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return jsonl, file.getvalue().rstrip()
