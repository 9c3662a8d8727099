"""Addresses with a null character: refused here, because PostgreSQL cannot even look for one."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from plumbmark.web.views import error_page


class NoNullBytes:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        query = request.META.get("QUERY_STRING", "")
        if "\x00" in request.path or "%00" in query or "\x00" in query:
            return error_page(
                request,
                400,
                _("That address is not valid"),
                _("It contains a null character (%00); remove it."),
            )
        return self._get_response(request)
