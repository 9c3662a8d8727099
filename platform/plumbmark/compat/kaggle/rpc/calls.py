"""One call of a procedure, and what it may answer with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.accounts.models import ApiToken, Namespace, User
from plumbmark.compat.kaggle.rpc.body import Body

Answer = Mapping[str, Any] | HttpResponseBase
"""A message, or a whole response for logs and downloads."""


@dataclass(frozen=True, slots=True)
class RpcCall:
    """A caller with its message."""

    request: Request
    body: Body

    @property
    def user(self) -> User:
        """The person behind the token; 401 without one."""
        return actor(self.request)

    @property
    def token(self) -> ApiToken | None:
        return self.request.auth if isinstance(self.request.auth, ApiToken) else None

    @property
    def namespace(self) -> Namespace:
        """The caller's own."""
        return acting_namespace(self.request, None)


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure and the scope that a token needs for it; None: it needs no token."""

    scope: str | None
    run: Callable[[RpcCall], Answer]
