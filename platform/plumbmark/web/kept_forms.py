"""Forms that are sent after the session has ended: what was typed waits for the sign-in."""

import hashlib
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, QueryDict

MAX_KEPT_CHARACTERS = 256 * 1024
_KEPT_SECONDS = 3600
_NAME = "kept"
_P = ParamSpec("_P")


def login_required_keeping_form(
    view: Callable[Concatenate[HttpRequest, _P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, _P], HttpResponse]:
    """Lead visitors to the sign-in; what they have sent is there for the view afterwards.

    The view gets it from `read_kept_form` and saves nothing before the person asks for it again.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        address = request.path
        if request.method == "POST" and (key := _keep(request)):
            address = f"{address}?{_NAME}={key}"
        elif request.method != "POST":
            address = request.get_full_path()
        return redirect_to_login(address)

    return guarded


def _keep(request: HttpRequest) -> str:
    """Keep the form; return its key, or nothing where it is too large."""
    typed = request.POST.copy()
    typed.pop("csrfmiddlewaretoken", None)
    text = typed.urlencode()
    if len(text) > MAX_KEPT_CHARACTERS:
        return ""
    key = secrets.token_urlsafe(24)
    cache.set(_cache_key(request, key), text, _KEPT_SECONDS)
    return key


def read_kept_form(request: HttpRequest) -> QueryDict | None:
    """Return the form that was sent to this page without a session; None if there is none."""
    key = request.GET.get(_NAME, "")[:64]
    if not key:
        return None
    text = cache.get(_cache_key(request, key))
    return None if text is None else QueryDict(text)


def _cache_key(request: HttpRequest, key: str) -> str:
    # The path belongs to it, so that no other page reads it.
    path = hashlib.sha256(request.path.encode()).hexdigest()[:16]
    return f"kept-form:{key}:{path}"
