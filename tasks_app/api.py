"""Endpoints below `/api/v1/`; each folder has the ViewSets of its subject."""

from plumbmark.rest.routers import Router
from tasks_app.authoring.api import ItemViewSet, TaskVersionViewSet, TaskViewSet
from tasks_app.code_tasks.api import ArtifactViewSet, ProgramRunViewSet
from tasks_app.definition_form.api import DefinitionFieldsViewSet
from tasks_app.draft_saves.api import DraftSaveViewSet
from tasks_app.draft_trials.api import TrialViewSet, VersionTrialViewSet
from tasks_app.item_lab.api import ItemAnalysisViewSet
from tasks_app.item_reports.api import (
    ItemReportsViewSet,
    ItemReportViewSet,
    TaskReportViewSet,
)
from tasks_app.item_table.api import RowViewSet
from tasks_app.judges.api import (
    BlindAnswerViewSet,
    JudgesViewSet,
    LabelSetViewSet,
    VersionLabelSetViewSet,
)
from tasks_app.preflight.api import PreflightViewSet
from tasks_app.runs.api import ContenderViewSet, RunViewSet, SampleViewSet, SubmissionViewSet
from tasks_app.starting_points.api import StartingPointViewSet
from tasks_app.tables.api import TableViewSet
from tasks_app.task_copies.api import TaskCopyViewSet, TaskLifeViewSet
from tasks_app.transfer_offers.api import TaskOfferViewSet, TransferOfferViewSet
from tasks_app.version_changes.api import VersionChangesViewSet

_VERSION = "task-versions/<str:public_id>"
_RUN = "runs/<int:run_id>"

router = Router()
router.register("tasks", TaskViewSet, "task")
router.register("tasks", TableViewSet, "table")
router.register("tasks", DefinitionFieldsViewSet, "definition-fields")
router.register("task-starting-points", StartingPointViewSet, "task-starting-point")
router.register("task-versions", TaskVersionViewSet, "task-version")
router.register("task-versions", SubmissionViewSet, "submission")
router.register("task-versions", JudgesViewSet, "judges")
router.register("task-versions", VersionTrialViewSet, "version-trial")
router.register("task-versions", PreflightViewSet, "preflight")
router.register("task-versions", VersionChangesViewSet, "version-changes")
router.register("task-versions", TaskCopyViewSet, "task-copy")
router.register("tasks", RowViewSet, "draft-row")
router.register("tasks", DraftSaveViewSet, "draft-save")
router.register("tasks", TaskLifeViewSet, "task-life")
router.register("tasks", TaskOfferViewSet, "task-offer")
router.register("transfer-offers", TransferOfferViewSet, "transfer-offer")
router.register("trials", TrialViewSet, "trial")
router.register("task-versions", ItemAnalysisViewSet, "item-analysis")
router.register(f"{_VERSION}/items", ItemViewSet, "item")
router.register(f"{_VERSION}/items", ItemReportsViewSet, "item-reports-of-item")
router.register("tasks", TaskReportViewSet, "item-reports-of-task")
router.register("item-reports", ItemReportViewSet, "item-report")
router.register(f"{_VERSION}/label-sets", VersionLabelSetViewSet, "version-label-set")
router.register("label-sets", LabelSetViewSet, "label-set")
router.register("label-sets/<str:public_id>/answers", BlindAnswerViewSet, "blind-answer")
router.register("contenders", ContenderViewSet, "contender")
router.register("runs", RunViewSet, "run")
router.register("runs", ProgramRunViewSet, "program-run")
router.register(f"{_RUN}/samples", SampleViewSet, "sample")
router.register(f"{_RUN}/artifacts", ArtifactViewSet, "artifact")

urlpatterns = router.urls
