"""Making a task: its facts, the editor with its preview, trying and publishing."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, person
from plumbmark.accounts.usage import storage_of
from plumbmark.background.models import Job
from plumbmark.background.queries import live_job_on
from plumbmark.background.views import job_context
from plumbmark.common.errors import Conflict, InvalidInput
from plumbmark.web.forms import add_problems
from plumbmark.web.long_text import cap_text
from tasks_app.authoring import actions as authoring
from tasks_app.authoring import draft_jobs, drafts, publication
from tasks_app.authoring.allowed_deployments import (
    allow_deployment,
    allowed_deployments_of,
    disallow_deployment,
    find_any_deployment,
)
from tasks_app.authoring.edit_conflicts import edit_conflict_message
from tasks_app.authoring.example import EXAMPLE_DEFINITION, EXAMPLE_ROWS
from tasks_app.authoring.forms import (
    AllowDeploymentForm,
    NewTaskForm,
    PublishTaskForm,
    TaskDraftForm,
    TaskFactsForm,
    VisibilityForm,
    WithdrawalForm,
)
from tasks_app.authoring.preview import (
    FIRST_ITEMS,
    PlacedProblem,
    Preview,
    place_problems,
    preview_of,
    tool_contexts,
)
from tasks_app.authoring.queries import media_of, own_task_at
from tasks_app.authoring.visibility import lasting_versions, set_task_visibility
from tasks_app.authoring.withdrawal import withdraw_content, withdrawable_versions
from tasks_app.code_tasks.output.result_schema import RESULT_SCHEMA
from tasks_app.datasets import actions as attaching
from tasks_app.definitions import DEFINITION_SCHEMA
from tasks_app.kinds import draft_kind_of
from tasks_app.models import Task, TaskDraft
from tasks_app.runs.forms import deployment_choices
from tasks_app.runs.message_display import files_of_draft, message_context
from tasks_app.runs.queries import deployments_for, latest_try_of

_PREVIEW_CHARACTERS = 4000
_MEDIA_LISTED = 200


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


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task_create(request: HttpRequest) -> HttpResponse:
    namespaces = acting_namespaces(request)
    form = NewTaskForm(request.POST or None, namespaces=namespaces)
    if request.method == "POST" and form.is_valid():
        namespace = chosen_namespace(namespaces, form.cleaned_data.get("namespace", ""))
        try:
            task = authoring.create_task(
                namespace=namespace, facts=form.facts(), by=person(request)
            )
        except InvalidInput as error:
            add_problems(form, error, {"slug": "title"})
        except Conflict as error:
            form.add_error("title", error.message)
        else:
            return redirect("tasks:edit", task.namespace.handle, task.slug)
    context = {"form": form, "trail": [_list_step(), {"label": _("New task")}]}
    return render(request, "tasks_app/authoring/new.html", context, status=_status(form))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task_settings(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show and change the facts of a task and its visibility."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    part = request.POST.get("part", "facts") if request.method == "POST" else ""
    facts = TaskFactsForm(
        request.POST if part == "facts" else None,
        initial={
            "title": task.title,
            "summary": task.summary,
            "licence": task.licence,
            "tags": ", ".join(task.tags),
            "citation": task.citation,
        },
    )
    visibility = VisibilityForm(
        request.POST if part == "visibility" else None, initial={"visibility": task.visibility}
    )
    allowed = AllowDeploymentForm(request.POST if part in {"allow", "disallow"} else None)
    withdrawal = WithdrawalForm(
        request.POST if part == "withdrawal" else None, versions=withdrawable_versions(task)
    )
    forms = {
        "visibility": visibility,
        "allow": allowed,
        "disallow": allowed,
        "withdrawal": withdrawal,
    }
    form = forms.get(part, facts)
    if request.method == "POST" and form.is_valid():
        try:
            if part == "visibility":
                set_task_visibility(
                    task=task,
                    visibility=visibility.cleaned_data["visibility"],
                    by=person(request),
                )
            elif form is withdrawal:
                withdraw_content(
                    version=withdrawal.cleaned_data["version"],
                    reason=withdrawal.cleaned_data["reason"],
                    by=person(request),
                )
            elif form is allowed:
                change = allow_deployment if part == "allow" else disallow_deployment
                name = allowed.cleaned_data["deployment"]
                found = find_any_deployment(name, task=task)
                change(task=task, deployment=found, by=person(request))
            else:
                authoring.update_task(task=task, facts=facts.facts(), by=person(request))
        except InvalidInput as error:
            add_problems(form, error)
        except Conflict as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("Saved."))
            return redirect("tasks:settings", handle, slug)
        # What was refused must not stand in the page's head.
        task.refresh_from_db()
    context = {
        "task": task,
        "facts_form": facts,
        "visibility_form": visibility,
        "lasting": lasting_versions(task),
        "withdrawal_form": withdrawal,
        "allow_form": allowed,
        "allowed_deployments": list(allowed_deployments_of(task)),
        "trail": [*trail_of(task), {"label": _("Settings")}],
    }
    return render(
        request,
        "tasks_app/authoring/settings.html",
        context,
        status=_status(facts, visibility, allowed, withdrawal),
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task_edit(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show the editor, and save. Its buttons say what follows: save, check, try, publish."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    draft = TaskDraft.objects.select_related("data_file", "updated_by__namespace").get(task=task)
    edit_url = draft_kind_of(draft).edit_url
    if edit_url != "tasks:edit":
        return redirect(edit_url, handle, slug)
    if request.method != "POST":
        return _editor(
            request, task, draft, preview=preview_of(draft, definition_text=_text(draft))
        )
    form = TaskDraftForm(request.POST, request.FILES)
    form.is_valid()
    text = form.cleaned_data.get("definition", "").replace("\r\n", "\n")
    then = request.POST.get("then", "save")
    if then == "preview" and draft_jobs.is_heavy(draft):
        job = draft_jobs.start_check(
            draft=draft, text=text, return_url=request.path, by=person(request)
        )
        return _editor(
            request,
            task,
            draft,
            text=text,
            preview=preview_of(draft, definition_text=text),
            job=job,
        )
    if then == "preview":
        return _editor(
            request,
            task,
            draft,
            text=text,
            preview=preview_of(draft, definition_text=text, rows=None),
        )
    if told := edit_conflict_message(request, draft):
        problem = PlacedProblem(told, "", None, "", False)
        return _editor(
            request, task, draft, text=text, preview=Preview(problems=[problem]), status=409
        )
    try:
        media, remove = request.FILES.getlist("media"), request.POST.getlist("remove_media")
        if media or remove:
            attaching.attach_media(task=task, uploads=media, remove=remove, by=person(request))
        draft = drafts.save_draft(
            task=task,
            definition_text=text,
            definition_format=_format_of(text),
            upload=form.cleaned_data.get("data_file"),
            replaces_fitting_file=form.cleaned_data["replaces_fitting_file"],
            by=person(request),
        )
    except InvalidInput as error:
        problems = place_problems(error.problems, text)
        return _editor(
            request,
            task,
            draft,
            text=text,
            preview=Preview(problems=problems),
            offers_replacement=draft.data_file is not None and "data_file" in request.FILES,
            status=422,
        )
    if then == "try":
        return _try(request, task, draft)
    if then == "publish":
        return redirect("tasks:publish", handle, slug)
    messages.success(request, _("Your draft is saved."))
    return redirect("tasks:edit", handle, slug)


def _try(request: HttpRequest, task: Task, draft: TaskDraft) -> HttpResponse:
    """Build the draft, then on to the page that says what a try costs."""
    address = reverse("tasks:run", args=[task.namespace.handle, task.slug])
    query = urlencode({"purpose": "try", "deployment": request.POST.get("deployment", "")[:200]})
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
        return _editor(request, task, draft, preview=Preview(problems=problems), status=422)
    return redirect(f"{address}?version={version.public_id}&{query}")


@never_cache
@login_required
@require_POST
def task_preview(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Render the preview of an unsaved text: a fragment for the editor. Saves nothing."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    draft = TaskDraft.objects.select_related("data_file").get(task=task)
    text = request.POST.get("definition", "")
    context = _preview_context(draft, preview_of(draft, definition_text=text))
    return render(request, "tasks_app/authoring/_preview.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task_publish(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show what publishing means, the whole draft checked, and the button."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    draft = TaskDraft.objects.select_related("data_file", "code_file").get(task=task)
    form = PublishTaskForm(
        request.POST or None,
        initial={"visibility": task.visibility if task.latest_version_id else "public"},
    )
    if request.method == "POST" and form.is_valid() and draft_jobs.is_heavy(draft):
        draft.task = task
        job = draft_jobs.start_publication(
            draft=draft,
            visibility=form.cleaned_data["visibility"],
            notes=form.cleaned_data["notes"],
            return_url=request.path,
            by=person(request),
        )
        return redirect(job)
    if request.method == "POST" and form.is_valid():
        try:
            version = publication.publish_task(
                task=task,
                visibility=form.cleaned_data["visibility"],
                notes=form.cleaned_data["notes"],
                by=person(request),
            )
        except InvalidInput as error:
            context = _preview_context(
                draft, Preview(problems=place_problems(error.problems, draft.definition_text))
            )
            return _publish_page(request, task, form, context, status=422)
        except Conflict as error:
            form.add_error(None, error.message)
        else:
            messages.success(
                request,
                _("Version %(number)s is published.") % {"number": version.number},
            )
            return redirect("tasks:detail", handle, slug)
    # A large file is checked as a whole only when the button is pressed.
    rows = drafts.FIRST_ROWS if draft_jobs.is_heavy(draft) else None
    context = _preview_context(draft, preview_of(draft, rows=rows))
    return _publish_page(request, task, form, context, status=_status(form))


def _publish_page(
    request: HttpRequest, task: Task, form: PublishTaskForm, context: dict[str, Any], status: int
) -> HttpResponse:
    highest = task.latest_version.number if task.latest_version else 0
    context |= {
        "task": task,
        "form": form,
        "next_number": (highest or 0) + 1,
        "trail": [*trail_of(task), {"label": _("Publish")}],
    }
    return render(request, "tasks_app/authoring/publish.html", context, status=status)


def _editor(
    request: HttpRequest,
    task: Task,
    draft: TaskDraft,
    *,
    preview: Preview,
    text: str | None = None,
    job: Job | None = None,
    offers_replacement: bool = False,
    status: int = 200,
) -> HttpResponse:
    job = job or live_job_on(draft_jobs.subject_of(task))
    context = {
        **_preview_context(draft, preview),
        **({} if job is None else job_context(job)),
        "task": task,
        "draft": draft,
        "text": _text(draft) if text is None else text,
        "is_unsaved": text is not None and text != draft.definition_text,
        "is_example": not draft.definition_text and text is None,
        "example_rows": EXAMPLE_ROWS,
        "offers_replacement": offers_replacement,
        "deployments": deployment_choices(deployments_for(request.user)),
        "latest_try": latest_try_of(task, by=request.user),
        "max_bytes": settings.MAX_DATA_FILE_BYTES,
        "media": media_of(draft, first=_MEDIA_LISTED),
        "max_media_bytes": settings.MAX_ATTACHMENT_BYTES,
        "max_files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "try_items": FIRST_ITEMS,
        "storage": storage_of(task.namespace),
        "trail": [*trail_of(task), {"label": _("Edit")}],
    }
    return render(request, "tasks_app/authoring/edit.html", context, status=status)


def _preview_context(draft: TaskDraft, preview: Preview) -> dict[str, Any]:
    questions = []
    for question in preview.first:
        address_of = files_of_draft(draft, question.inside)
        exchange = []
        for message in question.messages:
            told, text = message_context(message, _PREVIEW_CHARACTERS, address_of)
            exchange.append({**told, "note": _("shortened here") if text.is_cut else ""})
        targets = [cap_text(target, 300).text for target in question.targets[:5]]
        questions.append(
            {
                "key": question.key,
                "split": question.split,
                "exchange": exchange,
                "targets": targets,
                "choices": [cap_text(one, 300).text for one in question.choices or ()],
            }
        )
    return {"preview": preview, "questions": questions, "tools": tool_contexts(preview.tools)}


def _text(draft: TaskDraft) -> str:
    return draft.definition_text or EXAMPLE_DEFINITION


def _format_of(text: str) -> str:
    return "json" if text.lstrip("\ufeff \t\r\n").startswith("{") else "yaml"


def _list_step() -> dict[str, str]:
    return {"label": _("Tasks"), "url": reverse("tasks:list")}


def trail_of(task: Task) -> list[dict[str, str]]:
    """Return the breadcrumb down to a task."""
    return [
        _list_step(),
        {"label": task.namespace.handle, "url": task.namespace.get_absolute_url()},
        {"label": task.title, "url": task.get_absolute_url()},
    ]


def _status(*forms: Any) -> int:
    return 422 if any(form.is_bound and form.errors for form in forms) else 200
