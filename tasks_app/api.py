"""Endpoints below `/api/v1/`; each folder has the ViewSets of its subject."""

from plumbmark.rest.routers import Router
from tasks_app.authoring.api import ItemViewSet, TaskVersionViewSet, TaskViewSet
from tasks_app.code_tasks.api import ArtifactViewSet, ProgramRunViewSet
from tasks_app.judges.api import (
    BlindAnswerViewSet,
    JudgesViewSet,
    LabelSetViewSet,
    VersionLabelSetViewSet,
)
from tasks_app.runs.api import ContenderViewSet, RunViewSet, SampleViewSet, SubmissionViewSet

_VERSION = "task-versions/<str:public_id>"
_RUN = "runs/<int:run_id>"

router = Router()
router.register("tasks", TaskViewSet, "task")
router.register("task-versions", TaskVersionViewSet, "task-version")
router.register("task-versions", SubmissionViewSet, "submission")
router.register("task-versions", JudgesViewSet, "judges")
router.register(f"{_VERSION}/items", ItemViewSet, "item")
router.register(f"{_VERSION}/label-sets", VersionLabelSetViewSet, "version-label-set")
router.register("label-sets", LabelSetViewSet, "label-set")
router.register("label-sets/<str:public_id>/answers", BlindAnswerViewSet, "blind-answer")
router.register("contenders", ContenderViewSet, "contender")
router.register("runs", RunViewSet, "run")
router.register("runs", ProgramRunViewSet, "program-run")
router.register(f"{_RUN}/samples", SampleViewSet, "sample")
router.register(f"{_RUN}/artifacts", ArtifactViewSet, "artifact")

urlpatterns = router.urls
