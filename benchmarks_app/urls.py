"""URLs of benchmarks; the board's are in `leaderboards_app.urls`."""

from django.urls import path

from benchmarks_app import views
from benchmarks_app.composition import views as composition
from benchmarks_app.grid import views as grid
from benchmarks_app.submissions.views import benchmark_submit

app_name = "benchmarks"

urlpatterns = [
    path("benchmarks/", views.benchmark_list, name="list"),
    path("benchmarks/new/", views.benchmark_new, name="new"),
    path("benchmarks/<slug:handle>/<slug:slug>/edit/", composition.benchmark_edit, name="edit"),
    path(
        "benchmarks/<slug:handle>/<slug:slug>/publish/",
        composition.benchmark_publish,
        name="publish",
    ),
    path(
        "benchmarks/<slug:handle>/<slug:slug>/visibility/",
        composition.benchmark_visibility,
        name="visibility",
    ),
    path("benchmarks/<slug:handle>/<slug:slug>/follow/", views.benchmark_follow, name="follow"),
    path("benchmarks/<slug:handle>/<slug:slug>/grid/", grid.benchmark_grid, name="grid"),
    path("benchmarks/<slug:handle>/<slug:slug>/start/", grid.benchmark_start, name="start"),
    path("benchmarks/<slug:handle>/<slug:slug>/enter/", grid.benchmark_enter, name="enter"),
    path("benchmarks/<slug:handle>/<slug:slug>/submit/", benchmark_submit, name="submit"),
]
