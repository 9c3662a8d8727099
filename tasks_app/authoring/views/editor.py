"""The editor of a definition: as a form or as text, with its preview; and trying it."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbmark.accounts.acting import person
from plumbmark.common.errors import InvalidInput
from plumbmark.web.kept_forms import login_required_keeping_form, read_kept_form
from tasks_app.authoring import draft_jobs, drafts, publication
from tasks_app.authoring.edit_conflicts import edit_conflict_message
from tasks_app.authoring.example import EXAMPLE_DEFINITION
from tasks_app.authoring.forms import TaskDraftForm
from tasks_app.authoring.preview import PlacedProblem, Preview, place_problems, preview_of
from tasks_app.authoring.queries import own_draft_at
from tasks_app.authoring.views.editor_page import (
    FORM,
    TEXT,
    preview_context,
    render_editor,
    text_of_draft,
)
from tasks_app.code_tasks.output.result_schema import RESULT_SCHEMA
from tasks_app.datasets import actions as attaching
from tasks_app.definition_form.fields import Known
from tasks_app.definition_form.submission import DefinitionForm, read_form
from tasks_app.definitions import DEFINITION_SCHEMA
from tasks_app.kinds import draft_kind_of
from tasks_app.models import Task, TaskDraft

_NOT_SAVED = {"show", FORM, TEXT}
"""Buttons that change the page alone."""


@require_safe
def definition_schema(request: HttpRequest) -> HttpResponse:
    """Return the JSON Schema of definitions, for editors and programs."""
    return _schema(DEFINITION_SCHEMA)


@require_safe
def result_schema(request: HttpRequest) -> HttpResponse:
    """Return the JSON Schema of the file in which code reports its result."""
    return _schema(RESULT_SCHEMA)


def _schema(schema: dict[str, Any]) -> HttpResponse:
    response = JsonResponse(schema, json_dumps_params={"indent": 2})
    response.headers["Content-Type"] = "application/schema+json"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@never_cache
@login_required_keeping_form
@require_http_methods(["GET", "HEAD", "POST"])
def task_edit(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show the editor, and save. Its buttons say what follows: save, check, try, publish."""
    draft = own_draft_at(handle=handle, slug=slug, by=request.user)
    task = draft.task
    edit_url = draft_kind_of(draft).edit_url
    if edit_url != "tasks:edit":
        return redirect(edit_url, handle, slug)
    if request.method != "POST":
        if kept := read_kept_form(request):
            return _show_kept(request, task, draft, kept)
        view = TEXT if request.GET.get("view") == TEXT else FORM
        preview = preview_of(draft, definition_text=text_of_draft(draft))
        return render_editor(request, task, draft, preview=preview, view=view)
    upload = TaskDraftForm(request.POST, request.FILES)
    upload.is_valid()
    view, text, form = _sent_definition(request.POST)
    then = request.POST.get("then", "save")
    page: dict[str, Any] = {"text": text, "view": view, "form": form}
    if then == "preview":
        return _check(request, task, draft, page)
    is_refused = form is not None and form.is_readable and bool(form.problems)
    if (
        then in _NOT_SAVED
        or "go" in request.POST
        or is_refused
        or (form is not None and form.acted)
    ):
        page["view"] = then if then in {FORM, TEXT} and not is_refused else view
        preview = preview_of(draft, definition_text=text, item=_item(request))
        return render_editor(
            request, task, draft, **page, preview=preview, status=422 if is_refused else 200
        )
    if conflict := edit_conflict_message(request, draft):
        preview = Preview(problems=[PlacedProblem(conflict, "", None, "", False)])
        return render_editor(request, task, draft, **page, preview=preview, status=409)
    try:
        media, remove = request.FILES.getlist("media"), request.POST.getlist("remove_media")
        if media or remove:
            attaching.attach_media(task=task, uploads=media, remove=remove, by=person(request))
        draft = drafts.save_draft(
            task=task,
            definition_text=text,
            definition_format=_format_of(text),
            upload=upload.cleaned_data.get("data_file"),
            replaces_fitting_file=upload.cleaned_data["replaces_fitting_file"],
            by=person(request),
        )
    except InvalidInput as error:
        problems = place_problems(error.problems, text)
        return render_editor(
            request,
            task,
            draft,
            **page,
            preview=Preview(problems=problems),
            offers_replacement=draft.data_file is not None and "data_file" in request.FILES,
            status=422,
        )
    if then == "try":
        return _try(request, task, draft, view)
    if then == "publish":
        return redirect("tasks:publish", handle, slug)
    messages.success(request, _("Your draft is saved."))
    if "data_file" in request.FILES and text.strip() == EXAMPLE_DEFINITION.strip():
        return redirect("tasks:columns", handle, slug)
    address = reverse("tasks:edit", args=[handle, slug])
    return redirect(f"{address}?view={TEXT}" if view == TEXT else address)


