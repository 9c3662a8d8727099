"""What a community's size costs: boards, lists and large files, in a database that has grown.

    python bench/scale.py [--rows 200] [--tasks 10] [--items 1000] [--benchmarks 500]
                          [--people 5000] [--import-items 100000] [--run-items 2000] [--calls]
                          [--database sqlite|postgres|postgres://…] [--partitions 32]
                          [--objects]

Measures a run of tiny prompts in an empty database, beside bare aiohttp, and what it takes there,
table by table. Then fills the database with one board of `rows` × `tasks` × `items` samples (with
`--calls`, each with a call and its exchange), many small benchmarks and many people, by plain
inserts, and measures: the board computed from nothing, again, and with one more row; pages and
searches beside a floor page of the same run; a large file checked and published as a job does it;
and the same run again. With `--partitions`, the tables are divided then, and pages and the run are
measured again.

With `--objects`, exchanges go into an object storage in this process, whose CPU seconds are
then part of a run's.

`--database postgres` starts a server of its own, as the tests do; a database of a URL must be
empty. CPU seconds and milliseconds are this process's and the machine's; those of a PostgreSQL
server are told for runs only. Compare the ratios, and the numbers of queries.
"""

import argparse
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from bench.evaluation import cpu_seconds, measure_floor  # noqa: E402
from bench.pages import _prepare, caller, cold, cpu_ms  # noqa: E402
from tests.fake_provider.process import FakeProvider  # noqa: E402
from tests.object_server import ObjectServer  # noqa: E402
from tests.postgres import Postgres  # noqa: E402

