"""URLs of benchmarks; the board's are in `leaderboards_app.urls`."""

from django.urls import path

from benchmarks_app import views

app_name = "benchmarks"

urlpatterns = [
    path("benchmarks/", views.benchmark_list, name="list"),
    path("benchmarks/new/", views.benchmark_new, name="new"),
    path("benchmarks/<slug:handle>/<slug:slug>/edit/", views.benchmark_edit, name="edit"),
    path("benchmarks/<slug:handle>/<slug:slug>/publish/", views.benchmark_publish, name="publish"),
    path(
        "benchmarks/<slug:handle>/<slug:slug>/visibility/",
        views.benchmark_visibility,
        name="visibility",
    ),
    path("benchmarks/<slug:handle>/<slug:slug>/grid/", views.benchmark_grid, name="grid"),
    path("benchmarks/<slug:handle>/<slug:slug>/start/", views.benchmark_start, name="start"),
    path("benchmarks/<slug:handle>/<slug:slug>/enter/", views.benchmark_enter, name="enter"),
]
