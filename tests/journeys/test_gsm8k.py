"""GSM8K through the public API and the gateway, with real web, worker and scheduler processes.

Three ways to the same figures: submitted outputs; a provider that answers with the recorded
outputs; the same provider with faults, while processes are killed at random.
"""

import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_provider.process import FakeProvider, digest_of
from tests.gsm8k import CARD, DEFINITION, ITEMS, RIGHT, outputs_file, problems, solutions
from tests.postgres import new_database
from tests.redis_server import RedisServer
from tests.stack import Api, Stack

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

_QUOTA = {"quota_day_usd": "1000", "quota_month_usd": "10000"}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


def publish_task(api: Api) -> dict[str, Any]:
    task = api.post("tasks", {"title": "GSM8K", "licence": "MIT"})
    api.send(
        "PUT",
        f"tasks/{task['id']}/draft",
        {"definition": DEFINITION, "format": "yaml"},
        {"data_file": ("test.jsonl", problems())},
    )
    checked = api.post(f"tasks/{task['id']}/draft/check")
    assert checked["items"] == ITEMS
    version: dict[str, Any] = api.post(f"tasks/{task['id']}/publish", {"visibility": "public"})
    return version


def publish_benchmark(api: Api, version: dict[str, Any]) -> str:
    benchmark = api.post(
        "benchmarks", {"title": "School maths", "claim": "Word problems solved to the number."}
    )
    api.put(
        f"benchmarks/{benchmark['id']}/draft",
        {"tasks": [{"task_version": version["id"]}], "card": CARD},
    )
    published = api.post(f"benchmarks/{benchmark['id']}/publish", {"visibility": "public"})
    return str(published["id"])


def board(api: Api, version_id: str, rows: int) -> list[dict[str, Any]] | None:
    """Return the ranked rows once there are so many, else None."""
    try:
        content = api.get(f"benchmark-versions/{version_id}/leaderboard")["content"]
    except AssertionError:
        return None
    ranked = [row for row in content["rows"] if row["status"] == "ranked"]
    return ranked if len(ranked) == rows else None


def finish(stack: Stack, api: Api, runs: list[int]) -> None:
    def are_done() -> bool:
        states = [api.get(f"runs/{run}")["state"] for run in runs]
        assert "failed" not in states, [api.get(f"runs/{run}")["failure"] for run in runs]
        return all(state == "completed" for state in states)

    stack.wait_for(are_done)


def check_board(rows: list[dict[str, Any]], scope: str) -> None:
    by_label = {row["contender"]["label"]: row for row in rows}
    assert {label: round(row["score"]["value"] * ITEMS) for label, row in by_label.items()} == RIGHT
    for label, row in by_label.items():
        assert row["score"]["value"] == pytest.approx(RIGHT[label] / ITEMS, abs=1e-12)
        assert row["score"]["method"] == "wilson"
        assert row["score"]["items"] == ITEMS
        assert row["score"]["unscored"] == 0
    percent = [round(100 * by_label[label]["score"]["value"], 2) for label in RIGHT]
    assert percent == [56.25, 39.04, 34.72, 21.68]
    ranks = [
        (by_label[label]["ranks"][scope]["best"], by_label[label]["ranks"][scope]["worst"])
        for label in RIGHT
    ]
    assert ranks == [(1, 1), (2, 2), (3, 3), (4, 4)]


def check_samples(api: Api, runs: dict[str, int]) -> None:
    """Check that every sample agrees with the data's own verdict."""
    agreed = 0
    for label, run in runs.items():
        samples = api.pages(f"runs/{run}/samples?limit=1000")
        assert len(samples) == ITEMS
        for sample, row in zip(samples, solutions(), strict=True):
            assert sample["value"] == float(row[label]["is_correct"]), (label, sample)
            agreed += 1
    assert agreed == ITEMS * len(runs)


def answers() -> dict[str, dict[str, str]]:
    return {
        model: {digest_of(row["question"]): row[model]["solution"] for row in solutions()}
        for model in RIGHT
    }


