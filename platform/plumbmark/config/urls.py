"""Every address of the web process."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("", include("plumbmark.compat.kaggle.rpc.urls")),
    path("api/v1/", include("plumbmark.api.urls")),
    path("", include("benchmarks_app.urls")),
    path("", include("benchmarks_app.suites.urls")),
    path("", include("leaderboards_app.urls")),
    path("", include("plumbmark.gateway.urls")),
    path("", include("tasks_app.urls")),
    path("runs/", include("tasks_app.runs.urls")),
    path("", include("plumbmark.background.urls")),
    path("", include("plumbmark.web.urls")),
    path("", include("plumbmark.guides.urls")),
    path("", include("plumbmark.accounts.urls")),
]

handler400 = "plumbmark.web.views.bad_request"
handler403 = "plumbmark.web.views.permission_denied"
handler404 = "plumbmark.web.views.not_found"
handler429 = "plumbmark.web.views.too_many_requests"
handler500 = "plumbmark.web.views.server_error"
