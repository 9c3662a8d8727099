"""The page of the editor, and the preview that is part of other pages too."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from plumbmark.accounts.usage import storage_of
from plumbmark.background.models import Job
from plumbmark.background.queries import live_job_on
from plumbmark.background.views import job_context
from plumbmark.common.errors import InvalidInput
from plumbmark.web.long_text import cap_text
from tasks_app.authoring import draft_jobs
from tasks_app.authoring.drafts import FIRST_ITEMS
from tasks_app.authoring.example import EXAMPLE_DEFINITION, EXAMPLE_ROWS
from tasks_app.authoring.forms import TABLE_ENDINGS
from tasks_app.authoring.preview import Preview, tool_contexts
from tasks_app.authoring.queries import media_of
from tasks_app.authoring.views.trails import trail_of
from tasks_app.definition_form.fields import Known
from tasks_app.definition_form.submission import (
    DefinitionForm,
    form_of,
    place_problems_at_fields,
)
from tasks_app.draft_saves.queries import saves_of
from tasks_app.models import Task, TaskDraft
from tasks_app.runs.forms import deployment_choices
from tasks_app.runs.message_display import files_of_draft, message_context
from tasks_app.runs.queries import deployments_for, latest_try_of
from tasks_app.tables.conversion import profile_of

FORM, TEXT = "form", "text"
"""The two views of a definition."""
_PREVIEW_CHARACTERS = 4000
_MEDIA_LISTED = 200


def render_editor(
    request: HttpRequest,
    task: Task,
    draft: TaskDraft,
    *,
    preview: Preview,
    text: str | None = None,
    view: str = FORM,
    form: DefinitionForm | None = None,
    job: Job | None = None,
    offers_replacement: bool = False,
    fingerprint: str = "",
    status: int = 200,
) -> HttpResponse:
    """Show the editor as a form or as text, with the preview beside it.

    `fingerprint` is that of the draft on which the text is based, where that is not the stored one.
    """
    job = job or live_job_on(draft_jobs.subject_of(task))
    shown = text_of_draft(draft) if text is None else text
    deployments = deployment_choices(deployments_for(request.user))
    columns = columns_of(draft)
    if view == FORM:
        form = form or form_of(shown, Known())
        form = form.with_choices(Known(deployments=deployments, columns=columns))
        place_problems_at_fields(form.nodes, preview.problems)
    context = {
        **preview_context(draft, preview),
        "view": view,
        "form": form,
        "columns": columns,
        **({} if job is None else job_context(job)),
        "task": task,
        "draft": draft,
        "fingerprint": fingerprint or draft.fingerprint,
        "text": shown,
        "is_unsaved": text is not None and text != draft.definition_text,
        "is_example": not draft.definition_text and text is None,
        "example_rows": EXAMPLE_ROWS,
        "table_endings": TABLE_ENDINGS,
        "offers_replacement": offers_replacement,
        "deployments": deployments,
        "latest_try": latest_try_of(task, by=request.user),
        "max_bytes": settings.MAX_DATA_FILE_BYTES,
        "media": media_of(draft, first=_MEDIA_LISTED),
        "max_media_bytes": settings.MAX_ATTACHMENT_BYTES,
        "max_files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "try_items": FIRST_ITEMS,
        "saves": saves_of(draft),
        "storage": storage_of(task.namespace),
        "trail": [*trail_of(task), {"label": _("Edit")}],
    }
    return render(request, "tasks_app/authoring/edit.html", context, status=status)


def preview_context(draft: TaskDraft, preview: Preview) -> dict[str, Any]:
    """Return the context of `tasks_app/authoring/_preview.html`."""
    questions = []
    for question in preview.first:
        address_of = files_of_draft(draft, question.inside)
        exchange = []
        for message in question.messages:
            context, text = message_context(message, _PREVIEW_CHARACTERS, address_of)
            exchange.append({**context, "note": _("shortened here") if text.is_cut else ""})
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


def columns_of(draft: TaskDraft) -> list[str]:
    """Return the names of the data's columns; none where that takes too long, or fails."""
    if draft.data_file is None or draft_jobs.is_heavy(draft):
        return []
    try:
        return [column["name"] for column in profile_of(draft.data_file).content["columns"]]
    except InvalidInput:
        return []


def text_of_draft(draft: TaskDraft) -> str:
    return draft.definition_text or EXAMPLE_DEFINITION
