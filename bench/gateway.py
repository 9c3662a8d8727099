"""What the gateway's routes cost: direct calls and calls through a gateway process, interleaved.

    python bench/gateway.py [--calls 2000] [--rounds 3] [--database sqlite|postgres|both]

Both ways end at the same fake provider (50 ms latency) and every answer is checked. In each round:
plain calls with 64 and 256 in flight, one at a time, and streams of 20 chunks with 64 in flight.
It prints calls per second, the share of the direct rate, CPU seconds of the gateway process per
1,000 calls (and how many times what the asking client itself needs, which is what can be compared
between machines), the database's beside it, the added latency, the added time to the first chunk,
and peak memory. At the end every call must be recorded and the books must agree with the answers.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aiohttp

from bench.evaluation import cpu_seconds, peak_mib
from tests.fake_provider.process import FakeProvider
from tests.postgres import Postgres
from tests.stack import Stack, migrate

LATENCY_MS = 50
CHUNK_MS = 11
CHUNKS = 20
_CHARGED = re.compile(rb'"charged_nanodollars": ?(\d+)')


@dataclass(frozen=True)
class Way:
    """Where to ask, and as whom."""

    url: str
    token: str
    prefix: str


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += tree(int(folder.name))
    return found


def postgres_cpu() -> float:
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == "postgres":
                total += cpu_seconds(int(folder.name))
        except OSError:
            continue
    return total


async def ask_all(way: Way, calls: int, window: int) -> tuple[float, list[float], int]:
    """Return the total seconds, the seconds of each call, and what was charged."""
    times: list[float] = []
    charged = 0
    waiting = iter(range(calls))
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {way.token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def lane() -> None:
            nonlocal charged
            for number in waiting:
                body = json.dumps(
                    {
                        "model": f"{way.prefix}arithmetic",
                        "messages": [{"role": "user", "content": f"What is {number}+{number}?"}],
                        "max_tokens": 32,
                        "temperature": 0,
                    }
                )
                began = time.perf_counter()
                async with session.post(f"{way.url}/chat/completions", data=body) as response:
                    answer = await response.json()
                times.append(time.perf_counter() - began)
                assert answer["choices"][0]["message"]["content"] == str(2 * number), answer
                charged += answer.get("plumbmark", {}).get("charged_nanodollars", 0)

        began = time.perf_counter()
        await asyncio.gather(*(lane() for _ in range(window)))
        return time.perf_counter() - began, times, charged


async def stream_all(way: Way, calls: int, window: int) -> tuple[float, list[float], int]:
    """Return the total seconds, the seconds to each first chunk, and what was charged."""
    firsts: list[float] = []
    charged = 0
    waiting = iter(range(calls))
    headers = {"Authorization": f"Bearer {way.token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers=headers
    ) as session:

        async def lane() -> None:
            nonlocal charged
            for number in waiting:
                body = json.dumps(
                    {
                        "model": f"{way.prefix}words:{CHUNKS}",
                        "messages": [{"role": "user", "content": f"Number {number}"}],
                        "max_tokens": 64,
                        "stream": True,
                    }
                )
                began = time.perf_counter()
                words, is_first = b"", True
                async with session.post(f"{way.url}/chat/completions", data=body) as response:
                    async for line in response.content:
                        if is_first and b"word0" in line:
                            firsts.append(time.perf_counter() - began)
                            is_first = False
                        words += line
                assert words.count(b"word") - words.count(b"words:") == CHUNKS, words
                for told in _CHARGED.findall(words):
                    charged += int(told)

        began = time.perf_counter()
        await asyncio.gather(*(lane() for _ in range(window)))
        return time.perf_counter() - began, firsts, charged


class Gateway:
    """A gateway process on a state folder of its own."""

    def __init__(self, folder: Path, provider: FakeProvider, **settings: str) -> None:
        self.stack = Stack(
            folder,
            quota_day_usd="100000",
            quota_month_usd="1000000",
            gateway_calls_at_once="1000",
            **settings,
            debug="0",
        )
        token = self.stack.account("bench").token
        for model in ("arithmetic", f"words:{CHUNKS}"):
            self.stack.add_model(model, provider.url)
        self.stack.shell(
            "from plumbmark.gateway.models import Deployment\n"
            "print(Deployment.objects.update(max_concurrency=1000))"
        )
        self.stack.start("gateway")
        self.way = Way(f"{self.stack.gateway_url}/v1", token, "fake/")
        self.asked = self.charged = 0

    def cpu(self) -> float:
        return sum(map(cpu_seconds, tree(self.stack.processes["gateway"].pid)))

    def mib(self) -> tuple[float, float]:
        """Return peak memory of the process that serves, and of all of them."""
        peaks = [peak_mib(pid) for pid in tree(self.stack.processes["gateway"].pid)]
        return max(peaks), sum(peaks)

    def check(self) -> None:
        """Check that every call is recorded once, and that the payer was charged exactly what was
        reported.
        """
        self.stack.stop()
        found = self.stack.shell(
            "import json\n"
            "from django.db.models import Sum\n"
            "from plumbmark.gateway.models import Budget, Call\n"
            "sums = Call.objects.aggregate(c=Sum('charged'))\n"
            "day = Budget.objects.filter(kind='day').aggregate(s=Sum('spent'), r=Sum('reserved'))\n"
            "print(json.dumps([Call.objects.count(), sums['c'], day['s'], day['r']]))"
        )
        assert found == [self.asked, self.charged, self.charged, 0], (
            found,
            self.asked,
            self.charged,
        )


def measure(
    gateway: Gateway | None, way: Way, provider: FakeProvider, calls: int
) -> dict[str, float]:
    found: dict[str, float] = {}
    parts: list[tuple[str, Any, int, int, int]] = [
        ("@64", ask_all, calls, 64, 0),
        ("@256", ask_all, 2 * calls, 256, 0),
        ("@1", ask_all, 40, 1, 0),
        ("streams", stream_all, calls // 3, 64, CHUNK_MS),
        ("stream@1", stream_all, 15, 1, CHUNK_MS),
    ]
    for name, ask, count, window, chunk_ms in parts:
        provider.configure(latency_ms=LATENCY_MS, chunk_ms=chunk_ms)
        cpu, database = (gateway.cpu(), postgres_cpu()) if gateway else (0.0, 0.0)
        own = time.process_time()
        wall, times, charged = asyncio.run(ask(way, count, window))
        if gateway is None:
            found[f"cpu {name}"] = 1000 * (time.process_time() - own) / count
        if gateway:
            time.sleep(0.7)  # the last flush belongs to the calls
            found[f"cpu {name}"] = 1000 * (gateway.cpu() - cpu) / count
            found[f"database {name}"] = 1000 * (postgres_cpu() - database) / count
            gateway.asked += count
            gateway.charged += charged
        found[f"rate {name}"] = count / wall
        found[f"ms {name}"] = 1000 * statistics.median(times)
    return found


def median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def show(
    name: str, found: dict[str, float], direct: dict[str, float], mib: tuple[float, float]
) -> None:
    print(f"\n{name}")
    for window in ("@64", "@256", "streams"):
        rate, floor = found[f"rate {window}"], direct[f"rate {window}"]
        line = f"  {window:8} {rate:6.0f}/s, {rate / floor:5.1%} of direct ({floor:.0f}/s)"
        if f"cpu {window}" in found:
            own = direct[f"cpu {window}"]
            cpu = found[f"cpu {window}"]
            line += f"   {cpu:.3f} CPU s/1,000 ({cpu / own:.1f} x the direct client's {own:.3f})"
            line += f", database {found[f'database {window}']:.3f}"
            line += f"   first or whole {found[f'ms {window}']:.1f} ms"
        print(line)
    for window, what in (("@1", "latency"), ("stream@1", "time to the first chunk")):
        added = found[f"ms {window}"] - direct[f"ms {window}"]
        print(f"  added {what}, one in flight: {added:+.2f} ms")
    print(f"  peak memory: {mib[0]:.0f} MiB, with its supervisor {mib[1]:.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    options = parser.parse_args()
    with FakeProvider() as provider, tempfile.TemporaryDirectory() as folder:
        direct_way = Way(provider.url, "", "")
        gateways: dict[str, Gateway] = {}
        postgres = None
        try:
            if options.database in {"sqlite", "both"}:
                gateways["SQLite"] = Gateway(Path(folder) / "sqlite", provider)
            if options.database in {"postgres", "both"}:
                postgres = Postgres()
                migrate(Path(folder) / "postgres", postgres.url)
                gateways["PostgreSQL"] = Gateway(
                    Path(folder) / "postgres", provider, database_url=postgres.url
                )
            for gateway in gateways.values():
                measure(gateway, gateway.way, provider, 300)  # warm
            direct: list[dict[str, float]] = []
            found: dict[str, list[dict[str, float]]] = {name: [] for name in gateways}
            for _ in range(options.rounds):
                direct.append(measure(None, direct_way, provider, options.calls))
                for name, gateway in gateways.items():
                    found[name].append(measure(gateway, gateway.way, provider, options.calls))
            floor = median(direct)
            for name, gateway in gateways.items():
                show(f"gateway on {name}", median(found[name]), floor, gateway.mib())
                gateway.check()
                print(f"  {gateway.asked} calls, all recorded; charged as told, nothing reserved")
        finally:
            for gateway in gateways.values():
                gateway.stack.stop()
            if postgres is not None:
                postgres.stop()


if __name__ == "__main__":
    main()
