"""What a board costs the web process: a page of 200 rows, rendered, kept and answered with a 304.

    python bench/pages.py [--rows 200] [--requests 200]

The whole WSGI application is called in this process, middleware included, without a network. CPU
milliseconds per request are the machine's; beside them stands a floor, so that runs on different
machines can be compared: the same snapshot's rows, one query, as 8 plain columns of a Django
template without a frame. The bars are at most 10 ms uncached, where such a floor took 21 ms, 1 ms
for a 304 and 10 KB gzipped, at most 4 queries.
"""

import argparse
import io
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from plumbmark.scoring.intervals import wilson  # noqa: E402

_HOST = "127.0.0.1"


def _prepare(state: Path) -> None:
    os.environ["PLUMBMARK_STATE_DIR"] = str(state)
    os.environ["DJANGO_SETTINGS_MODULE"] = "plumbmark.config.settings"
    os.environ["PLUMBMARK_SITE_URL"] = f"http://{_HOST}"
    from django.conf import settings

    # Hashed names would need `collectstatic`; what they cost is one look into a dictionary.
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.STATIC_ROOT = state / "static"
    settings.STATIC_ROOT.mkdir()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


_ITEMS = 1319


def _row(number: int, right: int, chance: random.Random, tasks: int) -> dict[str, Any]:
    """Return a row of the board: `right` of the items are right, all else is random."""
    value = right / _ITEMS
    interval = wilson(right, _ITEMS)
    low, high = interval.low, interval.high
    kind = "baseline" if number % 50 == 7 else "run"
    rank = {
        "best": number + 1,
        "worst": number + 4,
        "above": 0,
        "below": 0,
        "sole_first": False,
        "coverage_differs": False,
    }
    return {
        "entry": number,
        "contender": {
            "id": f"{number:012d}",
            "label": f"Model {chance.choice('ABCDEFGH')}{number} ({chance.randint(1, 400)}B)",
            "maker": f"Maker {number % 17}",
            "kind": kind,
            "model": None,
        },
        "by": None,
        "status": "reference" if kind == "baseline" else "ranked",
        "reason": "",
        "score": {
            "value": value,
            "low": low,
            "high": high,
            "method": "wilson",
            "items": _ITEMS,
            "repeats": 1,
            "clusters": _ITEMS,
            "scored": _ITEMS,
            "unscored": 0,
            "effective": float(_ITEMS),
            "worst": value,
            "best": value,
        },
        "ranks": {"platform": None if kind == "baseline" else rank, "all": rank},
        "tasks": [
            {
                "state": "completed",
                "runs": [10_000 + number * tasks + task],
                "value": value,
                "low": low,
                "high": high,
                "unscored": 0,
            }
            for task in range(tasks)
        ],
        "cost_per_item": chance.randint(10_000, 90_000_000),
        "median_latency_ms": chance.randint(200, 9_000),
        "date": f"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        "attempts": number % 4 + 1,
        "declared": 1,
        "model_changed": False,
    }


def make_board(rows: int, tasks: int = 1) -> str:
    """Publish a benchmark with a snapshot of `rows` rows; return its path."""
    from django.utils import timezone

    from benchmarks_app.models import Benchmark, BenchmarkVersion
    from leaderboards_app.models import Standings
    from plumbmark.accounts.actions import open_account

    user = open_account(
        handle="bench",
        email="bench@example.org",
        password="correct horse battery staple",
        is_confirmed=True,
    )
    chance = random.Random(20261121)
    metric = {
        "name": "accuracy",
        "direction": "higher",
        "unit": "share",
        "lower": 0.0,
        "upper": 1.0,
    }
    content = {
        "metric": metric,
        "tasks": [
            {
                "handle": "bench",
                "slug": f"task-{task}",
                "number": 1,
                "title": f"Task {task}",
                "items": _ITEMS,
                "private_items": 0,
                "weight": 1 / tasks,
                "metric": metric,
            }
            for task in range(tasks)
        ],
        "rows": [
            _row(number, right, chance, tasks)
            for number, right in enumerate(
                sorted((chance.randint(260, 1250) for _ in range(rows)), reverse=True)
            )
        ],
    }
    benchmark = Benchmark.objects.create(
        namespace=user.namespace,
        slug="board",
        title="Board",
        claim="What a board of many rows costs.",
        visibility="public",
        created_by=user,
    )
    version = BenchmarkVersion.objects.create(
        benchmark=benchmark,
        number=1,
        state=BenchmarkVersion.State.PUBLISHED,
        published_at=timezone.now(),
        created_by=user,
        card={"measures": "Sums.", "limits": "Small numbers only."},
    )
    benchmark.latest_version = benchmark.board_version = version
    benchmark.save()
    Standings.objects.create(
        version=version, number=1, content_hash="h1:0", content=content, row_count=rows
    )
    return benchmark.get_absolute_url()


def caller(path: str, **headers: str) -> Callable[[], tuple[str, dict[str, str], bytes]]:
    """Return a function that requests a path from the WSGI application once."""
    from plumbmark.config.wsgi import application

    def ask() -> tuple[str, dict[str, str], bytes]:
        said: list[Any] = []
        environment = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": _HOST,
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": _HOST,
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
            **headers,
        }
        answer = application(environment, lambda status, sent: said.extend((status, dict(sent))))
        body = b"".join(answer)
        answer.close()  # type: ignore[attr-defined]
        return said[0], said[1], body

    return ask


