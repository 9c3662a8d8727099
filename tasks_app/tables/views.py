"""The page on which an author says what the columns of a file are for."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import person
from plumbmark.common.errors import InvalidInput
from plumbmark.web.forms import add_problems
from tasks_app.authoring.queries import own_draft_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.models import DataFile, Task
from tasks_app.runs.forms import deployment_choices
from tasks_app.runs.queries import deployments_for
from tasks_app.tables.actions import choose_columns
from tasks_app.tables.conversion import profile_of, read_again
from tasks_app.tables.documents import roles_from
from tasks_app.tables.forms import ColumnsForm, ReadingForm


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show the draft's file as a table, and write the definition from the columns' roles."""
    draft = own_draft_at(handle=handle, slug=slug, by=request.user)
    task = draft.task
    if draft.data_file is None:
        messages.info(request, _("Upload a data file first."))
        return redirect("tasks:edit", handle, slug)
    data_file = draft.data_file
    conversion = data_file.conversion or {}
    part = request.POST.get("part", "columns") if request.method == "POST" else ""
    reading = ReadingForm(
        request.POST if part == "reading" else None,
        sheets=conversion.get("sheets", ()),
        initial={"has_head": True, **conversion.get("options", {})},
    )
    if part == "reading" and reading.is_valid():
        try:
            read_again(task=task, options=reading.options(), by=person(request))
        except InvalidInput as error:
            add_problems(reading, error)
        else:
            return redirect("tasks:columns", handle, slug)
    try:
        content = profile_of(data_file).content
    except InvalidInput as error:
        messages.error(request, "; ".join(str(one) for one in error.problems))
        return redirect("tasks:edit", handle, slug)
    form = ColumnsForm(
        request.POST if part == "columns" else None,
        columns=content["columns"],
        roles=roles_from(content["roles"]),
        deployments=deployment_choices(deployments_for(request.user)),
        has_definition=bool(draft.definition_text),
    )
    if part == "columns" and form.is_valid():
        roles = form.roles()
        try:
            if not form.errors:
                choose_columns(
                    task=task,
                    roles=roles,
                    judges=form.cleaned_data["judges"],
                    keeps_definition=form.cleaned_data.get("keeps_definition", False),
                    by=person(request),
                )
        except InvalidInput as error:
            add_problems(form, error)
        if not form.errors:
            messages.success(request, _("The definition is written. Look at the first prompts."))
            return redirect("tasks:edit", handle, slug)
    context = _context(task, data_file, content, form, reading)
    has_errors = (form.is_bound and form.errors) or (reading.is_bound and reading.errors)
    return render(
        request, "tasks_app/tables/columns.html", context, status=422 if has_errors else 200
    )


def _context(
    task: Task,
    data_file: DataFile,
    content: dict[str, Any],
    form: ColumnsForm,
    reading: ReadingForm,
) -> dict[str, Any]:
    described = content["columns"]
    names = [one["name"] for one in described]
    roles = roles_from(content["roles"])
    return {
        "task": task,
        "data_file": data_file,
        "source": data_file.converted_from or data_file,
        "notes": (data_file.conversion or {}).get("notes", ()),
        "content": content,
        "written_rows": f"{content['rows']:,}",
        "opens_more": bool(form.errors) or bool(roles.split) or roles.kind == "judge",
        "described": [
            {"column": column, "field": field, "distinct": f"{column['distinct']:,}"}
            for column, field in zip(described, form.role_fields(), strict=True)
        ],
        "form": form,
        "reading": reading,
        "offer": roles.why.get("after", "") if roles.after else "",
        "first_names": names[: len(content["first"][0])] if content["first"] else [],
        "trail": [*trail_of(task), {"label": _("Columns")}],
    }
