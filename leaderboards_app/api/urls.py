"""Endpoints below `/api/v1/`."""

from leaderboards_app.api.views import BoardViewSet, CorrectionViewSet, StandingsViewSet
from plumbmark.rest.routers import Router

router = Router()
router.register("standings", StandingsViewSet, "standings")
router.register("benchmark-versions", BoardViewSet, "board")
router.register("benchmarks", CorrectionViewSet, "correction")

urlpatterns = router.urls