def _show_kept(request: HttpRequest, task: Task, draft: TaskDraft, kept: QueryDict) -> HttpResponse:
    """Show what was sent after the session had ended; it is saved when that is asked for again."""
    messages.warning(
        request, _("You had been signed out. What you typed is here; it is not saved yet.")
    )
    view, text, form = _sent_definition(kept)
    return render_editor(
        request,
        task,
        draft,
        text=text,
        view=view,
        form=form,
        preview=preview_of(draft, definition_text=text),
        # That of the draft as it was read: another's change since then is no less a conflict.
        fingerprint=kept.get("fingerprint", ""),
    )


def _sent_definition(sent: QueryDict) -> tuple[str, str, DefinitionForm | None]:
    """Return the view that was sent, the text, and the form where the view is that."""
    text = sent.get("definition", "").replace("\r\n", "\n")
    if sent.get("view") != FORM:
        return TEXT, text, None
    form = read_form(text, sent, Known())
    return FORM, form.text, form


def _item(request: HttpRequest) -> str:
    """Return the item that the preview is to begin with: a button's, or what was typed."""
    return (request.POST.get("go") or request.POST.get("item", "")).strip()[:1000]


def _check(
    request: HttpRequest, task: Task, draft: TaskDraft, page: dict[str, Any]
) -> HttpResponse:
    """Check all rows, as a job where they are many."""
    text = page["text"]
    if draft_jobs.is_heavy(draft):
        page["job"] = draft_jobs.start_check(
            draft=draft, text=text, return_url=request.path, by=person(request)
        )
        preview = preview_of(draft, definition_text=text)
    else:
        preview = preview_of(draft, definition_text=text, rows=None, item=_item(request))
    return render_editor(request, task, draft, **page, preview=preview)


def _try(request: HttpRequest, task: Task, draft: TaskDraft, view: str) -> HttpResponse:
    """Build the draft, then on to the page that says what a try costs."""
    address = reverse("tasks:try", args=[task.namespace.handle, task.slug])
    query = urlencode({"models": request.POST.get("deployment", "")[:200]})
    if draft_jobs.is_heavy(draft):
        job = draft_jobs.start_build(
            draft=draft,
            return_url=request.path,
            next_url=f"{address}?version={{version}}&{query}",
            by=person(request),
        )
        return redirect(job)
    try:
        version = publication.build_version(task=task, by=person(request))
    except InvalidInput as error:
        problems = place_problems(error.problems, draft.definition_text)
        preview = Preview(problems=problems)
        return render_editor(request, task, draft, preview=preview, view=view, status=422)
    return redirect(f"{address}?version={version.public_id}&{query}")


@never_cache
@login_required
@require_POST
def task_preview(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Render the preview of an unsaved text: a fragment for the editor. Saves nothing."""
    draft = own_draft_at(handle=handle, slug=slug, by=request.user)
    view, text, _form = _sent_definition(request.POST)
    preview = preview_of(draft, definition_text=text, item=_item(request))
    context = {**preview_context(draft, preview), "view": view, "preview_url": request.path}
    return render(request, "tasks_app/authoring/_preview.html", context)


def _format_of(text: str) -> str:
    return "json" if text.lstrip("\ufeff \t\r\n").startswith("{") else "yaml"
