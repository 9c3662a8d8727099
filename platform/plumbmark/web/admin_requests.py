"""Requests to the administration that Django's own views fail on: a 400 instead.

They look up selected rows, and the rows that autocompletion suggested, by what the form says; and
they make a condition of each word that is searched for, until the database has too many.
"""

import traceback
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from plumbmark.web.views import error_page

MAX_SEARCH = 200
"""Characters: about a hundred words, in each of the few columns that are searched."""


class AdminRequests:
    """Middleware: refuses ids that are none, which only forms that were tampered with name, and
    searches for too much.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, arguments: object, named: object
    ) -> HttpResponseBase | None:
        if not _is_admins(request):
            return None
        if max(len(request.GET.get(name, "")) for name in ("q", "term")) <= MAX_SEARCH:
            return None
        return error_page(
            request,
            400,
            _("That is too much to search for"),
            _("Search for at most %(most)d characters.") % {"most": MAX_SEARCH},
        )

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        if not _is_admins(request) or request.method != "POST" or not _is_about_an_id(exception):
            return None
        return error_page(
            request,
            400,
            _("That form could not be read"),
            _("It names a row by an id that is none. Go back, reload the page and try again."),
        )


def _is_admins(request: HttpRequest) -> bool:
    return request.resolver_match is not None and request.resolver_match.app_name == "admin"


def _is_about_an_id(error: Exception) -> bool:
    """Return whether a field could not compare its column with a value."""
    if not isinstance(error, ValueError) or error.__traceback__ is None:
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].name == "get_prep_value"