_LEDGER = """
import json
from django.db.models import Count, Sum
from plumbmark.gateway.models import Budget, BudgetLease, Call, LedgerLine
from tasks_app.models import Run, Sample, SampleCall
answered = Call.objects.filter(status="answered", is_duplicate=False)
print(json.dumps({
    "charged": Call.objects.aggregate(s=Sum("charged"))["s"],
    "lines": LedgerLine.objects.aggregate(s=Sum("charged"))["s"],
    "runs": Run.objects.aggregate(s=Sum("charged"))["s"],
    "samples": Sample.objects.aggregate(s=Sum("charged"))["s"],
    "spent": list(Budget.objects.values_list("spent", flat=True)),
    "reserved": sum(Budget.objects.values_list("reserved", flat=True)),
    "leases": BudgetLease.objects.filter(amount__gt=0).count(),
    "answered": answered.count(),
    "exchanges": Call.objects.filter(status="answered", exchange__isnull=False).count(),
    "all_answered": Call.objects.filter(status="answered").count(),
    "keys_twice": answered.values("grant", "key").annotate(n=Count("id")).filter(n__gt=1).count(),
    "linked": SampleCall.objects.filter(call_id__in=answered.values("id")).count(),
}))
"""


def check_ledger(stack: Stack) -> dict[str, Any]:
    """Check that reserved money is back, and every sum is the same to the nanodollar."""

    def is_settled() -> bool:
        # Records follow their answers within a flush; leases go back when a process is idle.
        found = stack.shell(_LEDGER)
        # Of a sleeper's answers that came before their successors' too, which the sweep links.
        is_stored = min(found["answered"], found["linked"]) >= ITEMS * len(RIGHT)
        return bool(is_stored and found["reserved"] == 0 and found["leases"] == 0)

    stack.wait_for(is_settled)
    found: dict[str, Any] = stack.shell(_LEDGER)
    assert found["answered"] == ITEMS * len(RIGHT)
    assert found["exchanges"] == found["all_answered"]
    assert found["keys_twice"] == 0
    assert found["linked"] == ITEMS * len(RIGHT)
    assert found["charged"] == found["lines"] == found["runs"] == found["samples"]
    assert set(found["spent"]) == {found["charged"]}
    return found


def test_submitted_outputs_give_the_known_board(tmp_path: Path) -> None:
    with Stack(tmp_path / "state") as stack:
        for name in ("web", "beat", "worker1"):
            stack.start(name)
        api = stack.account("ada")
        version = publish_task(api)
        benchmark = publish_benchmark(api, version)

        runs = {}
        for model in RIGHT:
            run = api.send(
                "POST",
                f"task-versions/{version['id']}/submissions",
                {"model_name": model},
                {"file": (f"{model}.jsonl", outputs_file(model))},
            )
            runs[model] = run["id"]
            api.post(f"benchmark-versions/{benchmark}/entries", {"contender": run["contender"]})
        finish(stack, api, list(runs.values()))
        stack.wait_for(lambda: board(api, benchmark, len(RIGHT)) is not None)

        rows = board(api, benchmark, len(RIGHT))
        assert rows is not None
        check_board(rows, "all")
        assert all(row["ranks"]["platform"] is None for row in rows)
        check_samples(api, runs)


def start_models(
    stack: Stack, api: Api, provider: FakeProvider, benchmark: str, deadline: float | None = None
) -> dict[str, int]:
    contenders = {}
    for model in RIGHT:
        slug = stack.add_model(model, provider.url, deadline=deadline)
        contender = api.post("contenders", {"deployment": slug})
        contenders[contender["id"]] = model
    body = {"contenders": list(contenders)}
    missing = api.post(f"benchmark-versions/{benchmark}/missing", body)
    assert len(missing) == len(RIGHT)
    assert all(cell["cost_bound_nanodollars"] > 0 for cell in missing)
    started = api.post(f"benchmark-versions/{benchmark}/start-missing", body)
    return {contenders[api.get(f"runs/{run}")["contender"]]: run for run in started["runs"]}


