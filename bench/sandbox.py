"""How long a program takes to start in the sandbox, beside a bare subprocess of the same Python.

    python bench/sandbox.py [--rounds 40] [--at-once 8]
    python bench/sandbox.py --environment .sandbox-env/bin/python [--rounds 10]
    python bench/sandbox.py --programs HumanEval.jsonl.gz

Measured in one run, interleaved: milliseconds from asking to the report of `python -I -c pass`, and
how many of them a second where several are asked for at once. Ratios to the floor are what counts:
seconds are the machine's. `--environment` tells how much of the start of the environment that code
tasks may import is the packages' own; `--programs` runs the canonical solutions of HumanEval, two
sandboxes at once.
"""

import argparse
import asyncio
import gzip
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "platform"))

from plumbmark.sandbox.bubblewrap import Bubblewrap
from plumbmark.sandbox.contract import Limits, Sandbox, SandboxJob, SandboxUnavailable
from plumbmark.sandbox.interpreter import bare_interpreter, environment_mounts
from plumbmark.sandbox.landlock import Landlock
from plumbmark.sandbox.relay import GatewayRelay

Start = Callable[[], Awaitable[None]]


async def _floor() -> None:
    python = str(bare_interpreter().host)
    process = await asyncio.create_subprocess_exec(python, "-I", "-c", "pass")
    assert await process.wait() == 0


def _in(sandbox: Sandbox, work: Path | None = None, gateway: Path | None = None) -> Start:
    job = SandboxJob(argv=[sandbox.python, "-I", "-c", "pass"], work=work, gateway_socket=gateway)

    async def start() -> None:
        report = await sandbox.run(job)
        assert report.succeeded, report

    return start


async def _at_once(start: Start, width: int, rounds: int) -> float:
    """Return how many run per second."""
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


async def _measure_environment(python: Path, rounds: int) -> None:
    """Measure how much of `import kaggle_benchmarks` is due to the sandbox and to the import
    itself.
    """
    inside = "/opt/environment"
    sandbox = Bubblewrap()
    limits = Limits(
        wall_seconds=120, memory_bytes=3 << 30, address_space_bytes=8 << 30, processes=256
    )

    def boxed(program: str) -> Start:
        job = SandboxJob(
            argv=[f"{inside}/bin/python", "-c", program],
            mounts=environment_mounts(python, at=inside),
            limits=limits,
            environment={"BENCHMARK_MODE": "TESTING", "PYTHONDONTWRITEBYTECODE": "1"},
        )

        async def start() -> None:
            report = await sandbox.run(job)
            assert report.succeeded, (report.detail, report.stderr[-500:])

        return start

    def bare(program: str) -> Start:
        async def start() -> None:
            process = await asyncio.create_subprocess_exec(
                str(python), "-c", program, env={"BENCHMARK_MODE": "TESTING"}
            )
            assert await process.wait() == 0

        return start

    load = "import kaggle_benchmarks"
    ways = {
        "bare, empty": bare("pass"),
        "bare, importing": bare(load),
        "sandbox, empty": boxed("pass"),
        "sandbox, importing": boxed(load),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(rounds + 1):
        for name, start in ways.items():
            began = time.perf_counter()
            await start()
            if round_number:
                times[name].append((time.perf_counter() - began) * 1000)
    middle = {name: statistics.median(taken) for name, taken in times.items()}
    for name, taken in middle.items():
        print(f"{name:20} {taken:8.0f} ms")
    own = middle["bare, importing"] - middle["bare, empty"]
    print(f"the import's own share of a start: {own / middle['sandbox, importing']:.2f}")


async def _measure_programs(rows: list[dict[str, str]]) -> None:
    """Run every canonical solution with its tests, two sandboxes at once."""
    sandbox = Bubblewrap()
    waiting = iter(rows)
    passed = 0

    async def lane() -> None:
        nonlocal passed
        for row in waiting:
            program = (
                f"{row['prompt']}{row['canonical_solution']}\n{row['test']}\n"
                f"check({row['entry_point']})\n"
            )
            report = await sandbox.run(SandboxJob(argv=[sandbox.python, "-I", "-c", program]))
            passed += report.succeeded

    began = time.perf_counter()
    await asyncio.gather(lane(), lane())
    took = time.perf_counter() - began
    print(f"{passed} of {len(rows)} pass; {took:.1f} s, {len(rows) / took:.1f} programs a second")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--environment", type=Path, help="the Python of `make sandbox-env`")
    parser.add_argument("--programs", type=Path, help="HumanEval.jsonl.gz")
    options = parser.parse_args()
    if options.environment:
        asyncio.run(_measure_environment(options.environment, options.rounds))
    elif options.programs:
        with gzip.open(options.programs) as file:
            asyncio.run(_measure_programs([json.loads(line) for line in file]))
    else:
        asyncio.run(_measure(options.rounds, options.at_once))
