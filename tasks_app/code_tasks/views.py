"""The editor of code tasks: code, settings and attached data, with findings beside the code."""

from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import person
from plumbmark.common.errors import Conflict, InvalidInput
from tasks_app.authoring import publication
from tasks_app.authoring.edit_conflicts import edit_conflict_message
from tasks_app.authoring.example import EXAMPLE_CODE
from tasks_app.authoring.forms import CodeDraftForm
from tasks_app.authoring.preview import PlacedProblem, place_problems
from tasks_app.authoring.queries import own_draft_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.code_tasks import actions as coding
from tasks_app.code_tasks.source import notebook
from tasks_app.draft_saves.queries import saves_of
from tasks_app.models import TaskDraft
from tasks_app.runs.forms import deployment_choices
from tasks_app.runs.queries import deployments_for, latest_try_of
from tasks_app.runs.start import try_program

_MAX_SHOWN = 256 * 1024


@dataclass(frozen=True, slots=True)
class _CodePreview:
    """The findings beside the code."""

    problems: list[PlacedProblem]
    findings: list[dict[str, Any]]
    script: str = ""
    counted: tuple[str, ...] = ()
    environment: str = ""


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task_edit_code(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show the editor, and save. Its buttons say what follows: save, check, try, publish."""
    draft = own_draft_at(handle=handle, slug=slug, by=request.user, related=["code_file"])
    task = draft.task
    if request.method != "POST":
        return _editor(request, draft)
    form = CodeDraftForm(request.POST, request.FILES)
    form.is_valid()
    values = form.cleaned_data
    then = request.POST.get("then", "save")
    by = person(request)
    upload = values.get("code_file")
    code = values.get("code") or None
    try:
        if then == "drop":
            coding.drop_code(task=task, by=by)
            return redirect("tasks:edit", handle, slug)
        if conflict := edit_conflict_message(request, draft):
            return _editor(request, draft, error=Conflict(conflict), status=409)
        coding.save_code_draft(
            task=task,
            upload=upload,
            code=None if upload is not None else code,
            code_name=_name_of(draft),
            settings_text=values.get("settings", ""),
            attach=request.FILES.getlist("attach"),
            detach=request.POST.getlist("detach"),
            by=by,
        )
        if then == "check":
            run = try_program(version=publication.build_version(task=task, by=by), by=by)
            return redirect(run)
        if then == "try":
            version = publication.build_version(task=task, by=by)
            query = {
                "version": version.public_id,
                "purpose": "try",
                "deployment": request.POST.get("deployment", "")[:200],
            }
            return redirect(reverse("tasks:run", args=[handle, slug], query=query))
    except (InvalidInput, Conflict) as error:
        # As it is by now: it may be the try that was refused, after the draft was saved.
        draft = own_draft_at(handle=handle, slug=slug, by=by, related=["code_file"])
        return _editor(request, draft, error=error, status=422)
    if then == "publish":
        return redirect("tasks:publish", handle, slug)
    messages.success(request, _("Your draft is saved."))
    return redirect("tasks:edit-code", handle, slug)


def _name_of(draft: TaskDraft) -> str:
    """Return the file name: a pasted text keeps that of the Python file that it replaces."""
    name = draft.code_file.name if draft.code_file else ""
    return name if name.endswith(".py") else ""


def _editor(
    request: HttpRequest,
    draft: TaskDraft,
    *,
    error: InvalidInput | Conflict | None = None,
    status: int = 200,
) -> HttpResponse:
    task = draft.task
    inspection = _inspect(draft)
    if error is not None:
        message = error.problems if isinstance(error, InvalidInput) else []
        problems = place_problems(message, inspection.script)
        if isinstance(error, Conflict):
            problems = [PlacedProblem(error.message, "", None, "", False)]
        inspection = replace(inspection, problems=problems)
    is_notebook = draft.code_file is not None and not draft.code_file.name.endswith(".py")
    # What was refused stays in the form: nobody writes it twice.
    code = request.POST.get("code") or ("" if is_notebook else inspection.script)
    context = {
        "task": task,
        "draft": draft,
        "inspection": inspection,
        "code": code or ("" if draft.code_file else EXAMPLE_CODE),
        "is_example": draft.code_file is None and not code,
        "is_notebook": is_notebook,
        "settings_text": request.POST.get("settings", draft.code_settings),
        "attached": list(draft.attached_files.select_related("data_file").order_by("pk")),
        "saves": saves_of(draft),
        "deployments": deployment_choices(deployments_for(request.user)),
        "latest_try": latest_try_of(task, by=request.user),
        "max_bytes": settings.MAX_DATA_FILE_BYTES,
        "trail": [*trail_of(task), {"label": _("Edit the code")}],
    }
    return render(request, "tasks_app/code_tasks/edit_code.html", context, status=status)


def _inspect(draft: TaskDraft) -> _CodePreview:
    if draft.code_file is None:
        return _CodePreview([], [])
    try:
        checked = coding.check_code(draft)
    except InvalidInput as error:
        text = coding.code_of(draft.code_file)[:_MAX_SHOWN].decode("utf-8", "replace")
        return _CodePreview(place_problems(error.problems, text), [], text)
    definition = checked.definition
    return _CodePreview(
        problems=[],
        findings=[notebook.finding_document(one, checked.script) for one in checked.findings],
        script=checked.script.code,
        counted=() if definition is None else tuple(one.key for one in definition.counted),
        environment="" if definition is None else definition.environment,
    )
