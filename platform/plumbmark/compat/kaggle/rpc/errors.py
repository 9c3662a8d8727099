"""What cannot be met, in the words and the form that the command line shows."""

from typing import Any

from rest_framework.response import Response

from plumbmark.common.errors import DomainError
from plumbmark.rest.problems import handle_exception


class Unknown(DomainError):
    """It does not exist, or the caller may not know of it."""

    status = 404
    code = "not-found"


def error_answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return `{"code", "message"}`; None lets a fault of ours become a 500."""
    response = handle_exception(error, context)
    if response is None:
        return None
    headers = {
        name: response[name] for name in ("WWW-Authenticate", "Retry-After") if name in response
    }
    body = {"code": response.status_code, "message": response.data["detail"]}
    return Response(body, status=response.status_code, headers=headers)
