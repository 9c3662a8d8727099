"""Addresses of the procedures. The dot in a service's name sets them apart from `/api/v1/`."""

from django.urls import re_path

from plumbmark.compat.kaggle.rpc.views import ProcedureView

urlpatterns = [
    re_path(
        r"^(?:api/)?v1/(?P<service>[A-Za-z]+(?:\.[A-Za-z]+)+)/(?P<method>[A-Za-z]+)$",
        ProcedureView.as_view(),
    ),
]
