"""Endpoints below `/api/v1/`."""

from django.urls import path

from leaderboards_app.api.views import BoardViewSet, CorrectionViewSet, StandingsViewSet
from leaderboards_app.comparisons.api import RowComparisonViewSet, RunComparisonViewSet
from leaderboards_app.home.api import HighlightsView
from leaderboards_app.model_pages.api import ModelPriceViewSet, ModelResultViewSet
from leaderboards_app.search.api import SearchView
from plumbmark.rest.routers import Router

router = Router()
router.register("standings", StandingsViewSet, "standings")
router.register("standings", RowComparisonViewSet, "row-comparison")
router.register("comparisons", RunComparisonViewSet, "run-comparison")
router.register("benchmark-versions", BoardViewSet, "board")
router.register("benchmarks", CorrectionViewSet, "correction")
router.register("model-results", ModelResultViewSet, "model-result")
router.register("model-prices", ModelPriceViewSet, "model-price")

urlpatterns = [
    path("search", SearchView.as_view()),
    path("highlights", HighlightsView.as_view()),
    *router.urls,
]
