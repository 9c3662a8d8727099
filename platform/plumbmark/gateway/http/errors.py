"""Errors of the routes, with the status that makes clients do the right thing.

Clients retry 408, 409, 429 and everything from 500 on. So errors that a retry cannot solve (an
exhausted limit, a bad request) get a lower status. Many clients also obey `x-should-retry`: it says
no to what the gateway has retried already, because two loops multiply the calls at the provider.
"""

import json
import math

from plumbmark.common.errors import DomainError
from plumbmark.engine.ports import CallResult, FailureKind

_NOT_RETRIED = 422


class HttpError(Exception):
    """A request that cannot be fulfilled. `message` says what is wrong and how to correct it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        may_be_retried: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.may_be_retried = may_be_retried
        """Sending the same request again may help, and repeats nothing that the gateway did."""

    def again(self) -> "HttpError":
        """Return a copy of this error to raise again: an exception keeps the traceback of its first
        raise.
        """
        return HttpError(
            self.status,
            self.code,
            self.message,
            param=self.param,
            retry_after=self.retry_after,
            may_be_retried=self.may_be_retried,
        )

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        headers = [(b"x-should-retry", b"true" if self.may_be_retried else b"false")]
        if self.retry_after is not None:
            headers.append((b"retry-after", str(max(1, math.ceil(self.retry_after))).encode()))
        if self.status == 401:
            headers.append((b"www-authenticate", b'Bearer realm="Plumbmark"'))
        return headers


def bad_request(message: str, param: str | None = None) -> HttpError:
    return HttpError(400, "invalid_request_error", message, param=param)


def database_is_away() -> HttpError:
    return HttpError(
        503,
        "platform-busy",
        "The platform cannot reach its database at the moment; try again soon.",
        retry_after=2,
        may_be_retried=True,
    )


def error_of_domain(error: DomainError) -> HttpError:
    return HttpError(error.status, error.code, error.message)


_BY_CODE = {
    "bad-request": 400,
    "cannot-bound": 400,
    "not-supported": 400,
    "answer-too-large": _NOT_RETRIED,
    "unknown-finish-reason": _NOT_RETRIED,
    "request-above-rate-limit": _NOT_RETRIED,
    "output-limit": 400,
    "grant-closed": 403,
    "grant-expired": 403,
    "deployment-not-granted": 403,
    "deployment-off": 404,
    "no-adapter": 404,
    "no-price": 403,
    "private-address": 403,
    "platform-busy": 503,
    "rate-limited": 429,
    # The platform's own account with the provider is refused: no call will succeed for now.
    "provider-quota": 503,
    "provider-balance": 503,
    "bad-key": 502,
    "forbidden": 502,
    "account-refused": 502,
    "unknown-model": 502,
}
_BY_KIND = {
    FailureKind.QUOTA: 402,
    FailureKind.CONTEXT_OVERFLOW: 400,
    FailureKind.CONTENT_FILTER: 400,
    FailureKind.RATE_LIMITED: 429,
    FailureKind.DEADLINE: 504,
}
_OPENAI_CODES = {
    FailureKind.CONTEXT_OVERFLOW: "context_length_exceeded",
    FailureKind.CONTENT_FILTER: "content_filter",
}
_OUR_FAULT = {"account-refused", "bad-key", "forbidden", "provider-balance", "provider-quota"}


_NOT_SENT = {FailureKind.RATE_LIMITED, FailureKind.DEADLINE}
"""What kept a call from being sent, and may be over soon."""


def _may_be_retried(result: CallResult) -> bool:
    """Return whether the client may send this call again: it was not sent, or was sent once and
    brought a pause that is too long to wait for within the call.
    """
    failure = result.failure
    assert failure is not None
    if failure.fatal or result.attempts > 1:
        return False
    if result.attempts == 0:
        return failure.kind in _NOT_SENT
    return failure.code == "rate-limited" and failure.retry_after is not None


def error_of_result(result: CallResult) -> HttpError:
    """Return the HTTP error of a call that brought no answer."""
    failure = result.failure
    assert failure is not None
    status = _BY_CODE.get(failure.code) or _BY_KIND.get(failure.kind, 502)
    message = failure.message
    if failure.code in _OUR_FAULT:
        message = f"The provider refuses the platform's access ({failure.code}). {message}"
    retry_after = failure.retry_after
    if retry_after is None and failure.code == "platform-busy":
        retry_after = 2
    return HttpError(
        status,
        _OPENAI_CODES.get(failure.kind, failure.code),
        message,
        retry_after=retry_after,
        may_be_retried=_may_be_retried(result),
    )


_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def openai_error(error: HttpError) -> bytes:
    """Return the error in OpenAI's shape."""
    kind = _TYPES.get(error.status)
    if kind is None:
        kind = "server_error" if error.status >= 500 else "invalid_request_error"
    details = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    return json.dumps({"error": details}).encode()
