"""The cost of small runs, and how well several workers share the work.

    python bench/runs.py phases [--runs 100] [--items 5]
    python bench/runs.py small [--runs 100] [--items 5] [--database sqlite|postgres]
    python bench/runs.py share [--items 2000] [--workers 4]
    python bench/runs.py board [--runs 200] [--items 5]

`phases` does everything in this process and tells the CPU milliseconds of a run by phase. `small`
and `share` start the platform's own processes. `share` tells which part of the ideal several
workers reach on one run, and on a small one, with the scheduler and without it: calls in flight, as
the provider saw them, beside the window.

CPU is the machine's: the floor beside it is a bare aiohttp client that makes the same calls in the
same process and minute.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from bench.evaluation import Platform, _floor, cpu_seconds  # noqa: E402
from tests.fake_provider.process import FakeProvider  # noqa: E402
from tests.postgres import Postgres  # noqa: E402
from tests.stack import migrate  # noqa: E402

_WINDOW = 64


def _floor_cpu_ms(provider: FakeProvider, calls: int) -> float:
    """Return what a bare client needs for so many calls."""
    before = time.process_time()
    asyncio.run(_floor(provider.url, calls, _WINDOW))
    return 1000 * (time.process_time() - before)


# --- phases -------------------------------------------------------------------------------------


class Phases:
    """CPU of this thread by phase; a phase within another is counted as itself alone."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = defaultdict(float)
        self._names: list[str] = []
        self._since = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self._switch()
        self._names.append(name)
        try:
            yield
        finally:
            self._switch()
            self._names.pop()

    def _switch(self) -> None:
        now = time.thread_time()
        if self._names:
            self.cpu[self._names[-1]] += now - self._since
        self._since = now

    def watch(self, owner: Any, name: str, phase: str) -> None:
        """Count every call of a function as a phase."""
        function = getattr(owner, name)

        @wraps(function)
        def counted(*arguments: Any, **named: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return function(*arguments, **named)
            with self.phase(phase):
                return function(*arguments, **named)

        setattr(owner, name, counted)


def _thread_cpu() -> dict[str, float]:
    """Return the CPU seconds of this process's threads by name."""
    return {
        thread.name: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None
    }


def _start_runs(ada: Any, version: Any, deployment: Any, count: int) -> None:
    from tasks_app.runs.contenders import contender_of_deployment
    from tasks_app.runs.start import start_run

    contender = contender_of_deployment(deployment=deployment, configuration={}, by=ada)
    for _ in range(count):
        start_run(
            version=version,
            contender=contender,
            purpose="exploratory",
            namespace=ada.namespace,
            by=ada,
        )


def _work_until_done() -> int:
    """Do what workers do until nothing is due; return how many jobs found work."""
    from leaderboards_app.jobs import refresh_boards
    from plumbmark.common.jobs import deliver_events
    from tasks_app.jobs import work

    slices = 0
    while work() != "nothing due":
        slices += 1
    while deliver_events():
        pass
    refresh_boards()
    return slices


def _watched(phases: Phases) -> None:
    from leaderboards_app import jobs as board_jobs
    from plumbmark.common import jobs as outbox_jobs
    from plumbmark.common import queue
    from tasks_app import jobs
    from tasks_app.runs import slices

    phases.watch(queue, "_send", "messages")
    phases.watch(jobs, "_claim", "claim")
    phases.watch(slices.RunSlice, "_plan_more", "plan")
    phases.watch(slices.RunSlice, "_pump", "evaluate (this thread)")
    phases.watch(slices.RunSlice, "_write", "write")
    phases.watch(slices, "finish_run_if_done", "complete")
    phases.watch(outbox_jobs, "_deliver", "outbox")
    phases.watch(board_jobs, "refresh_boards", "board")


def measure_phases(options: argparse.Namespace) -> None:
    with FakeProvider() as provider, tempfile.TemporaryDirectory() as folder:
        os.environ["PLUMBMARK_QUOTA_DAY_USD"] = os.environ["PLUMBMARK_QUOTA_MONTH_USD"] = "100000"
        from bench.pages import _prepare

        _prepare(Path(folder))
        from plumbmark.accounts.actions import open_account
        from plumbmark.gateway.actions import add_deployment, set_price
        from plumbmark.gateway.calls import runtime
        from tasks_app.jobs import work
        from tests.factories import publish_task

        ada = open_account(
            email="ada@example.org",
            password="correct horse battery staple",
            handle="ada",
            is_confirmed=True,
        )
        deployment = add_deployment(
            slug="fake/arithmetic",
            provider="openai",
            upstream_id="arithmetic",
            base_url=provider.url,
            by=None,
        )
        set_price(deployment=deployment, input_per_mtok=1, output_per_mtok=1, by=None)
        version = publish_task(ada, "Small", items=options.items)
        _start_runs(ada, version, deployment, 3)
        _work_until_done()
        _floor_cpu_ms(provider, 100)
        phases = Phases()
        _watched(phases)
        profile = cProfile.Profile() if options.profile else None
        before, cpu_before = _thread_cpu(), time.process_time()
        with phases.phase("start"):
            _start_runs(ada, version, deployment, options.runs)
        if profile:
            profile.enable()
        while True:
            with phases.phase("around"):
                if work() == "nothing due":
                    break
        with phases.phase("outbox"):
            _work_until_done()
        if profile:
            profile.disable()
        total = time.process_time() - cpu_before
        threads = {
            name: cpu - before.get(name, 0.0)
            for name, cpu in _thread_cpu().items()
            if name != "MainThread"
        }
        runtime.shutdown()
        floor = _floor_cpu_ms(provider, options.runs * options.items) / options.runs
        found = {**phases.cpu, **threads}
        for name, cpu in sorted(found.items(), key=lambda one: -one[1]):
            print(f"{name:<28} {1000 * cpu / options.runs:7.2f} CPU ms a run")
        whole = 1000 * total / options.runs
        print(f"{'together':<28} {whole:7.2f} CPU ms a run, {whole / floor:.1f} × the bare client")
        from tasks_app.models import Run

        assert not Run.objects.exclude(state="completed").exists()
        if profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(options.profile)


# --- real processes -----------------------------------------------------------------------------


def _wait_for_runs(platform: Platform, count: int) -> None:
    code = (
        "import json\nfrom tasks_app.models import Run\n"
        "print(json.dumps(Run.objects.filter(state='completed').count()))"
    )
    platform.stack.wait_for(lambda: platform.stack.shell(code) >= count)


def measure_small(options: argparse.Namespace) -> None:
    """Print the CPU of a worker, and of the web process, for each of many small runs."""
    with FakeProvider() as provider, tempfile.TemporaryDirectory() as folder:
        state, settings = Path(folder) / "state", {"debug": "0"}
        postgres = None
        if options.database == "postgres":
            postgres = Postgres()
            migrate(state, postgres.url)
            settings["database_url"] = postgres.url
        platform = Platform(state, provider, options.items, window=_WINDOW, workers=1, **settings)
        try:
            platform.measure()  # warm
            pids = [platform.stack.processes[name].pid for name in ("worker1", "web")]
            _floor_cpu_ms(provider, 100)
            before = [cpu_seconds(pid) for pid in pids]
            for _ in range(options.runs):
                platform.start()
            _wait_for_runs(platform, 1 + options.runs)
            time.sleep(3)  # the outbox and the last flush belong to the runs
            worker, web = (
                1000 * (cpu_seconds(pid) - cpu) / options.runs
                for pid, cpu in zip(pids, before, strict=True)
            )
            floor = _floor_cpu_ms(provider, options.runs * options.items) / options.runs
            print(
                f"{options.database}: {worker:.1f} CPU ms of the worker a run "
                f"({1000 / worker:.1f} runs/s is a core; {worker / floor:.0f} × the bare client's "
                f"{floor:.2f}), {web:.1f} of the web process"
            )
        finally:
            platform.stop()
            if postgres is not None:
                postgres.stop()


_START_BOARD = """
import json
from benchmarks_app.grid.actions import start_runs
from plumbmark.accounts.models import User
from plumbmark.gateway.models import Deployment
from tasks_app.models import TaskVersion
from tasks_app.runs.contenders import contender_of_deployment
from tests.factories import publish_benchmark
ada = User.objects.get(namespace__handle="bench")
deployment = Deployment.objects.get(slug__contains="arithmetic")
board = publish_benchmark(ada, [TaskVersion.objects.get(public_id="VERSION")], "Many runs")
contenders = [
    contender_of_deployment(
        deployment=deployment, configuration={"temperature": round(n / 1000, 3)}, by=ada
    )
    for n in range(RUNS)
]
start_runs(version=board, contenders=contenders, namespace=ada.namespace, by=ada)
print(json.dumps(board.pk))
"""
_BOARD_STATE = """
import json
from django.db.models import Max
from leaderboards_app.models import Standings
from tasks_app.models import Run
runs = Run.objects.filter(entry_runs__entry__version=BOARD)
done = runs.filter(state="completed")
shown = [
    (one.created_at.timestamp(), sum(row["status"] == "ranked" for row in one.content["rows"]))
    for one in Standings.objects.filter(version=BOARD).order_by("number")
]
last = done.aggregate(at=Max("finished_at"))["at"]
print(json.dumps({"runs": runs.count(), "done": done.count(), "shown": shown,
                  "last": last.timestamp() if last else None}))
"""


def measure_board(options: argparse.Namespace) -> None:
    """Print how long after the last of many runs their board shows it, and how many snapshots
    there were.
    """
    with FakeProvider() as provider, tempfile.TemporaryDirectory() as folder:
        platform = Platform(
            Path(folder) / "state", provider, options.items, window=_WINDOW, workers=2, debug="0"
        )
        try:
            platform.stack.start("beat")
            start = _START_BOARD.replace("VERSION", platform.version)
            board = platform.stack.shell(start.replace("RUNS", str(options.runs)))
            state = _BOARD_STATE.replace("BOARD", str(board))
            found: dict[str, Any] = {}

            def is_shown() -> bool:
                found.update(platform.stack.shell(state))
                return bool(found["shown"]) and found["shown"][-1][1] == options.runs

            platform.stack.wait_for(is_shown)
            at = next(at for at, ranked in found["shown"] if ranked == options.runs)
            print(
                f"{options.runs} runs of {options.items} items: the board shows the last one "
                f"{at - found['last']:.2f} s after its end; {len(found['shown'])} snapshots"
            )
        finally:
            platform.stop()


def measure_share(options: argparse.Namespace) -> None:
    """Print which part of the window several workers fill, with the scheduler and without it."""
    with FakeProvider() as provider, tempfile.TemporaryDirectory() as folder:
        platforms = {}
        try:
            for name in ("without the scheduler", "with the scheduler"):
                platform = platforms[name] = Platform(
                    Path(folder) / name.partition(" ")[0],
                    provider,
                    100,
                    window=_WINDOW,
                    workers=options.workers,
                    debug="0",
                    sweep_seconds="5",
                )
                if name.startswith("with "):
                    platform.stack.start("beat")
                platform.measure()
            provider.configure(latency_ms=options.latency_ms)
            for items in (options.items, options.small_items):
                for platform in platforms.values():
                    platform.use(items)
                for number in range(options.rounds):
                    for name, platform in platforms.items():
                        found = platform.measure()
                        lasts = items / found["rate"]
                        ideal = items * options.latency_ms / 1000 / _WINDOW
                        print(
                            f"{items:5} items {name:<22} {found['in_flight'] / _WINDOW:.2f} of the "
                            f"window while calls are in flight, {ideal / lasts:.2f} of the ideal "
                            f"from queueing to the score (round {number + 1})",
                            flush=True,
                        )
        finally:
            for platform in platforms.values():
                platform.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["phases", "small", "share", "board"])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--items", type=int)
    parser.add_argument("--small-items", type=int, default=256)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--latency-ms", type=int, default=400)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--profile", type=int, default=0, help="print so many functions (phases)")
    options = parser.parse_args()
    measures: dict[str, tuple[int, Callable[[argparse.Namespace], None]]] = {
        "phases": (5, measure_phases),
        "small": (5, measure_small),
        "share": (2000, measure_share),
        "board": (5, measure_board),
    }
    items, measure = measures[options.what]
    options.items = options.items or items
    measure(options)


if __name__ == "__main__":
    main()
