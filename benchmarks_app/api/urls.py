"""Endpoints below `/api/v1/`."""

from benchmarks_app.api.views import BenchmarkVersionViewSet, BenchmarkViewSet, EntryViewSet
from plumbmark.rest.routers import Router

router = Router()
router.register("benchmarks", BenchmarkViewSet, "benchmark")
router.register("benchmark-versions", BenchmarkVersionViewSet, "benchmark-version")
router.register("benchmark-versions/<str:public_id>/entries", EntryViewSet, "entry")

urlpatterns = router.urls
