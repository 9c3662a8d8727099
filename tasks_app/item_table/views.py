"""The draft's rows on pages: search, filter, sort, add, change, delete, undo, download."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbmark.accounts.acting import person
from plumbmark.background.models import Job
from plumbmark.background.queries import job_at, live_job_on
from plumbmark.background.views import job_context
from plumbmark.common.errors import Busy, Conflict, InvalidInput
from plumbmark.web.downloads import MAX_IN_MEMORY
from plumbmark.web.forms import number_in
from plumbmark.web.long_text import cap_text
from tasks_app.authoring.draft_jobs import subject_of
from tasks_app.authoring.queries import own_draft_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.item_table.actions import (
    RowEdit,
    addition_of_row,
    change_of_row,
    deletion_of_rows,
    edit_rows,
    latest_edit,
)
from tasks_app.item_table.edit_jobs import edit_of_job, is_heavy, start_edit, undo_edit
from tasks_app.item_table.files import RowSelection
from tasks_app.item_table.forms import RowForm, shown_value
from tasks_app.item_table.queries import PAGE, TablePage, row_at, table_page
from tasks_app.models import Task, TaskDraft

_CELL = 160
_NOT_WRITTEN = 20_000
_MAX_WORDS = 200


@never_cache
@login_required
@require_safe
def item_table(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show a page of rows with their problems."""
    task, draft = _draft(request, handle, slug)
    if draft.data_file is None:
        messages.info(request, _("Upload a data file first."))
        return redirect("tasks:edit", handle, slug)
    selection = _selection(request)
    number = number_in(request, "page") or 1
    try:
        found = table_page(draft, selection, page=number)
    except InvalidInput as error:
        messages.error(request, "; ".join(str(one) for one in error.problems[:3]))
        return redirect("tasks:edit", handle, slug)
    if number > 1 and not found.rows:
        raise Http404
    context = {
        "task": task,
        "data_file": draft.data_file,
        "found": found,
        "selection": selection,
        "heads": [_head(selection, name) for name in found.columns],
        "rows": [_row(found, place) for place in range(len(found.rows))],
        "edit": latest_edit(draft),
        **_job_context(request, task),
        "note": _note(found),
        "previous_url": _url(selection, number - 1) if number > 1 else "",
        "next_url": _url(selection, number + 1) if found.has_next else "",
        "trail": [*trail_of(task), {"label": _("Items")}],
    }
    return render(request, "tasks_app/item_table/table.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def row_edit(request: HttpRequest, handle: str, slug: str, number: int) -> HttpResponse:
    """Change a row. What was typed stays on the page if somebody else changed the row meanwhile."""
    task, draft = _draft(request, handle, slug)
    if draft.data_file is None:
        raise Http404
    row, columns = row_at(draft, number)
    if row is None or row.values is None:
        raise Http404
    kinds = dict(row.values)
    form = RowForm(
        request.POST if request.method == "POST" else None,
        columns=columns,
        kinds=kinds,
        initial={"digest": row.digest, **RowForm.initial_of(columns, row.values)},
    )
    status = 200
    if request.method == "POST" and form.is_valid():
        seen = form.cleaned_data["digest"]
        # Columns beyond those shown stay as they are.
        values = {**{k: v for k, v in row.values.items() if k not in columns}, **form.values}
        try:
            done = _make_edit(request, draft, change_of_row((number, seen), values))
        except Busy as error:
            form.add_error(None, error.message)
            status = 503
        except Conflict as error:
            form.add_error(None, error.message)
            data = request.POST.copy()
            # Saving again is a decision: the person has been told.
            data["digest"] = row.digest
            form.data = data
            status = 409
        else:
            return done(_("Row %(n)s is saved.") % {"n": number + 1})
    elif form.is_bound:
        status = 422
    context = {
        "task": task,
        "form": form,
        "number": number + 1,
        "theirs": [
            {"key": name, "value": cap_text(shown_value(row.values.get(name)), 2000).text}
            for name in columns
        ]
        if status == 409
        else [],
        "trail": [*trail_of(task), {"label": _("Row %(n)s") % {"n": number + 1}}],
    }
    return render(request, "tasks_app/item_table/row.html", context, status=status)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def row_add(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Add a row at the end."""
    task, draft = _draft(request, handle, slug)
    if draft.data_file is None:
        raise Http404
    first, columns = row_at(draft, 0)
    kinds = dict(first.values or {}) if first else {}
    form = RowForm(request.POST if request.method == "POST" else None, columns=columns, kinds=kinds)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            done = _make_edit(request, draft, addition_of_row(form.values))
        except (Conflict, InvalidInput, Busy) as error:
            form.add_error(None, error.message)
        else:
            return done(_("The row is added at the end."))
    if form.is_bound and form.errors:
        status = 422
    context = {
        "task": task,
        "form": form,
        "number": None,
        "trail": [*trail_of(task), {"label": _("New row")}],
    }
    return render(request, "tasks_app/item_table/row.html", context, status=status)


@login_required
@require_POST
def rows_delete(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Delete the rows whose boxes are ticked."""
    _task, draft = _draft(request, handle, slug)
    rows = []
    for text in request.POST.getlist("row")[:2000]:
        number, _sep, digest = text.partition(":")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise Http404
        rows.append((int(number), digest[:32]))
    try:
        done = _make_edit(request, draft, deletion_of_rows(rows))
    except (Conflict, InvalidInput, Busy) as error:
        messages.error(request, error.message)
        return redirect("tasks:item-table", handle, slug)
    return done(_("Deleted. You can undo it."))


def _make_edit(
    request: HttpRequest, draft: TaskDraft, edit: RowEdit
) -> Callable[[str], HttpResponse]:
    """Make an edit, or queue it where the file is large; return what leads on to the table."""
    by, task = person(request), draft.task
    address = reverse("tasks:item-table", args=[task.namespace.handle, task.slug])
    if is_heavy(draft):
        job = start_edit(task=task, edit=edit, by=by)
        return lambda _message: redirect(f"{address}?job={job.public_id}")
    edit_rows(task=task, edit=edit, by=by)

    def tell(message: str) -> HttpResponse:
        messages.success(request, message)
        return redirect(address)

    return tell


def _job_context(request: HttpRequest, task: Task) -> dict[str, Any]:
    """Return the edit that is under way, or the one that the address names, and what it was to
    write where it failed.
    """
    job: Job | None
    if public_id := request.GET.get("job", "")[:20]:
        job = job_at(public_id=public_id, to=request.user)
        if job.subject != subject_of(task):
            raise Http404
    else:
        job = live_job_on(subject_of(task))
    if job is None:
        return {}
    edit = edit_of_job(job) if job.state in (Job.State.FAILED, Job.State.CANCELLED) else None
    rows = [] if edit is None else [*filter(None, edit.changed.values()), *edit.added]
    not_written = [
        {"key": name, "value": cap_text(shown_value(value), _NOT_WRITTEN).text}
        for values in rows[:1]
        for name, value in values.items()
    ]
    return {**job_context(job), "not_written": not_written}


@login_required
@require_POST
def table_undo(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Bring back the file as it was before the newest change."""
    task, _draft_row = _draft(request, handle, slug)
    try:
        edit = undo_edit(task=task, by=person(request))
    except Conflict as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Undone: %(what)s.") % {"what": edit.summary})
    return redirect("tasks:item-table", handle, slug)


@login_required
@require_safe
def data_download(request: HttpRequest, handle: str, slug: str) -> HttpResponseBase:
    """Return the draft's file as it is."""
    _task, draft = _draft(request, handle, slug)
    return file_response(draft)


def file_response(draft: TaskDraft) -> HttpResponseBase:
    """Return a draft's file as a download; 404 without one."""
    if draft.data_file is None or draft.data_file.is_withheld:
        raise Http404
    name, media_type = draft.data_file.name, "application/octet-stream"
    if draft.data_file.size > MAX_IN_MEMORY:
        stored = draft.data_file.file.open("rb")
        return FileResponse(stored, as_attachment=True, filename=name, content_type=media_type)
    with draft.data_file.file.open("rb") as stored:
        response = HttpResponse(stored.read(), content_type=media_type)
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


def _draft(request: HttpRequest, handle: str, slug: str) -> tuple[Task, TaskDraft]:
    draft = own_draft_at(handle=handle, slug=slug, by=request.user)
    return draft.task, draft


def _selection(request: HttpRequest) -> RowSelection:
    sort = request.GET.get("sort", "")[:_MAX_WORDS]
    return RowSelection(
        words=request.GET.get("q", "")[:_MAX_WORDS].strip(),
        column=request.GET.get("column", "")[:_MAX_WORDS],
        value=request.GET.get("value", "")[:_MAX_WORDS].strip(),
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
    )


def _query(selection: RowSelection, sort: str) -> dict[str, str]:
    values = {
        "q": selection.words,
        "column": selection.column,
        "value": selection.value,
        "sort": sort,
    }
    return {name: value for name, value in values.items() if value}


def _url(selection: RowSelection, page: int) -> str:
    sort = f"-{selection.sort}" if selection.descending else selection.sort
    query = _query(selection, sort)
    return "?" + urlencode({**query, "page": page} if page > 1 else query)


def _head(selection: RowSelection, name: str) -> dict[str, Any]:
    is_sorted = selection.sort == name
    following = f"-{name}" if is_sorted and not selection.descending else name
    order = ("descending" if selection.descending else "ascending") if is_sorted else ""
    return {"name": name, "url": "?" + urlencode(_query(selection, following)), "order": order}


def _row(found: TablePage, place: int) -> dict[str, Any]:
    one = found.rows[place]
    values = one.row.values or {}
    return {
        "number": one.row.number,
        "shown_number": f"{one.row.number + 1:,}",
        "digest": one.row.digest,
        "is_readable": one.row.values is not None,
        "problems": one.problems,
        "cells": [_cell(values.get(name)) for name in found.columns],
    }


def _cell(value: Any) -> str:
    text = " ".join(shown_value(value).split())
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"


def _note(found: TablePage) -> str:
    if not found.rows:
        return ""
    start = (found.page - 1) * PAGE + 1
    values = {
        "first": f"{start:,}",
        "last": f"{start + len(found.rows) - 1:,}",
        "all": f"{found.selected:,}",
    }
    return _("%(first)s to %(last)s of %(all)s") % values
