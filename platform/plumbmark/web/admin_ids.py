"""Ids in forms of the administration that are none: a 400, where Django's own views fail.

They look up selected rows, and the rows that autocompletion suggested, by what the form says.
"""

import traceback
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from plumbmark.web.views import error_page


class AdminIds:
    """Middleware: only forms that were tampered with name such ids."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        is_admins = (
            request.resolver_match is not None and request.resolver_match.app_name == "admin"
        )
        if not is_admins or request.method != "POST" or not _is_about_an_id(exception):
            return None
        return error_page(
            request,
            400,
            _("That form could not be read"),
            _("It names a row by an id that is none. Go back, reload the page and try again."),
        )


def _is_about_an_id(error: Exception) -> bool:
    """Return whether a field could not compare its column with a value."""
    if not isinstance(error, ValueError) or error.__traceback__ is None:
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].name == "get_prep_value"
