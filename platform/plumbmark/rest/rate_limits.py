"""Header fields that report how many requests a caller of the API has left."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase


class RateLimitHeaders:
    """Middleware: `RateLimit-Limit`, `-Remaining` and `-Reset` on answers to counted requests."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        # Set by `plumbmark.rest.throttling`.
        for name, value in getattr(request, "rate_limit", {}).items():
            response.headers[name] = value
        return response
