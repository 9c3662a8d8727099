"""Paths below `/api/v1/`."""

from django.urls import path

from leaderboards_app.api import views

urlpatterns = [
    path("standings/<str:public_id>", views.StandingsView.as_view()),
    path("benchmark-versions/<str:public_id>/standings", views.StandingsList.as_view()),
    path("benchmark-versions/<str:public_id>/leaderboard", views.LatestStandingsView.as_view()),
    path("benchmarks/<str:public_id>/corrections", views.CorrectionList.as_view()),
]
