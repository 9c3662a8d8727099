"""How long a program takes to start in the sandbox, beside a bare subprocess of the same Python.

    python bench/sandbox.py [--rounds 40] [--at-once 8]

Measured in one run, interleaved: milliseconds from asking to the report of `python -I -c pass`, and
how many of them a second where several are asked for at once. Ratios to the floor are what counts:
seconds are the machine's.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "platform"))

from plumbmark.sandbox.bubblewrap import Bubblewrap
from plumbmark.sandbox.contract import Job, Sandbox, SandboxUnavailable
from plumbmark.sandbox.interpreter import bare_interpreter
from plumbmark.sandbox.landlock import Landlock
from plumbmark.sandbox.relay import GatewayRelay

Start = Callable[[], Awaitable[None]]


async def _floor() -> None:
    python = str(bare_interpreter().host)
    process = await asyncio.create_subprocess_exec(python, "-I", "-c", "pass")
    assert await process.wait() == 0


def _in(sandbox: Sandbox, work: Path | None = None, gateway: Path | None = None) -> Start:
    job = Job(argv=[sandbox.python, "-I", "-c", "pass"], work=work, gateway_socket=gateway)

    async def start() -> None:
        report = await sandbox.run(job)
        assert report.succeeded, report

    return start


async def _at_once(start: Start, width: int, rounds: int) -> float:
    """How many a second."""
    waiting = iter(range(rounds))

    async def lane() -> None:
        for _ in waiting:
            await start()

    began = time.perf_counter()
    await asyncio.gather(*[lane() for _ in range(width)])
    return rounds / (time.perf_counter() - began)


async def _measure(rounds: int, width: int) -> None:
    ways: dict[str, Start] = {"bare subprocess": _floor}
    relay = GatewayRelay(target=("127.0.0.1", 9), token="none")
    async with relay:
        with tempfile.TemporaryDirectory() as folder:
            for make in (Bubblewrap, Landlock):
                try:
                    sandbox = make()
                except SandboxUnavailable as error:
                    print(f"{make.__name__}: {error}")
                    continue
                ways[sandbox.name] = _in(sandbox)
                ways[f"{sandbox.name}, with work and gateway"] = _in(
                    sandbox, Path(folder), relay.socket
                )
            times: dict[str, list[float]] = {name: [] for name in ways}
            for round_number in range(rounds + 2):
                for name, start in ways.items():
                    began = time.perf_counter()
                    await start()
                    if round_number >= 2:
                        times[name].append((time.perf_counter() - began) * 1000)
            rates = {name: await _at_once(start, width, rounds) for name, start in ways.items()}
    floor = statistics.median(times["bare subprocess"])
    print(f"{'':38} {'median':>9} {'p95':>9} {'to floor':>9} {f'{width} at once':>12}")
    for name, taken in times.items():
        middle = statistics.median(taken)
        late = sorted(taken)[int(len(taken) * 0.95)]
        print(
            f"{name:38} {middle:6.1f} ms {late:6.1f} ms {middle / floor:9.1f} {rates[name]:9.1f}/s"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=8)
    options = parser.parse_args()
    asyncio.run(_measure(options.rounds, options.at_once))
