"""Addresses of the pages of providers: the same ones for staff and for people's own."""

from django.urls import URLPattern, path

from plumbmark.gateway.connections import views
from plumbmark.gateway.connections.sections import OWN, STAFF, ProviderPages


def _urls(section: ProviderPages) -> list[URLPattern]:
    extra, name = {"section": section}, section.name
    return [
        path("", views.provider_list, extra, name=f"{name}_providers"),
        path("new/", views.choose_kind, extra, name=f"{name}_provider_kinds"),
        path("new/<slug:kind>/", views.add, extra, name=f"{name}_provider_add"),
        path("<str:public_id>/", views.detail, extra, name=f"{name}_provider"),
        path("<str:public_id>/models/", views.models, extra, name=f"{name}_provider_models"),
        path("<str:public_id>/prices/", views.prices, extra, name=f"{name}_provider_prices"),
        path("<str:public_id>/key/", views.key, extra, name=f"{name}_provider_key"),
        path("<str:public_id>/<slug:step>/", views.act, extra, name=f"{name}_provider_act"),
    ]


staff_urls = _urls(STAFF)
own_urls = _urls(OWN)