_BATCH = 5_000
_REQUESTS = 20
_MAX_QUERIES_OF_BOARD, _MAX_QUERIES = 4, 8
_WINDOW = 64
_SUMS = """\
plumbmark: 1
data: {target: answer}
prompt:
  messages: [{role: user, content: "What is {question}? Answer with the number only."}]
sampling: {temperature: 0, max_output_tokens: 32}
scorers: [{type: exact}]
"""


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
        self._made: Any = None
        """A call of a real run with its exchange, which others repeat."""

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
        from allauth.account.models import EmailAddress

        from plumbmark.accounts.models import Namespace, User

        people = User.objects.bulk_create(
            [User(email=f"p{n}@example.org", password="!") for n in range(count)], _BATCH
        )
        Namespace.objects.bulk_create(
            [Namespace(handle=f"p{n}", user=person) for n, person in enumerate(people)], _BATCH
        )
        EmailAddress.objects.bulk_create(
            [EmailAddress(user=one, email=one.email, verified=True) for one in people], _BATCH
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
            if self._options.calls:
                self._add_calls(run)
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

    def _add_calls(self, run: Any) -> None:
        """Give each sample a call with an exchange, as the first real run has them."""
        from plumbmark.gateway.actions import open_grant
        from plumbmark.gateway.budget.ledger import _CALL_FIELDS
        from plumbmark.gateway.models import Call, Exchange
        from plumbmark.gateway.storage import bulk
        from tasks_app.models import Sample, SampleCall

        self._made = self._made or Call.objects.select_related("exchange", "deployment").first()
        made = self._made
        payer = self.ada.namespace
        grant = open_grant(
            payer=payer, subject=f"run:{run.pk}", deployments=[made.deployment], cap=None
        )
        samples = Sample.objects.filter(run=run).order_by("ordinal").values_list("id", "ordinal")
        calls = [(uuid.uuid4(), sample, ordinal) for sample, ordinal in samples]
        own = {"grant": grant.pk, "deployment": made.deployment_id, "price_card": None}
        own["ledger_line"] = made.ledger_line_id
        bulk.insert(
            Call,
            _CALL_FIELDS,
            [
                [
                    {"id": one, "key": f"{ordinal}/0", **own}.get(name, getattr(made, name, None))
                    for name in _CALL_FIELDS
                ]
                for one, _, ordinal in calls
            ],
        )
        body = bytes(made.exchange.body)
        bulk.insert(
            Exchange,
            ("call", "body", "hash", "withheld_at", "withheld_reason"),
            [
                (one, body, f"h1:{self._chance.randbytes(32).hex()}", None, "")
                for one, _, _ in calls
            ],
        )
        bulk.insert(
            SampleCall,
            ("sample", "call", "role", "position"),
            [(sample, one, "candidate", 0) for one, sample, _ in calls],
        )


class Runner:
    """Real runs of sums, by a worker in this process, against the tests' provider."""

    def __init__(self, filler: Filler, provider: FakeProvider, items: int) -> None:
        from plumbmark.gateway.actions import add_deployment, set_price, set_quota
        from tasks_app.runs.contenders import contender_of_deployment
        from tests.factories import publish_task

        self._provider = provider
        self._items = items
        self._ada = filler.ada
        set_quota(namespace=self._ada.namespace, day_cap=10**15, month_cap=10**15, by=None)
        deployment = add_deployment(
            slug="fake/arithmetic",
            provider="openai",
            upstream_id="arithmetic",
            base_url=provider.url,
            by=None,
        )
        set_price(deployment=deployment, input_per_mtok=500, output_per_mtok=500, by=None)
        self._contender = contender_of_deployment(
            deployment=deployment, configuration={}, by=self._ada
        )
        data = [
            {"question": f"{n}+{n % 97}", "answer": str(n + n % 97)} for n in range(self._items)
        ]
        self._version = publish_task(self._ada, "Sums", definition=_SUMS, data=data)
        self._work()

    def _work(self) -> Any:
        from plumbmark.gateway.calls import runtime
        from tasks_app.jobs import work
        from tasks_app.models import Run
        from tasks_app.runs.start import start_run

        run = start_run(
            version=self._version,
            contender=self._contender,
            purpose="exploratory",
            namespace=self._ada.namespace,
            by=self._ada,
        )
        while work() != "nothing due":
            pass
        # The last calls are stored and the leases returned.
        runtime.shutdown()
        run.refresh_from_db()
        if run.state != Run.State.COMPLETED:
            raise SystemExit(f"the run is {run.state}: {run.failure}")
        return run

    def measure(self, name: str) -> None:
        """Print a run's CPU for 1,000 samples beside that of bare aiohttp."""
        floor = measure_floor(self._provider, self._items, _WINDOW)["cpu"]
        began, at, before = time.process_time(), time.perf_counter(), _server_cpu()
        self._work()
        cpu = (time.process_time() - began) * 1000 / self._items
        rate = self._items / (time.perf_counter() - at)
        server = (_server_cpu() - before) * 1000 / self._items
        print(
            f"{name:<44} {cpu:8.2f} CPU s per 1,000 {cpu / floor:6.1f} × aiohttp "
            f"{rate:8.0f} a second {server:8.2f} CPU s of the server",
            flush=True,
        )


def _server_cpu() -> float:
    """Return the CPU seconds of a server of our own: of its processes, and of those that ended."""
    if not _server:
        return 0.0
    main = int((_server[0] / "data/postmaster.pid").read_text().split()[0])
    total = cpu_seconds(main)
    for path in Path("/proc").glob("[0-9]*/stat"):
        # Any process may end meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            if path.read_text().rpartition(")")[2].split()[1] == str(main):
                total += cpu_seconds(int(path.parent.name))
    return total


_server: list[Path] = []
"""The folder of our own server, if there is one."""


# --- bytes --------------------------------------------------------------------------------------


def table_sizes() -> dict[str, tuple[int, int]]:
    """Return the bytes of each table and those of its indexes."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT coalesce(i.inhparent, c.oid)::regclass::text, sum(pg_table_size(c.oid)), "
                "sum(pg_indexes_size(c.oid)) FROM pg_class c "
                "LEFT JOIN pg_inherits i ON i.inhrelid = c.oid "
                "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1"
            )
        else:
            cursor.execute(
                "SELECT m.tbl_name, sum(CASE WHEN m.type = 'table' THEN s.pgsize ELSE 0 END), "
                "sum(CASE WHEN m.type = 'index' THEN s.pgsize ELSE 0 END) "
                "FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY 1"
            )
        return {name: (int(rows), int(indexes)) for name, rows, indexes in cursor.fetchall()}


def print_sizes(before: dict[str, tuple[int, int]], samples: int) -> None:
    """Print what each table grew by for a sample; tables with less than a byte are one line."""
    grown = {
        name: (rows - before.get(name, (0, 0))[0], indexes - before.get(name, (0, 0))[1])
        for name, (rows, indexes) in table_sizes().items()
    }
    print(f"\nbytes a sample{'':<18} rows  indexes    all")
    rest = 0
    for name, (rows, indexes) in sorted(grown.items(), key=lambda one: -sum(one[1])):
        if rows + indexes < samples:
            rest += rows + indexes
            continue
        print(
            f"{name:<28} {rows / samples:8.0f} {indexes / samples:8.0f} "
            f"{(rows + indexes) / samples:6.0f}"
        )
    total = sum(rows + indexes for rows, indexes in grown.values())
    print(f"{'others':<28} {'':17} {rest / samples:6.0f}")
    print(f"{'all':<28} {'':17} {total / samples:6.0f}\n", flush=True)


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
    from leaderboards_app.standings.actions import refresh_board

    for name in ("board, the first time", "board, again"):
        with _measured(name):
            refresh_board(board)
    filler.add_row(board, "newcomer")
    with _measured("board, after one more row"):
        refresh_board(board)


def measure_pages(board: Any) -> None:
    """Print CPU milliseconds and queries of pages, and their ratio to the floor page."""
    from bench.pages import _queries

    floor = 0.0
    for name, path in _pages_of(board).items():
        address, _, query = path.partition("?")
        ask: Callable[[], Any] = cold(caller(address, QUERY_STRING=query))
        status, _, body = ask()
        if not status.startswith("200"):
            raise SystemExit(f"{path} answered {status}: {body[:300]!r}")
        cost, queries = cpu_ms(ask, _REQUESTS), _queries(ask)
        floor = floor or cost
        most = _MAX_QUERIES_OF_BOARD if name == "large board" else _MAX_QUERIES
        excess = "" if queries <= most else f", more than {most}"
        print(
            f"{name:<24} {cost:8.1f} CPU ms {cost / floor:7.1f} × floor {queries:4} queries{excess}"
        )


def _pages_of(board: Any) -> dict[str, str]:
    """Return public pages and what programs read in their place, by name; the floor first."""
    from leaderboards_app.models import Standings

    benchmark = board.benchmark
    snapshot = Standings.objects.filter(version=board).latest("number")
    entries = list(board.entries.order_by("pk")[:2])
    runs = [entry.entry_runs.order_by("pk").first().run for entry in entries]
    ids = ",".join(entry.contender.public_id for entry in entries)
    compared = ",".join(str(run.pk) for run in runs)
    task = runs[0].task_version.task
    standings, api = f"/standings/{snapshot.public_id}/", "/api/v1/"
    return {
        "floor: help": "/help/",
        "home": "/",
        "benchmarks": "/benchmarks/",
        "tasks": "/tasks/",
        "models": "/models/",
        "large board": benchmark.get_absolute_url(),
        "board, your weights": f"{benchmark.get_absolute_url()}?weights=task-1:2",
        "board, filtered": f"{benchmark.get_absolute_url()}?q=model-00",
        "history": f"{benchmark.get_absolute_url()}history/",
        "changes": f"{standings}changes/",
        "weights": f"{standings}weights/",
        "other scorings": f"{standings}scorings/",
        "citing": f"{standings}cite/",
        "frame": f"{standings}embed/",
        "choice of rows": f"{standings}compare/",
        "rows compared": f"{standings}compare/?rows={ids}",
        "runs compared": f"/compare/?runs={compared}",
        "an item compared": f"/compare/items/1/?runs={compared}",
        "task": task.get_absolute_url(),
        "run": runs[0].get_absolute_url(),
        "sample": f"{runs[0].get_absolute_url()}samples/1/",
        "a person": "/people/ada/",
        "feed of a benchmark": f"{benchmark.get_absolute_url()}feed.atom",
        "API: benchmarks": f"{api}benchmarks",
        "API: standings": f"{api}standings/{snapshot.public_id}",
        "API: a run": f"{api}runs/{runs[0].pk}",
        "API: samples": f"{api}runs/{runs[0].pk}/samples",
        "API: tasks": f"{api}tasks",
        "API: highlights": f"{api}highlights",
    }


def measure_search() -> None:
    """Print the 95th percentile of searches, of many words, beside that of the floor page."""
    from leaderboards_app.search.actions import repair_index

    with _measured("index of the search, made from nothing"):
        repair_index()
    floor = _p95([caller("/help/")])
    for name, words in _SEARCHES.items():
        for page in ("/search/", "/search/suggestions/"):
            asks = [caller(page, QUERY_STRING=urlencode({"q": one})) for one in words]
            cost = _p95(asks)
            print(f"{page} {name:<28} p95 {cost:8.1f} CPU ms {cost / floor:7.1f} × floor")


def _p95(asks: Sequence[Callable[[], Any]]) -> float:
    """Return the 95th percentile of CPU milliseconds; nothing is kept between requests."""
    times = [cpu_ms(cold(ask), 1) for _ in range(_REQUESTS) for ask in asks]
    return statistics.quantiles(times, n=20)[-1]


_SEARCHES = {
    "a word of a title": ["large", "small 17", "task 3", "model"],
    "a word of many titles": ["small", "s", "task"],
    "a word of texts": ["measured", "answer", "what is"],
    "a handle": ["ada", "p17", "p4999"],
    "slips": ["smalll", "larg e", "tsak", "lrage"],
    "nothing": ["zzzz", "nothing of it", "qqq www eee"],
}


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


@contextmanager
def _database(given: str) -> Iterator[str]:
    """Yield the URL of the database; empty: SQLite in the state folder."""
    if given == "sqlite":
        yield ""
    elif given == "postgres":
        with Postgres() as server:
            _server.append(server.folder)
            yield server.url
    else:
        yield given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--benchmarks", type=int, default=500)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--import-items", type=int, default=100_000)
    parser.add_argument("--run-items", type=int, default=2000)
    parser.add_argument("--calls", action="store_true")
    given = os.environ.get("PLUMBMARK_DATABASE_URL", "sqlite")
    parser.add_argument("--database", default=given)
    parser.add_argument("--partitions", type=int, default=0)
    parser.add_argument("--objects", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        _database(options.database) as url,
        FakeProvider() as provider,
        ObjectServer() if options.objects else nullcontext() as objects,
    ):
        if objects is not None:
            os.environ.update(objects.environment("bench"))
        os.environ["PLUMBMARK_MAX_BENCHMARKS"] = str(options.benchmarks + 10)
        os.environ["PLUMBMARK_DATABASE_URL"] = url
        _prepare(Path(folder))
        try:
            measure(options, provider)
        finally:
            from django.db import connections

            connections.close_all()


def measure(options: argparse.Namespace, provider: FakeProvider) -> None:
    filler = Filler(options)
    runner = Runner(filler, provider, options.run_items)
    _vacuum()
    before = table_sizes()
    runner.measure("run, empty database")
    _vacuum()
    print_sizes(before, options.run_items)
    before = table_sizes()
    began = time.perf_counter()
    board = filler.fill()
    samples = options.rows * options.tasks * options.items
    print(f"filled: {samples:,} samples in {time.perf_counter() - began:.0f} s", flush=True)
    _vacuum()
    print_sizes(before, samples)
    measure_board(filler, board)
    measure_pages(board)
    measure_search()
    measure_import(filler, options.import_items)
    runner.measure("run, after all this")
    if options.partitions:
        from django.core.management import call_command

        with _measured("divide the tables"):
            call_command("partition_tables", "--partitions", str(options.partitions))
        _vacuum()
        measure_pages(board)
        runner.measure("run, tables in partitions")


def _vacuum() -> None:
    """Let sizes be those of rows that are there, and the planner know them."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


if __name__ == "__main__":
    main()
