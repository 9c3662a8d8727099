"""`/healthz`, `/readyz` and `/metrics` of the gateway's process."""

import asyncio
import json
from collections.abc import Sequence

from plumbmark.common import metrics
from plumbmark.common.readiness import DATABASE, Readiness, describe
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.http.asgi import TEXT, HttpExchange, Route
from plumbmark.gateway.http.errors import HttpError, openai_error

_UNCACHED = ((b"cache-control", b"no-store"),)
DRAINING = "draining"


class ProbeRoutes:
    """Answers for load balancers."""

    def __init__(self) -> None:
        self._readiness = Readiness()

    async def say_alive(self, exchange: HttpExchange) -> None:
        await exchange.reply(200, b"ok", _UNCACHED, kind=TEXT)

    async def say_whether_ready(self, exchange: HttpExchange) -> None:
        problems = (DRAINING,) if runtime.is_draining() else await self._problems()
        body = json.dumps(describe(problems)).encode()
        await exchange.reply(503 if problems else 200, body, _UNCACHED)

    async def _problems(self) -> tuple[str, ...]:
        check, seconds = self._readiness.begin()
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(asyncio.wrap_future(check))
        except TimeoutError:
            return (DATABASE,)

    async def tell_metrics(self, exchange: HttpExchange) -> None:
        """Tell what this process counted; the figures of the database are told by the pages."""
        if not metrics.may_read(exchange.header(b"authorization")):
            message = "Send the token of the metrics as a bearer token."
            raise HttpError(401, "no-token", message)
        kind = metrics.CONTENT_TYPE.encode()
        await exchange.reply(200, metrics.tell_own(), _UNCACHED, kind=kind)


def routes() -> Sequence[Route]:
    probes = ProbeRoutes()
    found = [
        Route("GET", "/healthz", probes.say_alive, openai_error),
        Route("GET", "/readyz", probes.say_whether_ready, openai_error),
    ]
    if metrics.is_on():
        found.append(Route("GET", "/metrics", probes.tell_metrics, openai_error))
    return found
