"""Rate limits, counted for all processes together, reported in the standard header fields."""

import time
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import caches
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from plumbmark.common.client_addresses import network_of
from plumbmark.common.shared_counters import SharedCounters

if TYPE_CHECKING:
    # At import time REST framework's views look for this very module.
    from rest_framework.views import APIView

_WINDOW = 60


@cache
def counters() -> SharedCounters:
    """Return the counters of this machine, where there is no Redis."""
    assert settings.RATES_FILE is not None
    return SharedCounters(settings.RATES_FILE)


def _count_request(who: str, window: int) -> int:
    """Return how many requests of a caller came in this window, this one included."""
    if settings.RATES_FILE is not None:
        return counters().increment(who, window)
    shared = caches["default"]
    key = f"api:{who}:{window}"
    shared.add(key, 0, timeout=2 * _WINDOW)
    try:
        return shared.incr(key)
    except ValueError:  # expired between the two
        return 1


class PerMinute(BaseThrottle):
    """A fixed window of a minute: per user where signed in, else per address or IPv6 network."""

    def __init__(self) -> None:
        self._left_seconds = 0

    def allow_request(self, request: Request, view: "APIView") -> bool:
        user = request.user
        now = time.time()
        window = int(now // _WINDOW)
        self._left_seconds = int(_WINDOW - now % _WINDOW) + 1
        if user.is_authenticated:
            limit, who = settings.API_REQUESTS_PER_MINUTE, f"u{user.pk}"
        else:
            network = network_of(request.META.get("REMOTE_ADDR", ""))
            limit, who = settings.API_ANONYMOUS_REQUESTS_PER_MINUTE, network
        count = _count_request(who, window)
        request._request.rate_limit = {  # type: ignore[attr-defined]
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, limit - count)),
            "RateLimit-Reset": str(self._left_seconds),
        }
        return count <= limit

    def wait(self) -> float:
        return float(self._left_seconds)
