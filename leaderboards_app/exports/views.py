"""Addresses of files of a snapshot."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from leaderboards_app.exports.files import respond_with_items, respond_with_standings


@require_safe
def standings_file(request: HttpRequest, public_id: str, extension: str) -> HttpResponseBase:
    return respond_with_standings(request, public_id, extension)


@require_safe
def items_file(request: HttpRequest, public_id: str, extension: str) -> HttpResponseBase:
    return respond_with_items(request, public_id, extension)
