"""Talking to htmx: is this a request for a fragment, and what else it should do."""

import json

from django.http import HttpRequest, HttpResponse


def wants_fragment(request: HttpRequest) -> bool:
    """Asked by htmx for a part of the page: not for the page, its history, or a part to select."""
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-Request-Type") == "partial"
        and request.headers.get("HX-History-Restore-Request") != "true"
    )


def trigger(response: HttpResponse, event: str, detail: object = None) -> HttpResponse:
    """Have htmx fire `event` in the browser once the fragment is swapped in."""
    events = json.loads(response.headers.get("HX-Trigger", "{}"))
    events[event] = detail
    response.headers["HX-Trigger"] = json.dumps(events)
    return response


def redirect_whole_page(url: str) -> HttpResponse:
    """Make htmx load `url` as a page instead of swapping it into a fragment."""
    return HttpResponse(status=204, headers={"HX-Redirect": url})
