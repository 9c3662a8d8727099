"""`/healthz`, `/readyz` and `/metrics`: for machines that call a process by its IP address."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase

from plumbmark.common import metrics
from plumbmark.common.readiness import Readiness, describe

readiness = Readiness()


class Probes:
    """Middleware: answers probes and scrapes before anything asks for host, session or scheme.

    It stands before the middleware that does. Nobody else's request is changed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = _ANSWERS.get(request.path_info)
        if answer is None or (answer is _tell_metrics and not metrics.is_on()):
            return self._get_response(request)
        if request.method not in {"GET", "HEAD"}:
            response: HttpResponse = HttpResponseNotAllowed(["GET", "HEAD"])
        else:
            response = answer(request)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _say_alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


def _say_whether_ready(request: HttpRequest) -> HttpResponse:
    problems = readiness.problems()
    return JsonResponse(describe(problems), status=503 if problems else 200)


def _tell_metrics(request: HttpRequest) -> HttpResponse:
    if not metrics.may_read(request.headers.get("Authorization", "")):
        response = HttpResponse("A token is needed.", content_type="text/plain", status=401)
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    return HttpResponse(metrics.tell_all(), content_type=metrics.CONTENT_TYPE)


_ANSWERS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/healthz": _say_alive,
    "/readyz": _say_whether_ready,
    "/metrics": _tell_metrics,
}
