"""Addresses of the pages that belong to no app."""

from django.urls import path

from plumbmark.web import security_txt, views

urlpatterns = [
    path("theme/", views.theme_set, name="theme"),
    path(".well-known/security.txt", security_txt.security_txt, name="security_txt"),
    path("gallery/", views.gallery, name="gallery"),
    path("staff/mail/", views.mail_list, name="staff_mail"),
    path("staff/mail/<slug:name>/", views.mail_detail, name="staff_mail_detail"),
]
