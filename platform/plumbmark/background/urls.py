"""Addresses of jobs."""

from django.urls import path

from plumbmark.background import views

app_name = "background"

urlpatterns = [
    path("jobs/<str:public_id>/", views.job_detail, name="job"),
    path("jobs/<str:public_id>/status/", views.job_status, name="status"),
    path("jobs/<str:public_id>/cancel/", views.job_cancel, name="cancel"),
]
