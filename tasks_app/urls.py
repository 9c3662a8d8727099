"""Addresses of tasks."""

from django.urls import path

from tasks_app.authoring.views import detail, editor, listing
from tasks_app.code_tasks import views as coding
from tasks_app.datasets import views as files
from tasks_app.judges import views as judging
from tasks_app.playground import views as playground
from tasks_app.runs.views import start as starting
from tasks_app.runs.views import submissions
from tasks_app.workers import views as status

app_name = "tasks"

_TASK = "tasks/<slug:handle>/<slug:slug>/"

urlpatterns = [
    path("schemas/task-definition.json", editor.definition_schema, name="schema"),
    path("schemas/code-result.json", editor.result_schema, name="result-schema"),
    path("staff/status/", status.status, name="status"),
    path("labels/<slug:public_id>/", judging.label_set, name="label-set"),
    path("labels/<slug:public_id>/<int:position>/", judging.label_edit, name="label"),
    path("playground/", playground.playground, name="playground"),
    path("playground/<slug:public_id>/", playground.playground_asked, name="playground-asked"),
    path("playground/<slug:public_id>/task/", playground.playground_task, name="playground-task"),
    path(
        "task-versions/<slug:public_id>/items/<int:position>/files/<slug:sha256>/",
        files.item_file,
        name="item-file",
    ),
    path("tasks/", listing.task_list, name="list"),
    path("tasks/new/", editor.task_create, name="new"),
    path(_TASK, detail.task_detail, name="detail"),
    path(_TASK + "edit/", editor.task_edit, name="edit"),
    path(_TASK + "edit/files/<slug:sha256>/", files.draft_file, name="draft-file"),
    path(_TASK + "edit/code/", coding.task_edit_code, name="edit-code"),
    path(_TASK + "preview/", editor.task_preview, name="preview"),
    path(_TASK + "publish/", editor.task_publish, name="publish"),
    path(_TASK + "settings/", editor.task_settings, name="settings"),
    path(_TASK + "run/", starting.run_start, name="run"),
    path(_TASK + "submit/", submissions.submission_create, name="submit"),
    path(_TASK + "versions/<int:number>/", detail.task_version, name="version"),
    path(_TASK + "versions/<int:number>/items/", detail.item_list, name="items"),
    path(_TASK + "versions/<int:number>/judges/", judging.judges_detail, name="judges"),
    path(
        _TASK + "versions/<int:number>/judges/labels/",
        judging.label_set_create,
        name="label-set-create",
    ),
]
