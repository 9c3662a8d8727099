"""Talking to htmx: what else it should do."""

import json

from django.http import HttpResponse


def trigger(response: HttpResponse, event: str, detail: object = None) -> HttpResponse:
    """Have htmx fire `event` in the browser once the fragment is swapped in."""
    events = json.loads(response.headers.get("HX-Trigger", "{}"))
    events[event] = detail
    response.headers["HX-Trigger"] = json.dumps(events)
    return response
