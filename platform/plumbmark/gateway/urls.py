"""Pages of the gateway."""

from django.urls import path

from plumbmark.gateway import views

app_name = "gateway"
urlpatterns = [
    path("quota/", views.quota_own, name="quota"),
    path("quota/<str:handle>/", views.quota, name="quota_of"),
    path("quota/<str:handle>/lines/<int:line_id>/", views.ledger_line, name="ledger_line"),
]
