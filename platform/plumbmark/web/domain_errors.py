"""Domain errors that no view turned into a message: a page with the error's own status and words.

Endpoints of the API answer them as problem+json before they get here.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from plumbmark.common.errors import Busy, DomainError
from plumbmark.web.views import error_page, method_not_allowed


class DomainErrorPages:
    """Middleware: 403, 409 and the like instead of a 500."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if response.status_code == 405 and not getattr(response, "content", b""):
            page = method_not_allowed(request)
            page["Allow"] = response.get("Allow", "")
            return page
        return response

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        if not isinstance(exception, DomainError):
            return None
        titles = {
            403: _("You do not have access"),
            409: _("That is not possible in the current state"),
            422: _("Something in the request was not right"),
            503: _("Too much is going on at the moment"),
        }
        title = titles.get(exception.status, _("That request could not be fulfilled"))
        page = error_page(request, exception.status, title, exception.message)
        if isinstance(exception, Busy):
            page["Retry-After"] = str(exception.retry_seconds)
        return page
