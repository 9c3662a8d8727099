"""What a community's size costs: boards, lists and large files, in a database that has grown.

    python bench/scale.py [--rows 200] [--tasks 10] [--items 1000] [--benchmarks 500]
                          [--people 5000] [--import-items 100000]

Fills a database with one board of `rows` × `tasks` × `items` samples, many small benchmarks and
many people, by plain inserts, and measures: the board computed from nothing, again, and with one
more row; pages beside a floor page of the same run; a large file checked and published as a job
does it.
With `PLUMBMARK_DATABASE_URL` in another database than SQLite; it must be empty.

CPU seconds and milliseconds are the machine's. Compare the ratios, and the numbers of queries.
"""

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from bench.pages import _prepare, caller, cold, cpu_ms  # noqa: E402

_BATCH = 5_000
_REQUESTS = 20


class Filler:
    """Rows as they are after years, without the work that made them."""

    def __init__(self, options: argparse.Namespace) -> None:
        from plumbmark.accounts.actions import open_account

        self._options = options
        self._chance = random.Random(1)
        self.ada = open_account(
            email="ada@example.org",
            password="correct horse battery staple",
            handle="ada",
            is_confirmed=True,
        )

    def fill(self) -> Any:
        """Fill the database; return the version of the large board."""
        from tests.factories import publish_benchmark, publish_task

        options = self._options
        self._add_people(options.people)
        tasks = [
            publish_task(self.ada, f"Task {number}", items=options.items)
            for number in range(options.tasks)
        ]
        board = publish_benchmark(self.ada, tasks, "Large")
        for number in range(options.rows):
            self.add_row(board, f"model-{number:04d}")
        small = publish_task(self.ada, "Small", items=4)
        for number in range(options.benchmarks):
            publish_benchmark(self.ada, [small], f"Small {number}")
        return board

    def _add_people(self, count: int) -> None:
        from plumbmark.accounts.models import Namespace, User

        people = User.objects.bulk_create(
            [User(email=f"p{n}@example.org", password="!") for n in range(count)], _BATCH
        )
        Namespace.objects.bulk_create(
            [Namespace(handle=f"p{n}", user=person) for n, person in enumerate(people)], _BATCH
        )

    def add_row(self, board: Any, label: str) -> None:
        """Enter a contender with a completed, scored run of every task."""
        from benchmarks_app.models import Entry, EntryRun
        from plumbmark.common.clock import now
        from tasks_app.models import Run, Scoring
        from tasks_app.runs.contenders import submitted_contender

        contender = submitted_contender(
            namespace=self.ada.namespace, label=label, maker="", description="", by=self.ada
        )
        entry = Entry.objects.create(version=board, contender=contender, created_by=self.ada)
        skill = self._chance.uniform(0.3, 0.9)
        for member in board.tasks.select_related("task_version"):
            version = member.task_version
            facts = {
                "marking_hash": version.marking_hash,
                "platform_version": "0",
                "samples_total": version.item_count,
                "samples_done": version.item_count,
                "finished_at": now(),
            }
            run = Run.objects.create(
                task_version=version,
                contender=contender,
                namespace=self.ada.namespace,
                started_by=self.ada,
                purpose=Run.Purpose.DECLARED,
                state=Run.State.COMPLETED,
                question_hash=version.question_hash,
                engine_version="0",
                item_count=version.item_count,
                **facts,
            )
            scoring = Scoring.objects.create(
                run=run, task_version=version, state=Scoring.State.COMPLETED, **facts
            )
            self._add_samples(run, scoring, skill)
            EntryRun.objects.create(entry=entry, benchmark_task=member, run=run)

    def _add_samples(self, run: Any, scoring: Any, skill: float) -> None:
        from plumbmark.gateway.storage import bulk
        from tasks_app.models import Item, Sample, SampleScore

        items = Item.objects.filter(version=run.task_version).order_by("position")
        ids = list(items.values_list("id", flat=True))
        at = run.finished_at
        bulk.insert(
            Sample,
            (
                *("run", "item", "repeat", "ordinal", "revision", "outcome", "is_scored"),
                *("output", "messages", "error", "input_tokens", "output_tokens", "charged"),
                *("provider_cost", "latency_ms", "finished_at", "withheld_at", "withheld_reason"),
            ),
            [
                (
                    run.pk,
                    item,
                    0,
                    n,
                    1,
                    "answered",
                    True,
                    "42",
                    None,
                    "",
                    9,
                    3,
                    0,
                    0,
                    5,
                    at,
                    None,
                    "",
                )
                for n, item in enumerate(ids)
            ],
        )
        samples = Sample.objects.filter(run=run).order_by("ordinal").values_list("id", flat=True)
        bulk.insert(
            SampleScore,
            ("scoring", "sample", "value", "answer", "explanation", "details"),
            [
                (scoring.pk, sample, float(self._chance.random() < skill), "42", "Equal.", {})
                for sample in samples
            ],
        )


