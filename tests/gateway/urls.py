"""The gateway's pages beside the project's, for tests of the pages alone."""

from django.urls import include, path

urlpatterns = [
    path("", include("plumbmark.gateway.urls")),
    path("", include("plumbmark.config.urls")),
]
