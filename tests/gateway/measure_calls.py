"""What a recorded and metered call costs, as a ratio to a bare aiohttp client in the same run.

    python -m tests.gateway.measure_calls [--calls N] [--rounds N] [--postgres]

Rounds are interleaved; each line is CPU seconds per 1,000 calls of this process (user + system, the
provider's process excluded) and calls per second, medians over the rounds.
"""

import argparse
import asyncio
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import aiohttp

from tests.fake_provider.process import FakeProvider
from tests.postgres import Postgres

WINDOW = 64


@dataclass(frozen=True)
class Measured:
    """CPU seconds per 1,000 calls, and calls per second."""

    cpu: float
    rate: float


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(run: Callable[[], None], calls: int) -> Measured:
    cpu, began = cpu_seconds(), time.perf_counter()
    run()
    return Measured((cpu_seconds() - cpu) / calls * 1000, calls / (time.perf_counter() - began))


def question(n: int) -> str:
    return f"What is {n}+{n}? Answer with the number only."


async def bare(url: str, calls: int) -> None:
    numbers = iter(range(calls))
    connector = aiohttp.TCPConnector(limit=WINDOW)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for n in numbers:
                body = {
                    "model": "arithmetic",
                    "messages": [{"role": "user", "content": question(n)}],
                    "temperature": 0,
                    "max_tokens": 32,
                }
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    answer = await response.json()
                    assert answer["choices"][0]["message"]["content"] == str(2 * n)

        await asyncio.gather(*(work() for _ in range(WINDOW)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="plumbmark-measure-"))
        os.environ["PLUMBMARK_STATE_DIR"] = folder
        if options.postgres:
            os.environ["PLUMBMARK_DATABASE_URL"] = stack.enter_context(Postgres()).url
        provider = stack.enter_context(FakeProvider())
        provider.configure(latency_ms=options.latency_ms)
        _measure_all(provider, options.calls, options.rounds)


def _measure_all(provider: FakeProvider, calls: int, rounds: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    from plumbmark.engine.ports import ModelRequest
    from plumbmark.gateway.calls import runtime
    from tests.gateway import rows

    deployment = rows.deployment(provider.url)
    grant = rows.grant(rows.namespace(), deployment)

    async def through_the_gateway(count: int, name: str) -> None:
        caller = await runtime.gateway().caller(grant_id=grant.pk, deployment_id=deployment.pk)
        numbers = iter(range(count))

        async def work() -> None:
            for n in numbers:
                request = ModelRequest(
                    [{"role": "user", "content": question(n)}], 32, temperature=0.0
                )
                result = await caller.call(request, key=f"{name}:{n}", role="candidate")
                assert result.response is not None
                assert result.response.text == str(2 * n)

        await asyncio.gather(*(work() for _ in range(WINDOW)))
        await caller.flush()

    runtime.run(through_the_gateway(200, "warm"))
    floors, ours = [], []
    for turn in range(rounds):
        floors.append(measure(lambda: asyncio.run(bare(provider.url, calls)), calls))
        work = through_the_gateway(calls, str(turn))
        ours.append(measure(lambda work=work: runtime.run(work), calls))  # type: ignore[misc]
    runtime.shutdown()
    books = rows.assert_books_agree()
    connections.close_all()
    floor = statistics.median(one.cpu for one in floors)
    gateway = statistics.median(one.cpu for one in ours)
    print(f"bare aiohttp   {floor:.3f} CPU s/1,000  {_rate(floors):.0f} calls/s")
    print(f"gateway        {gateway:.3f} CPU s/1,000  {_rate(ours):.0f} calls/s")
    print(f"ratio          {gateway / floor:.2f}          {_rate(ours) / _rate(floors):.2f}")
    print(f"charged {books.spent}, reserved {books.reserved}")


def _rate(measured: list[Measured]) -> float:
    return statistics.median(one.rate for one in measured)


if __name__ == "__main__":
    main()
