"""Pages of the gateway."""

from django.urls import include, path

from plumbmark.gateway import views
from plumbmark.gateway.connections.urls import own_urls, staff_urls

app_name = "gateway"
urlpatterns = [
    path("quota/", views.quota_own, name="quota"),
    path("quota/<str:handle>/", views.quota, name="quota_of"),
    path("quota/<str:handle>/lines/<int:line_id>/", views.ledger_line, name="ledger_line"),
    path("calls/", views.find_call, name="find_call"),
    path("calls/<uuid:call_id>/", views.call_detail, name="call"),
    path("calls/<uuid:call_id>/exchange/", views.call_exchange, name="call_exchange"),
    path("staff/providers/", include(staff_urls)),
    path("settings/providers/", include(own_urls)),
]
