"""Addresses of tasks."""

from django.urls import path

from tasks_app.authoring.views import (
    creation,
    detail,
    editor,
    life,
    listing,
    publishing,
    settings,
)
from tasks_app.code_tasks import views as coding
from tasks_app.datasets import views as files
from tasks_app.draft_saves import views as saves
from tasks_app.draft_trials import views as trials
from tasks_app.item_lab import views as item_lab
from tasks_app.item_reports import views as reporting
from tasks_app.item_table import views as item_table
from tasks_app.judges import views as judging
from tasks_app.playground import views as playground
from tasks_app.preflight import views as preflights
from tasks_app.runs.views import start as starting
from tasks_app.runs.views import submissions
from tasks_app.scorer_trials import views as trying
from tasks_app.scorings import views as rescoring
from tasks_app.tables import views as tables
from tasks_app.task_copies import views as copying
from tasks_app.transfer_offers import views as offers
from tasks_app.version_changes import views as changes
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
    path("item-reports/<slug:public_id>/", reporting.report_detail, name="item-report"),
    path(
        "item-reports/<slug:public_id>/decide/", reporting.report_decide, name="item-report-decide"
    ),
    path("tasks/", listing.task_list, name="list"),
    path("tasks/new/", creation.task_create, name="new"),
    path(_TASK, detail.task_detail, name="detail"),
    path(_TASK + "edit/", editor.task_edit, name="edit"),
    path(_TASK + "edit/files/<slug:sha256>/", files.draft_file, name="draft-file"),
    path(_TASK + "columns/", tables.columns, name="columns"),
    path(_TASK + "edit/code/", coding.task_edit_code, name="edit-code"),
    path(_TASK + "preview/", editor.task_preview, name="preview"),
    path(_TASK + "scorers/", trying.scorers, name="scorers"),
    path(_TASK + "publish/", publishing.task_publish, name="publish"),
    path(_TASK + "settings/", settings.task_settings, name="settings"),
    path(_TASK + "preflight/", preflights.preflight_detail, name="preflight"),
    path(
        _TASK + "changes/<int:first>/<int:second>/", changes.version_changes, name="version-changes"
    ),
    path(_TASK + "versions/<int:number>/copy/", copying.copy_create, name="copy"),
    path(_TASK + "archive/", life.task_archive, name="archive"),
    path(_TASK + "transfer/", life.task_transfer, name="transfer"),
    path(_TASK + "offer/", offers.offer_create, name="offer"),
    path("transfer-offers/", offers.offer_list, name="transfer-offers"),
    path("transfer-offers/<slug:public_id>/", offers.offer_detail, name="transfer-offer"),
    path(_TASK + "delete/", life.task_delete, name="delete"),
    path(_TASK + "edit/items/", item_table.item_table, name="item-table"),
    path(_TASK + "edit/items/new/", item_table.row_add, name="row-add"),
    path(_TASK + "edit/items/delete/", item_table.rows_delete, name="rows-delete"),
    path(_TASK + "edit/items/undo/", item_table.table_undo, name="table-undo"),
    path(_TASK + "edit/items/<int:number>/", item_table.row_edit, name="row-edit"),
    path(_TASK + "edit/undo/", saves.save_undo, name="save-undo"),
    path(_TASK + "edit/saves/<slug:save>/", saves.save_restore, name="save-restore"),
    path(_TASK + "edit/data-file/", item_table.data_download, name="data-file"),
    path(_TASK + "try/", trials.trial_start, name="try"),
    path("trials/<slug:public_id>/", trials.trial_detail, name="trial"),
    path("trials/<slug:public_id>/answers/", trials.trial_answers, name="trial-answers"),
    path(_TASK + "run/", starting.run_start, name="run"),
    path(_TASK + "submit/", submissions.submission_create, name="submit"),
    path(_TASK + "versions/<int:number>/", detail.task_version, name="version"),
    path(_TASK + "versions/<int:number>/items/", detail.item_list, name="items"),
    path(_TASK + "versions/<int:number>/rescore/", rescoring.rescore, name="rescore"),
    path(_TASK + "versions/<int:number>/lab/", item_lab.item_lab, name="item-lab"),
    path(_TASK + "reports/", reporting.report_list, name="item-reports"),
    path(
        _TASK + "versions/<int:number>/items/<int:position>/report/",
        reporting.report_create,
        name="report-item",
    ),
    path(_TASK + "versions/<int:number>/judges/", judging.judges_detail, name="judges"),
    path(
        _TASK + "versions/<int:number>/judges/labels/",
        judging.label_set_create,
        name="label-set-create",
    ),
]
