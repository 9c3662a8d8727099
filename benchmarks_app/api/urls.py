"""Endpoints below `/api/v1/`."""

from benchmarks_app.api.views import BenchmarkVersionViewSet, BenchmarkViewSet, EntryViewSet
from benchmarks_app.submissions.api import WholeSubmissionViewSet
from benchmarks_app.suites.api import SuiteViewSet
from plumbmark.rest.routers import Router

router = Router()
router.register("benchmarks", BenchmarkViewSet, "benchmark")
router.register("benchmark-versions", BenchmarkVersionViewSet, "benchmark-version")
router.register("benchmark-versions/<str:public_id>/entries", EntryViewSet, "entry")
router.register("benchmark-versions", WholeSubmissionViewSet, "whole-submission")
router.register("suites", SuiteViewSet, "suite")

urlpatterns = router.urls
