"""An id for every request of the pages and the API."""

import logging
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from plumbmark.common.logs import log_about
from plumbmark.common.request_ids import HEADER, choose_request_id

log = logging.getLogger(__name__)


class RequestIds:
    """Middleware: `X-Request-Id` on every answer, and in the log where the platform failed.

    It is the first one, so that what the others answer has it too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = choose_request_id(request.headers.get(HEADER, ""))
        with log_about(request_id=request_id):
            response = self._get_response(request)
            response.headers[HEADER] = request_id
            if response.status_code >= 500:
                log.error(
                    "%s %s was answered with %d (request %s)",
                    request.method,
                    request.path.encode("unicode_escape").decode()[:500],
                    response.status_code,
                    request_id,
                )
        return response
