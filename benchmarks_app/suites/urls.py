"""URLs of model suites."""

from django.urls import path

from benchmarks_app.suites import views

app_name = "suites"

urlpatterns = [
    path("suites/", views.suite_list, name="list"),
    path("suites/new/", views.suite_new, name="new"),
    path("suites/<str:public_id>/", views.suite_detail, name="detail"),
    path("suites/<str:public_id>/edit/", views.suite_edit, name="edit"),
    path("suites/<str:public_id>/erase/", views.suite_erase, name="erase"),
]
