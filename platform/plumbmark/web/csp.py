"""Headers that keep a page from running, loading or being framed by what is not ours."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_P = ParamSpec("_P")
_View = Callable[Concatenate[HttpRequest, _P], HttpResponseBase]

POLICY: dict[str, tuple[str, ...]] = {
    "default-src": ("'none'",),
    "script-src": ("'self'",),
    "style-src": ("'self'",),
    "img-src": ("'self'", "data:"),
    "media-src": ("'self'", "data:"),
    "font-src": ("'self'",),
    "connect-src": ("'self'",),
    "form-action": ("'self'",),
    "base-uri": ("'none'",),
    "frame-ancestors": ("'none'",),
}

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


def policy_text(overrides: dict[str, tuple[str, ...]] | None = None) -> str:
    """Return the header's value; `overrides` replaces whole directives, named as in CSP."""
    return "; ".join(
        " ".join((name, *sources)) for name, sources in {**POLICY, **(overrides or {})}.items()
    )


def with_csp(**directives: tuple[str, ...]) -> Callable[[_View[_P]], _View[_P]]:
    """Replace directives for one view: `@with_csp(script_src=("'self'", "'nonce-…'"))`."""
    overrides = {name.replace("_", "-"): sources for name, sources in directives.items()}

    def decorate(view: _View[_P]) -> _View[_P]:
        @wraps(view)
        def wrapped(
            request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs
        ) -> HttpResponseBase:
            response = view(request, *args, **kwargs)
            response.headers["Content-Security-Policy"] = policy_text(overrides)
            return response

        return wrapped

    return decorate


class SecurityHeaders:
    """Middleware: the strict policy on every response that does not have its own."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._policy = policy_text()

    def __call__(self, request: HttpRequest) -> Any:
        response = self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", self._policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response
