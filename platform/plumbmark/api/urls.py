"""`/api/v1/`: the endpoints of every app, and their description."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from plumbmark.accounts import openapi  # noqa: F401 - registers itself
from plumbmark.api.views import (
    InteractiveDocumentation,
    MeView,
    NoEndpoint,
    reference,
    reference_group,
)

app_name = "api"

urlpatterns = [
    path("me", MeView.as_view(), name="me"),
    path("", include("plumbmark.background.api")),
    path("", include("plumbmark.gateway.api.urls")),
    path("", include("tasks_app.api")),
    path("", include("benchmarks_app.api.urls")),
    path("", include("leaderboards_app.api.urls")),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", reference, name="docs"),
    path("docs/try", InteractiveDocumentation.as_view(), name="try"),
    path("docs/<slug:group>", reference_group, name="group"),
    re_path(r"", NoEndpoint.as_view()),
]
