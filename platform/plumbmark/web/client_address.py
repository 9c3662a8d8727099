"""Whose request it is: settled once, for limits, logs and everything that comes later."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from plumbmark.common.client_addresses import client_address

_FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
FORWARDED = "plumbmark.forwarded"
"""In `META`: the request has headers of a proxy, whether trusted or not."""


class ClientAddress:
    """Middleware: `REMOTE_ADDR` is the client's address as far as trusted proxies say, and headers
    that claim another one are gone, because libraries would believe them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        meta["REMOTE_ADDR"] = client_address(
            meta.get("REMOTE_ADDR", ""),
            meta.get("HTTP_X_FORWARDED_FOR", ""),
            proxies=settings.TRUSTED_PROXIES,
        )
        found = [meta.pop(name) for name in _FORWARDING_HEADERS if name in meta]
        meta[FORWARDED] = bool(found)
        return self._get_response(request)
