"""Workers tell what they can do, so that pages can say it and nothing waits for what is not there.

A row per process, written at its start and every few seconds after; the silent do not count.
"""

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from celery.signals import worker_ready, worker_shutdown
from django.conf import settings
from django.db import DatabaseError, connection

import plumbmark
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict
from plumbmark.common.metrics import host_name, own_counts
from plumbmark.common.models import WorkerReport
from plumbmark.sandbox import probe
from tasks_app.code_tasks.settings import KAGGLE

REPORT_SECONDS = 20.0
_COUNT_SECONDS = 2.0
SILENT_AFTER = timedelta(seconds=3 * REPORT_SECONDS)
"""A worker that reported nothing for so long is not running."""

_stopping = threading.Event()
_known = (1, float("-inf"))
"""The number of live workers, and when they were counted."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One live worker, as it reported."""

    name: str
    version: str
    sandbox: str
    """Its back end; empty where it runs no code."""
    reason: str
    """Why it runs none."""
    caveats: tuple[str, ...]
    tests: tuple[tuple[str, str], ...]
    """Each back end that was tested, with the result."""
    started_at: datetime
    seen_at: datetime
    environments: tuple[str, ...] = ()
    """Of packages that code tasks may import there."""


def workers() -> list[Worker]:
    """Return those that reported recently. One query."""
    return [
        Worker(
            name=row.name,
            version=row.platform_version,
            sandbox=row.facts.get("sandbox", ""),
            reason=row.facts.get("reason", ""),
            caveats=tuple(row.facts.get("caveats", ())),
            tests=tuple((test[0], test[1]) for test in row.facts.get("tests", ())),
            started_at=row.started_at,
            seen_at=row.seen_at,
            environments=tuple(row.facts.get("environments", ())),
        )
        for row in live_reports()
    ]


def live_reports(*, with_metrics: bool = False) -> list[WorkerReport]:
    """Return the rows of those that reported recently. What they counted is long."""
    rows = WorkerReport.objects.filter(seen_at__gt=now() - SILENT_AFTER)
    return list(rows if with_metrics else rows.defer("metrics"))


def count_live_workers() -> int:
    """Return how many worker processes reported recently; at least one is assumed."""
    rows = WorkerReport.objects.filter(seen_at__gt=now() - SILENT_AFTER)
    return max(1, rows.count())


def known_workers() -> int:
    """Return how many worker processes there were a moment ago; one query every few seconds."""
    global _known
    workers, counted_at = _known
    at = time.monotonic()
    if at - counted_at > _COUNT_SECONDS:
        workers = count_live_workers()
        _known = workers, at
    return workers


def check_answers_can_be_run() -> None:
    """Refuse with the reason where live workers are known and none of them runs code."""
    live = workers()
    if live and not any(worker.sandbox for worker in live):
        raise Conflict(
            "Answers to this task are scored by running them, and no worker here can do that: "
            f"{live[0].reason}",
            code="no-sandbox",
        )


def own_name() -> str:
    return f"{host_name()}:{os.getpid()}"


def reported_here() -> bool:
    """Return whether a worker of this machine reported recently."""
    here = WorkerReport.objects.filter(name__startswith=f"{host_name()}:")
    return here.filter(seen_at__gt=now() - SILENT_AFTER).exists()


def report() -> None:
    """Write this process's row; the first time the sandbox is tried out."""
    at = now()
    defaults = {"seen_at": at, "platform_version": plumbmark.__version__, "facts": _facts()}
    defaults["metrics"] = own_counts() if settings.METRICS_TOKEN else []
    WorkerReport.objects.update_or_create(
        name=own_name(), defaults=defaults, create_defaults={**defaults, "started_at": at}
    )


def withdraw() -> None:
    WorkerReport.objects.filter(name=own_name()).delete()
    WorkerReport.objects.filter(seen_at__lt=now() - timedelta(days=1)).delete()


def _facts() -> dict[str, Any]:
    if not settings.SANDBOX_IS_ON:
        return {"sandbox": "", "reason": "PLUMBMARK_SANDBOX is off for this worker."}
    found = probe()
    return {
        "sandbox": found.sandbox.name if found.sandbox else "",
        "reason": found.reason,
        "caveats": list(found.sandbox.caveats) if found.sandbox else [],
        "environments": [KAGGLE] if _has_environment() else [],
        "tests": [[test.back_end, test.message] for test in found.tests],
    }


def _has_environment() -> bool:
    return (Path(settings.SANDBOX_ENV_DIR) / "bin" / "python").exists()


def _keep_reporting() -> None:
    while True:
        try:
            report()
        except DatabaseError:
            # It reports again soon; work does not depend on it.
            pass
        finally:
            connection.close()
        if _stopping.wait(REPORT_SECONDS):
            return


@worker_ready.connect
def _begin(**_signal: Any) -> None:
    threading.Thread(target=_keep_reporting, name="worker-report", daemon=True).start()


@worker_shutdown.connect
def _end(**_signal: Any) -> None:
    _stopping.set()
    with contextlib.suppress(DatabaseError):
        withdraw()
