"""Addresses of the guides."""

from django.urls import path, re_path

from plumbmark.guides import views

urlpatterns = [
    path("help/", views.guide_list, name="help"),
    re_path(r"^help/(?P<name>[\w/-]+\.(?:yml|json))$", views.guide_file, name="guide_file"),
    path("help/<path:name>/", views.guide_detail, name="guide"),
]