def sign_in() -> str:
    """Return a session of the benchmark's owner, as a cookie."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from plumbmark.accounts.models import User
    from plumbmark.accounts.sessions import SessionStore

    user = User.objects.get()
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def cold(ask: Callable[[], Any]) -> Callable[[], Any]:
    """Return the same with all of the process's caches of a snapshot and of its page emptied."""
    from leaderboards_app.board import snapshots
    from plumbmark.web.page_cache import page_cache

    def forgetful() -> Any:
        snapshots.forget_snapshots()
        page_cache.clear()
        return ask()

    return forgetful


def cpu_ms(ask: Callable[[], Any], times: int) -> float:
    before = time.thread_time()
    for _ in range(times):
        ask()
    return 1000 * (time.thread_time() - before) / times


_PLAIN = """{% load humanize %}<table>{% for a, b, c, d, e, f, g, h in rows %}<tr><td>{{ a }}</td>
<td>{{ b }}</td><td>{{ c|floatformat:2 }}</td><td>{{ d|floatformat:2 }}</td>
<td>{{ e|floatformat:2 }}</td><td>{{ f|intcomma }}</td><td>{{ g|intcomma }}</td><td>{{ h }}</td>
{% endfor %}</table>"""


def floor() -> Callable[[], str]:
    """Return a board as one would first write it: rows as tuples, figures by filters."""
    from django.template import Context, Engine

    from leaderboards_app.models import Standings

    engine = Engine(libraries={"humanize": "django.contrib.humanize.templatetags.humanize"})
    template = engine.from_string(_PLAIN)

    def ask() -> str:
        content = Standings.objects.values_list("content", flat=True).get()
        rows = [
            (
                row["entry"],
                row["contender"]["label"],
                100 * row["score"]["value"],
                100 * row["score"]["low"],
                100 * row["score"]["high"],
                row["cost_per_item"],
                row["median_latency_ms"],
                row["date"],
            )
            for row in content["rows"]
        ]
        return template.render(Context({"rows": rows}))

    return ask


def metrics_us(times: int = 20_000) -> float:
    """Return the microseconds of processor time that counting one request takes."""
    from django.http import HttpRequest, HttpResponse
    from django.urls import resolve

    from plumbmark.web.request_metrics import RequestMetrics

    request, response = HttpRequest(), HttpResponse()
    request.method, request.path_info = "GET", "/"
    request.resolver_match = resolve("/")
    middleware = RequestMetrics(lambda _request: response)
    middleware(request)
    before = time.thread_time()
    for _ in range(times):
        middleware(request)
    return 1e6 * (time.thread_time() - before) / times


def _queries(ask: Callable[[], Any]) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as found:
        ask()
    return len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--tasks", type=int, default=1)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _prepare(Path(folder))
        path = make_board(options.rows, options.tasks)
        page = caller(path)
        status, headers, body = page()
        if not status.startswith("200"):
            raise SystemExit(f"{path} answered {status}: {body[:500]!r}")
        unchanged = caller(path, HTTP_IF_NONE_MATCH=headers["ETag"])
        if body.count(b"<tr") < options.rows:
            raise SystemExit(f"{path} shows no board of {options.rows} rows")
        if not unchanged()[0].startswith("304"):
            raise SystemExit(f"no 304 but {unchanged()[0]}")
        packed = caller(path, HTTP_ACCEPT_ENCODING="gzip")
        person = caller(path, HTTP_COOKIE=sign_in())
        if b"bench@example.org" not in person()[2]:
            raise SystemExit("the session was not taken for a person's")
        print(
            f"board of {options.rows} rows, {options.tasks} task(s): "
            f"{len(body) / 1000:.1f} KB, {len(packed()[2]) / 1000:.1f} KB gzipped, "
            f"{_queries(cold(page))} queries, {_queries(unchanged)} for a 304, "
            f"{_queries(person)} for a person"
        )
        asked = {
            "floor, no frame": floor(),
            "first sight": cold(page),
            "again, a person": person,
            "again": page,
            "again, gzipped": packed,
            "304": unchanged,
        }
        # In turns, so that an hour in which the machine is slow slows them all.
        times = max(1, options.requests // options.rounds)
        spent: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(options.rounds):
            for name, ask in asked.items():
                ask()
                spent[name].append(cpu_ms(ask, times))
        plain = spent["floor, no frame"]
        for name, each in spent.items():
            share = statistics.median(one / beside for one, beside in zip(each, plain, strict=True))
            print(f"{name:16} {statistics.median(each):6.2f} ms CPU ({share:.2f} of the floor)")
        counting = metrics_us()
        shares = ", ".join(
            f"{counting / 10 / statistics.median(spent[name]):.2f} % of {name!r}"
            for name in ("again, a person", "again", "304")
        )
        print(f"counting a request for /metrics: {counting:.1f} µs CPU ({shares})")
        from django.db import connections

        connections.close_all()


if __name__ == "__main__":
    main()
