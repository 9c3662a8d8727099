"""Paths below `/api/v1/`."""

from django.urls import path

from benchmarks_app.api import views

urlpatterns = [
    path("benchmarks", views.BenchmarkList.as_view()),
    path("benchmarks/<str:public_id>", views.BenchmarkView.as_view()),
    path("benchmarks/<str:public_id>/draft", views.DraftView.as_view()),
    path("benchmarks/<str:public_id>/publish", views.PublishView.as_view()),
    path("benchmarks/<str:public_id>/versions", views.VersionList.as_view()),
    path("benchmarks/<str:public_id>/allowed-deployments", views.AllowDeploymentView.as_view()),
    path("benchmark-versions/<str:public_id>", views.VersionView.as_view()),
    path("benchmark-versions/<str:public_id>/entries", views.EntryList.as_view()),
    path(
        "benchmark-versions/<str:public_id>/entries/<int:entry_id>/invalidate",
        views.InvalidateEntryView.as_view(),
    ),
    path("benchmark-versions/<str:public_id>/grid", views.GridView.as_view()),
    path("benchmark-versions/<str:public_id>/missing", views.MissingView.as_view()),
    path("benchmark-versions/<str:public_id>/start-missing", views.StartMissingView.as_view()),
]
