"""How fast an evaluation is, beside the floor: bare aiohttp against the same fake provider.

    python bench/evaluation.py [--items 2000] [--rounds 3] [--database sqlite|postgres|both]
    python bench/evaluation.py --growth

Measured in one run, interleaved: calls per second from queueing to the final score, CPU seconds of
the worker per 1,000 calls, mean calls in flight as the provider saw them, connections, peak memory.
Everything is persisted, the exchanges too. Ratios to the floor are what counts: seconds are the
machine's.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.fake_provider.process import FakeProvider
from tests.postgres import Postgres
from tests.stack import Api, Stack, migrate

_LATENCY_SECONDS = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")
DEFINITION = """\
plumbmark: 1
data: {target: answer}
prompt:
  messages: [{role: user, content: "What is {question}? Answer with the number only."}]
sampling: {temperature: 0, max_output_tokens: 32}
scorers: [{type: exact}]
"""


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process and of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15]) / _TICKS


def peak_mib(pid: int) -> float:
    return _memory_mib(pid, "VmHWM")


def own_mib(pid: int) -> float:
    """Return what a process holds now without pages of files: those of SQLite's database file are
    mapped, shared, and dropped by the kernel when it needs room.
    """
    return _memory_mib(pid, "RssAnon")


def _memory_mib(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


async def _floor(url: str, items: int, window: int) -> float:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=window)
    waiting = iter(range(items))
    async with aiohttp.ClientSession(connector=connector) as session:

        async def lane() -> None:
            for number in waiting:
                body = {
                    "model": "arithmetic",
                    "messages": [
                        {
                            "role": "user",
                            "content": f"What is {number}+{number % 97}? "
                            "Answer with the number only.",
                        }
                    ],
                    "temperature": 0,
                    "max_tokens": 32,
                }
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    await response.json()

        began = time.perf_counter()
        await asyncio.gather(*(lane() for _ in range(window)))
        return time.perf_counter() - began


def measure_floor(provider: FakeProvider, items: int, window: int) -> dict[str, float]:
    provider.reset()
    before = time.process_time()
    wall = asyncio.run(_floor(provider.url, items, window))
    cpu = time.process_time() - before
    stats = provider.stats()
    return {
        "rate": items / wall,
        "cpu": 1000 * cpu / items,
        "in_flight": stats["total"] and _mean_in_flight(stats),
        "connections": stats["connections"],
        "mib": 0.0,
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _mean_in_flight(stats: dict[str, Any]) -> float:
    return float(stats["mean_in_flight"])


class Platform:
    """A platform with a published task of `items` items; its workers share the window."""

    def __init__(
        self,
        state: Path,
        provider: FakeProvider,
        items: int,
        *,
        window: int,
        workers: int,
        **settings: str,
    ) -> None:
        self.stack = Stack(
            state,
            quota_day_usd="100000",
            quota_month_usd="1000000",
            worker_window=str(window // workers),
            **settings,
        )
        self._window = window
        self._names = [f"worker{number}" for number in range(1, workers + 1)]
        self.items = items
        self._provider = provider
        self.stack.start("web")
        for name in self._names:
            self.stack.start(name)
        self.api: Api = self.stack.account("bench")
        deployment = self.stack.add_model("arithmetic", provider.url)
        self.contender = self.api.post("contenders", {"deployment": deployment})["id"]
        self.version = self._task(items)

    def _task(self, items: int) -> str:
        rows = "\n".join(
            json.dumps({"question": f"{n}+{n % 97}", "answer": str(n + n % 97)})
            for n in range(items)
        )
        task = self.api.post("tasks", {"title": f"Sums {items}"})
        self.api.send(
            "PUT",
            f"tasks/{task['id']}/draft",
            {"definition": DEFINITION, "format": "yaml"},
            {"data_file": ("sums.jsonl", rows.encode())},
        )
        version = self.api.post(f"tasks/{task['id']}/publish", {"visibility": "public"})
        return str(version["id"])

    def use(self, items: int) -> None:
        """Measure with a task of so many items from now on."""
        self.items = items
        self.version = self._task(items)

    def start(self) -> str:
        """Queue a run and return its id."""
        run = self.api.post(
            "runs",
            {
                "task_version": self.version,
                "contender": self.contender,
                "purpose": "exploratory",
            },
        )
        return str(run["id"])

    def measure(self) -> dict[str, float]:
        workers = [self.stack.processes[name].pid for name in self._names]
        self._provider.reset()
        before = sum(map(cpu_seconds, workers))
        began = time.perf_counter()
        run = self.start()
        queued = time.perf_counter()
        # Not asked before it can be done, and then seldom, because the answers cost the same cores;
        # the run knows its own times.
        time.sleep(self.items * _LATENCY_SECONDS / self._window)
        while (found := self.api.get(f"runs/{run}"))["state"] != "completed":
            if found["state"] == "failed":
                raise RuntimeError(found["failure"])
            time.sleep(0.5)
        wall = (_moment(found["finished_at"]) - _moment(found["created_at"])).total_seconds()
        time.sleep(1.0)  # the last flush belongs to the run
        cpu = sum(map(cpu_seconds, workers)) - before
        stats = self._provider.stats()
        assert found["samples_done"] == self.items, found
        return {
            "rate": self.items / wall,
            "cpu": 1000 * cpu / self.items,
            "in_flight": _mean_in_flight(stats),
            "connections": stats["connections"],
            "mib": max(map(peak_mib, workers)),
            "own_mib": max(map(own_mib, workers)),
            "start": queued - began,
        }

    def stop(self) -> None:
        self.stack.stop()


def median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def show(name: str, found: dict[str, float], floor: dict[str, float]) -> None:
    print(
        f"{name:24} {found['rate']:7.0f} calls/s ({found['rate'] / floor['rate']:.2f} of floor)  "
        f"{found['cpu']:6.3f} CPU s/1,000 ({found['cpu'] / floor['cpu']:.1f} x)  "
        f"{found['in_flight']:5.1f} in flight  {found['connections']:4.0f} connections  "
        f"{found['mib']:4.0f} MiB",
        flush=True,
    )


def show_growth(make: Callable[[], Platform], rounds: int) -> None:
    """Measure whether CPU per item and memory stay the same from 500 to 8,000 items.

    Each size has a worker of its own, because a peak never falls.
    """
    found = {}
    for items in (500, 8000):
        platform = make()
        try:
            platform.measure()
            platform.use(items)
            found[items] = median([platform.measure() for _ in range(rounds)])
        finally:
            platform.stop()
        print(
            f"{items:5} items  {found[items]['cpu']:6.3f} CPU s/1,000  "
            f"{found[items]['rate']:5.0f} calls/s  {found[items]['own_mib']:4.0f} MiB of its own, "
            f"{found[items]['mib']:4.0f} MiB at most with mapped files",
            flush=True,
        )
    ratio = found[8000]["cpu"] / found[500]["cpu"]
    more = found[8000]["own_mib"] - found[500]["own_mib"]
    print(f"CPU per item at 8,000: {ratio:.2f} of that at 500; {more:+.0f} MiB of its own")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=int, default=64, help="calls in flight, all workers")
    parser.add_argument("--workers", type=int, default=1, help="worker processes on the window")
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--redis", default="", help="a Redis URL; default: filesystem broker")
    parser.add_argument("--growth", action="store_true", help="500 against 8,000 items, on SQLite")
    options = parser.parse_args()
    settings: dict[str, Any] = {"redis_url": options.redis} if options.redis else {}
    settings |= {"window": options.window, "workers": options.workers}
    # As an operator runs it: with it, Django keeps every statement.
    settings["debug"] = "0"
    with FakeProvider() as provider, tempfile.TemporaryDirectory() as folder:
        provider.configure(latency_ms=1000 * _LATENCY_SECONDS)
        if options.growth:
            folders = (Path(folder) / f"growth-{number}" for number in itertools.count())
            show_growth(lambda: Platform(next(folders), provider, 100, **settings), options.rounds)
            return
        platforms: dict[str, Platform] = {}
        postgres = None
        try:
            if options.database in {"sqlite", "both"}:
                platforms["platform, SQLite"] = Platform(
                    Path(folder) / "sqlite", provider, options.items, **settings
                )
            if options.database in {"postgres", "both"}:
                postgres = Postgres()
                migrate(Path(folder) / "postgres", postgres.url)
                platforms["platform, PostgreSQL"] = Platform(
                    Path(folder) / "postgres",
                    provider,
                    options.items,
                    database_url=postgres.url,
                    **settings,
                )
            floors = []
            found: dict[str, list[dict[str, float]]] = {name: [] for name in platforms}
            measure_floor(provider, options.items, options.window)
            for platform in platforms.values():
                platform.measure()  # warm: imports, connections, the first lease
            for _ in range(options.rounds):
                floors.append(measure_floor(provider, options.items, options.window))
                for name, platform in platforms.items():
                    found[name].append(platform.measure())
            floor = median(floors)
            show("floor, bare aiohttp", floor, floor)
            for name, rounds in found.items():
                show(name, median(rounds), floor)
        finally:
            for platform in platforms.values():
                platform.stop()
            if postgres is not None:
                postgres.stop()


if __name__ == "__main__":
    main()