@pytest.fixture(params=["sqlite and files", "postgres and redis"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the embedded default, and what production runs on."""
    if request.param == "sqlite and files":
        yield {}
        return
    with new_database() as database_url, RedisServer(tmp_path / "redis") as redis:
        yield {"database_url": database_url, "redis_url": redis.url}


@pytest.mark.postgres
@pytest.mark.redis
def test_a_provider_with_the_recorded_outputs_gives_the_same_board(
    tmp_path: Path, provider: FakeProvider, services: dict[str, str]
) -> None:
    provider.configure(latency_ms=20, answers=answers())
    with Stack(tmp_path / "state", **services, **_QUOTA) as stack:
        for name in ("web", "beat", "worker1"):
            stack.start(name)
        api = stack.account("ada")
        benchmark = publish_benchmark(api, publish_task(api))

        runs = start_models(stack, api, provider, benchmark)
        finish(stack, api, list(runs.values()))
        stack.wait_for(lambda: board(api, benchmark, len(RIGHT)) is not None)

        rows = board(api, benchmark, len(RIGHT))
        assert rows is not None
        check_board(rows, "platform")
        check_samples(api, runs)
        check_ledger(stack)
        assert provider.stats()["total"] == ITEMS * len(RIGHT)
        sample = api.get(f"runs/{runs['175b_verification']}/samples/0")
        assert sample["calls"][0]["request"]["messages"] == sample["messages"]
        assert (
            sample["calls"][0]["response"]["choices"][0]["message"]["content"] == sample["output"]
        )


def test_faults_and_kills_change_no_figure(tmp_path: Path, provider: FakeProvider) -> None:
    seed = 20261121
    faults = {"429": 0.02, "500": 0.02, "drop": 0.02, "truncate": 0.02, "stall": 0.02}
    # Slow enough that even a fast machine is still at work when the kills come: two windows of 32
    # need at least 8 s for 5,276 answers.
    provider.configure(latency_ms=100, answers=answers(), faults=faults, seed=seed, retry_after=0.2)
    chance = random.Random(seed)
    with Stack(
        tmp_path / "state",
        **_QUOTA,
        work_lease_seconds="4",
        budget_lease_seconds="6",
        worker_window="32",
    ) as stack:
        for name in ("web", "beat", "worker1", "worker2"):
            stack.start(name)
        api = stack.account("ada")
        benchmark = publish_benchmark(api, publish_task(api))

        runs = start_models(stack, api, provider, benchmark, deadline=1.0)
        kills = slept = 0
        ends = time.monotonic() + 240
        while time.monotonic() < ends:
            time.sleep(chance.uniform(0.4, 1.2))
            states = [api.get(f"runs/{run}")["state"] for run in runs.values()]
            if all(state == "completed" for state in states):
                break
            if kills == 2 and not slept:
                # Asleep for longer than its lease: what it wakes with must change nothing.
                stack.kill("worker2", signal.SIGSTOP)
                time.sleep(6)
                stack.kill("worker2", signal.SIGCONT)
                slept = 1
            elif kills < 8:
                name = chance.choice(["worker1", "worker2", "worker1", "worker2", "web", "beat"])
                stack.kill(name)
                kills += 1
                stack.start(name)
        finish(stack, api, list(runs.values()))
        # Who is retried may meet a fault again, or a machine that is too busy for the deadline.
        for _ in range(5):
            for run in runs.values():
                if api.get(f"runs/{run}")["samples_unscored"]:
                    api.post(f"runs/{run}/retry")
            finish(stack, api, list(runs.values()))

        stack.wait_for(lambda: board(api, benchmark, len(RIGHT)) is not None)
        rows = board(api, benchmark, len(RIGHT))
        assert rows is not None
        assert kills >= 3
        assert slept
        check_board(rows, "platform")
        check_samples(api, runs)
        check_ledger(stack)
        stats = provider.stats()
        # One window per worker process, of which two at a time are alive.
        excess = stats["total"] - ITEMS * len(RIGHT) - sum(stats["faults"].values())
        assert excess <= 32 * (kills + slept), json.dumps(stats)
