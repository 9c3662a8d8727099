"""Counting the requests of the pages and the API."""

import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from plumbmark.common.metrics import note_request

NO_ROUTE = "(none)"
STATIC = "(static)"


class RequestMetrics:
    """Middleware: counts every answer, by the pattern of its address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self._get_response(request)
        match = request.resolver_match
        if match is not None:
            route = f"/{match.route}"
        else:
            route = STATIC if request.path_info.startswith(settings.STATIC_URL) else NO_ROUTE
        seconds = time.perf_counter() - began
        note_request(request.method or "", route, response.status_code, seconds)
        return response
