"""Every error of the API as `application/problem+json` (RFC 9457)."""

import itertools
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFilesSent
from django.http import Http404
from rest_framework import exceptions, renderers, serializers, status
from rest_framework.response import Response
from rest_framework.settings import api_settings

from plumbmark.common.errors import MAX_PROBLEMS, Busy, DomainError, InvalidInput, Problem
from plumbmark.common.uploads import too_many_files_message, too_much_text_message

TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    402: "Quota exhausted",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid input",
    429: "Too many requests",
    502: "No usable answer from elsewhere",
    503: "Busy",
}


class ProblemRenderer(renderers.JSONRenderer):
    media_type = "application/problem+json"


class ProblemResponse(Response):
    """A response that is JSON whatever the view's own ones are, such as YAML or a page."""

    @property
    def rendered_content(self) -> Any:
        self["Content-Type"] = ProblemRenderer.media_type
        return ProblemRenderer().render(self.data)


class InputProblem(serializers.Serializer[Any]):
    """One place of an input that cannot be accepted."""

    message = serializers.CharField()
    path = serializers.CharField(help_text="The field, or the place in a document; may be empty.")
    line = serializers.IntegerField(allow_null=True, help_text="In a document; counts from 1.")
    column = serializers.IntegerField(allow_null=True)


class ProblemDetails(serializers.Serializer[Any]):
    """An error (RFC 9457)."""

    title = serializers.CharField(help_text="What the status means.")
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="The kind of error, for programs.")
    detail = serializers.CharField(help_text="What is wrong, and how to correct it.")
    problems = InputProblem(many=True, required=False, help_text="Of invalid input.")


def respond_with_problem(
    status_code: int,
    code: str,
    detail: str,
    problems: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    body: dict[str, Any] = {
        "title": TITLES.get(status_code, "Error"),
        "status": status_code,
        "code": code,
        "detail": detail,
    }
    if problems is not None:
        body["problems"] = problems
    return ProblemResponse(body, status=status_code, headers=headers)


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the response to an exception for DRF; None lets an unexpected one become a 500."""
    problems: list[dict[str, Any]]
    if isinstance(error, InvalidInput):
        problems = [problem.as_document() for problem in error.problems]
        return respond_with_problem(error.status, error.code, error.message, problems)
    if isinstance(error, Busy):
        retry = {"Retry-After": str(error.retry_seconds)}
        return respond_with_problem(error.status, error.code, error.message, headers=retry)
    if isinstance(error, DomainError):
        return respond_with_problem(error.status, error.code, error.message)
    if isinstance(error, TooManyFilesSent):
        return respond_with_problem(400, "too-many-files", too_many_files_message())
    if isinstance(error, RequestDataTooBig):
        return respond_with_problem(413, "too-large", too_much_text_message())
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    if isinstance(error, exceptions.ValidationError):
        problems = list(itertools.islice(_flatten(error.detail, ""), MAX_PROBLEMS))
        detail = "; ".join(
            str(Problem(problem["message"], problem["path"])) for problem in problems[:5]
        )
        return respond_with_problem(
            status.HTTP_422_UNPROCESSABLE_ENTITY, "invalid-input", detail, problems
        )
    code = getattr(error, "default_code", "error").replace("_", "-")
    return respond_with_problem(error.status_code, code, str(error.detail), headers=headers)


def _flatten(detail: Any, path: str) -> Iterator[dict[str, Any]]:
    if isinstance(detail, dict):
        for key, value in detail.items():
            inner = path if key == api_settings.NON_FIELD_ERRORS_KEY else f"{path}.{key}"
            yield from _flatten(value, inner.lstrip("."))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            inner = f"{path}[{index}]" if isinstance(value, dict | list) else path
            yield from _flatten(value, inner)
    else:
        yield {"message": str(detail), "path": path, "line": None, "column": None}