@contextmanager
def _measured(name: str) -> Iterator[None]:
    """Print CPU seconds, wall seconds, queries and the peak of memory so far."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    # It keeps the last 9,000 alone, of everything before too.
    connection.queries_log.clear()
    began, at = time.process_time(), time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:<44} {time.process_time() - began:8.2f} CPU s {time.perf_counter() - at:8.2f} s "
        f"{len(queries):6} queries   peak so far {peak:6.0f} MiB",
        flush=True,
    )


def measure_board(filler: Filler, board: Any) -> None:
    from leaderboards_app.actions import refresh_board

    for name in ("board, the first time", "board, again"):
        with _measured(name):
            refresh_board(board)
    filler.add_row(board, "newcomer")
    with _measured("board, after one more row"):
        refresh_board(board)


def measure_pages(board: Any) -> None:
    """Print CPU milliseconds and queries of pages, and their ratio to the floor page."""
    from bench.pages import _queries

    run = board.entries.first().entry_runs.first().run
    pages = {
        "floor: help": "/help/",
        "home": "/",
        "benchmarks": "/benchmarks/",
        "tasks": "/tasks/",
        "large board": board.benchmark.get_absolute_url(),
        "run": run.get_absolute_url(),
        "sample": f"{run.get_absolute_url()}samples/1/",
        "a person's runs": "/people/ada/",
    }
    floor = 0.0
    for name, path in pages.items():
        ask: Callable[[], Any] = cold(caller(path))
        status, _, body = ask()
        if not status.startswith("200"):
            raise SystemExit(f"{path} answered {status}: {body[:300]!r}")
        cost = cpu_ms(ask, _REQUESTS)
        floor = floor or cost
        print(
            f"{name:<24} {cost:8.1f} CPU ms {cost / floor:7.1f} × floor {_queries(ask):4} queries"
        )


def measure_import(filler: Filler, items: int) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from plumbmark.background.work import work_on_next_job
    from tasks_app.authoring import actions, draft_jobs, drafts
    from tasks_app.models import TaskDraft
    from tests.factories import DEFINITION

    task = actions.create_task(
        namespace=filler.ada.namespace, facts=actions.TaskFacts(title="Import"), by=filler.ada
    )
    rows = "\n".join(
        json.dumps({"id": f"i{n}", "question": f"Say {n}.", "answer": str(n)}) for n in range(items)
    )
    upload = SimpleUploadedFile("items.jsonl", rows.encode())
    with _measured(f"upload of {items:,} items"):
        drafts.save_draft(task=task, definition_text=DEFINITION, upload=upload, by=filler.ada)
    draft = TaskDraft.objects.select_related("task__namespace", "data_file").get(task=task)
    draft_jobs.start_check(draft=draft, by=filler.ada)
    with _measured("job: check"):
        work_on_next_job()
    draft_jobs.start_publication(draft=draft, visibility="public", notes="", by=filler.ada)
    with _measured("job: publish"):
        job = work_on_next_job()
    assert job is not None
    job.refresh_from_db()
    if job.state != job.State.COMPLETED:
        raise SystemExit(f"the publication is {job.state}: {job.error}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--benchmarks", type=int, default=500)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--import-items", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PLUMBMARK_MAX_BENCHMARKS"] = str(options.benchmarks + 10)
        _prepare(Path(folder))
        filler = Filler(options)
        began = time.perf_counter()
        board = filler.fill()
        samples = options.rows * options.tasks * options.items
        print(f"filled: {samples:,} samples in {time.perf_counter() - began:.0f} s", flush=True)
        measure_board(filler, board)
        measure_pages(board)
        measure_import(filler, options.import_items)


if __name__ == "__main__":
    main()
