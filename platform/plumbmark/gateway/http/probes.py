"""`/healthz` and `/readyz` of the gateway's process."""

import asyncio
import json
from collections.abc import Sequence

from plumbmark.common.readiness import DATABASE, Readiness, describe
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.http.asgi import TEXT, HttpExchange, Route
from plumbmark.gateway.http.errors import openai_error

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


def routes() -> Sequence[Route]:
    probes = ProbeRoutes()
    return [
        Route("GET", "/healthz", probes.say_alive, openai_error),
        Route("GET", "/readyz", probes.say_whether_ready, openai_error),
    ]
