"""The one view behind every procedure."""

from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plumbmark.accounts.authentication import TokenAuthentication
from plumbmark.accounts.models import User
from plumbmark.compat.kaggle.rpc.authentication import (
    BasicTokenAuthentication,
    KnownCaller,
)
from plumbmark.compat.kaggle.rpc.body import Body
from plumbmark.compat.kaggle.rpc.calls import Procedure, RpcCall
from plumbmark.compat.kaggle.rpc.errors import Unknown, error_answer
from plumbmark.compat.kaggle.rpc.procedures import PROCEDURES
from plumbmark.rest.parsers import StrictJSONParser


class ProcedureView(APIView):
    """Authenticates, reads the message, runs the procedure."""

    http_method_names = ["post"]
    parser_classes = (StrictJSONParser,)
    permission_classes = ()

    @property
    def _procedure(self) -> Procedure | None:
        # Empty when the API's description inspects the view.
        return PROCEDURES.get((self.kwargs.get("service", ""), self.kwargs.get("method", "")))

    @property
    def required_scope(self) -> str:
        """Asked for by the authentication."""
        procedure = self._procedure
        return "read" if procedure is None or procedure.scope is None else procedure.scope

    def get_authenticators(self) -> list[BaseAuthentication]:
        procedure = self._procedure
        if procedure is not None and procedure.scope is None:
            return [KnownCaller()]
        # No session: a foreign page must not get a browser to call procedures.
        return [TokenAuthentication(), BasicTokenAuthentication()]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return error_answer

    @extend_schema(exclude=True)
    def post(self, request: Request, service: str, method: str) -> HttpResponseBase:
        procedure = self._procedure
        if procedure is None:
            raise Unknown(
                f"{service[:80]}/{method[:80]} is not served here. This platform answers the "
                "“benchmarks” commands, except for “topics”."
            )
        if procedure.scope is not None and not isinstance(request.user, User):
            raise NotAuthenticated("Send a personal token of this platform (pmk_…).")
        answer = procedure.run(RpcCall(request, Body.of(request.data or None)))
        return answer if isinstance(answer, HttpResponseBase) else Response(answer)
