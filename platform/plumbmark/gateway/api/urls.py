"""Paths below `/api/v1/`."""

from django.urls import path

from plumbmark.gateway.api import views

urlpatterns = [
    path("models", views.ModelList.as_view()),
    path("deployments", views.DeploymentList.as_view()),
    path("quota", views.QuotaView.as_view()),
    path("ledger-lines", views.LedgerList.as_view()),
]
