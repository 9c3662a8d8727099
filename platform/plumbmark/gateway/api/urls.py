"""Endpoints below `/api/v1/`."""

from django.urls import path

from plumbmark.gateway.api.views import (
    CallViewSet,
    DeploymentViewSet,
    LedgerLineViewSet,
    ModelViewSet,
    QuotaView,
)
from plumbmark.gateway.connections.api import ProviderKindsView
from plumbmark.gateway.connections.api import router as providers
from plumbmark.rest.routers import Router

router = Router()
router.register("models", ModelViewSet, "model")
router.register("deployments", DeploymentViewSet, "deployment")
router.register("ledger-lines", LedgerLineViewSet, "ledger-line")
router.register("calls", CallViewSet, "call")

urlpatterns = [
    path("quota", QuotaView.as_view()),
    path("provider-kinds", ProviderKindsView.as_view()),
    *router.urls,
    *providers.urls,
]
