"""Rate limits, counted in the cache named `rates`, reported in the standard header fields."""

import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import caches
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:
    # At import time REST framework's views look for this very module.
    from rest_framework.views import APIView

_WINDOW = 60


class PerMinute(BaseThrottle):
    """A fixed window of a minute: per user where signed in, else per address."""

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
            limit, who = settings.API_ANONYMOUS_REQUESTS_PER_MINUTE, self.get_ident(request)
        cache = caches["rates"]
        key = f"api:{who}:{window}"
        cache.add(key, 0, timeout=2 * _WINDOW)
        try:
            count = cache.incr(key)
        except ValueError:  # expired between the two
            count = 1
        request._request.rate_limit = {  # type: ignore[attr-defined]
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, limit - count)),
            "RateLimit-Reset": str(self._left_seconds),
        }
        return count <= limit

    def wait(self) -> float:
        return float(self._left_seconds)
