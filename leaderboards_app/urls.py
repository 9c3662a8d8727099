"""Addresses of boards and of the home page."""

from django.urls import path

from leaderboards_app import views

app_name = "leaderboards"

urlpatterns = [
    path("", views.home, name="home"),
    path("standings/<str:public_id>/", views.snapshot, name="snapshot"),
    path("standings/<str:public_id>/figure.svg", views.figure, name="figure"),
    path("benchmarks/<slug:handle>/<slug:slug>/", views.board, name="board"),
    path("benchmarks/<slug:handle>/<slug:slug>/history/", views.history, name="history"),
    path(
        "benchmarks/<slug:handle>/<slug:slug>/versions/<int:number>/",
        views.board_of_version,
        name="board_of_version",
    ),
]
