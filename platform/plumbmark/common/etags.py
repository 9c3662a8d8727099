"""Entity tags from a version that is known before anything is rendered."""

from django.http import HttpResponseBase
from django.http.request import HttpRequest
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag


def not_modified(request: HttpRequest, version: str) -> HttpResponseBase | None:
    """Return a 304 if the reader already has this version, else None: render, then `tag`."""
    response = get_conditional_response(request, etag=quote_etag(version))
    return response if response is not None and response.status_code == 304 else None


def tag(response: HttpResponseBase, version: str) -> HttpResponseBase:
    response["ETag"] = quote_etag(version)
    response.setdefault("Cache-Control", "no-cache")
    return response
