"""Runs of programs on boards: their own items, their own counts, and never a made-up interval."""

import json
from typing import Any

import pytest

from benchmarks_app.actions.entries import enter
from leaderboards_app.models import Standings
from plumbmark.gateway.models import Deployment
from tasks_app.models import Contender, ProgramReport, Run, SampleScore, Scoring
from tasks_app.workers import sandbox as sandboxing
from tests.factories import publish_benchmark, settle
from tests.oracles import contingency_tables, proportion, stats
from tests.scoring.test_aggregates import score_limits
from tests.tasks.code_tasks.test_runs import ASKING, log_of, published

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not sandboxing.is_here(), reason="no sandbox holds on this machine"),
]

WRITING = """
import json, os
model = os.environ["LLM_DEFAULT"]
results = {results}
with open("plumbmark.result.json", "w") as file:
    json.dump({{"plumbmark": 1, **results[model.rpartition("/")[2]]}}, file)
"""


def board_of(world: Any, *tasks: dict[str, Any], settings_text: str = "") -> dict[str, Any]:
    """Return the rows of a board by their model: each task is what its program writes for which
    model.
    """
    versions = []
    for results in tasks:
        # JSON's null and true are no Python.
        code = WRITING.format(results=f"json.loads({json.dumps(json.dumps(results))})")
        versions.append(published(world, code, settings_text=settings_text))
    board = publish_benchmark(world.ada, versions, title=f"Board {versions[0].pk}")
    for name in sorted(tasks[0]):
        contender = contender_of(world, name)
        enter(version=board, contender=contender, by=world.ada)
        for version in versions:
            world.start(version, contender, purpose="declared")
    settle()
    for run in Run.objects.filter(task_version__in=versions):
        assert run.state == Run.State.COMPLETED, (run.failure, log_of(run))
    content = Standings.objects.filter(version=board).latest("number").content
    return {row["contender"]["label"].rpartition("/")[2]: row for row in content["rows"]}


def contender_of(world: Any, name: str) -> Contender:
    known = Deployment.objects.filter(slug=f"fake/{name}").first()
    found: Contender = world.contender_of(known or world.add_deployment(name))
    return found


def samples(right: set[int], count: int = 40, missing: frozenset[int] = frozenset()) -> Any:
    return [{"id": f"q{n}", "score": None if n in missing else n in right} for n in range(count)]


def test_samples_with_ids_are_the_items_and_are_compared_by_their_ids(
    world: Any, gateway: None
) -> None:
    rows = board_of(
        world,
        {
            "one": {"samples": samples(set(range(36)))},
            "two": {"samples": list(reversed(samples(set(range(20)))))},
            "three": {"samples": samples(set(range(34)))},
        },
    )

    one, two, three = (rows[name] for name in ("one", "two", "three"))
    assert one["score"]["items"] == 40
    assert one["score"]["method"] == "wilson"
    low, high = proportion.proportion_confint(36, 40, method="wilson")
    assert (one["score"]["low"], one["score"]["high"]) == pytest.approx((low, high))
    # 16 questions tell one from two and none the other way; two tell one from three.
    mcnemar = contingency_tables.mcnemar
    assert mcnemar([[20, 16], [0, 4]]).pvalue < 0.05 / 3 < mcnemar([[34, 2], [0, 4]]).pvalue
    assert (one["ranks"]["platform"]["best"], one["ranks"]["platform"]["worst"]) == (1, 2)
    assert (three["ranks"]["platform"]["best"], three["ranks"]["platform"]["worst"]) == (1, 2)
    assert (two["ranks"]["platform"]["best"], two["ranks"]["platform"]["worst"]) == (3, 3)
    # The run's own page says the same.
    scoring = Scoring.objects.get(run_id=one["tasks"][0]["runs"][0])
    assert scoring.estimate is not None
    assert (scoring.estimate["low"], scoring.estimate["high"]) == pytest.approx((low, high))
    assert one["tasks"][0]["low"] == pytest.approx(low)


def test_a_count_has_wilsons_interval_and_tells_nobody_apart(world: Any, gateway: None) -> None:
    rows = board_of(
        world,
        {
            "one": {"score": {"passed": 40, "of": 40}},
            "two": {"score": {"passed": 3, "of": 40}},
        },
    )

    score = rows["two"]["score"]
    low, high = proportion.proportion_confint(3, 40, method="wilson")
    assert (score["value"], score["items"]) == (pytest.approx(3 / 40), 40)
    assert (score["low"], score["high"]) == pytest.approx((low, high))
    # Which questions they were is not known, so nothing can be paired.
    for name in rows:
        rank = rows[name]["ranks"]["platform"]
        assert (rank["best"], rank["worst"]) == (1, 2)


def test_a_number_has_the_interval_that_the_program_tells_or_none(
    world: Any, gateway: None
) -> None:
    rows = board_of(
        world,
        {
            "one": {"score": 0.5, "interval": {"low": 0.4, "high": 0.7}},
            "two": {"score": 0.5},
        },
    )

    told, bare = rows["one"]["score"], rows["two"]["score"]
    assert (told["method"], told["low"], told["high"]) == ("reported", 0.4, 0.7)
    assert (bare["method"], bare["low"], bare["high"]) == ("none", None, None)


def test_a_sample_without_a_score_is_unscored_and_not_wrong(world: Any, gateway: None) -> None:
    rows = board_of(
        world,
        {"one": {"samples": samples(set(range(30)), missing=frozenset(range(36, 40)))}},
    )

    row = rows["one"]
    assert row["status"] == "incomplete"
    assert row["score"]["unscored"] == 4
    assert row["score"]["value"] == pytest.approx(30 / 36)
    assert row["score"]["worst"] == pytest.approx(30 / 40)
    assert row["score"]["best"] == pytest.approx(34 / 40)


def test_a_score_that_is_no_mean_does_not_borrow_its_samples_interval(
    world: Any, gateway: None
) -> None:
    rows = board_of(world, {"one": {"score": 0.1, "samples": samples(set(range(36)))}})

    score = rows["one"]["score"]
    assert (score["value"], score["low"], score["method"]) == (0.1, None, "none")


def test_several_tasks_join_items_and_counts(world: Any, gateway: None) -> None:
    rows = board_of(
        world,
        {"one": {"samples": samples(set(range(20)))}},
        {"one": {"score": {"passed": 30, "of": 40}}},
        settings_text="metric: {name: accuracy, lower: 0, upper: 1}",
    )

    score = rows["one"]["score"]
    assert score["value"] == pytest.approx((20 / 40 + 30 / 40) / 2)
    assert score["items"] == 80
    # Two independent strata of equal weight.
    limits = score_limits([20 / 40, 30 / 40], [40, 40], [0.5, 0.5], stats.norm.ppf(0.975))
    assert (score["low"], score["high"]) == pytest.approx(limits, abs=0.0015)
    assert score["method"] == "wilson-stratified"


ROWS = """\
import kaggle_benchmarks as kbench
import pandas as pd

@kbench.task(name="Row", store_task=False)
def row(llm, a: int) -> bool:
    return llm.prompt(f"What is {a}+{a}?") == str(2 * a)

@kbench.task(name="Sums")
def sums(llm) -> float:
    data = pd.DataFrame({"a": range(6)}, index=[f"sum-{a}" for a in range(6)])
    runs = row.evaluate(llm=[llm], evaluation_data=data, n_jobs=2)
    return sum(run.result for run in runs) / 6

# %choose Sums
sums.run(kbench.llm)
"""


@pytest.mark.skipif(
    sandboxing.environment_python() is None,
    reason="the sandbox's environment is not built; manage.py build_sandbox_environment makes it",
)
def test_rows_that_the_sdk_evaluates_are_items_under_their_own_ids(
    world: Any, gateway: None
) -> None:
    version = published(
        world, ROWS, settings_text="main: Sums\nmetric: {name: accuracy, lower: 0, upper: 1}"
    )
    board = publish_benchmark(world.ada, [version], title="Rows")
    for name in ("arithmetic", "arithmetic-2"):
        world.provider.configure(models={"arithmetic-2": "constant:4"})
        contender = contender_of(world, name)
        enter(version=board, contender=contender, by=world.ada)
        world.start(version, contender, purpose="declared")
    settle()

    for run in Run.objects.filter(task_version=version):
        assert run.state == Run.State.COMPLETED, (run.failure, log_of(run))
        score = SampleScore.objects.get(sample__run=run)
        assert sorted(key for key, _ in score.details["scores"]) == [
            f"Row/sum-{a}" for a in range(6)
        ]
    rows = Standings.objects.filter(version=board).latest("number").content["rows"]
    assert [row["score"]["items"] for row in rows] == [6, 6]
    assert rows[0]["score"]["value"] == 1.0
    assert rows[1]["score"]["value"] == pytest.approx(1 / 6)
    assert rows[0]["score"]["method"] == "wilson"


def test_a_program_that_swallows_failed_calls_is_marked_on_its_page_and_its_row(
    world: Any, gateway: None, client: Any
) -> None:
    code = ASKING + (
        "import urllib.error\n"
        "failed = 0\n"
        "for n in range(2):\n"
        "    try:\n"
        "        ask(f'What is {n}+1?')\n"
        "    except urllib.error.HTTPError as error:\n"
        "        failed += 1\n"
        "finish(score={'passed': 2 - failed, 'of': 2})\n"
    )
    version = published(world, code)
    board = publish_benchmark(world.ada, [version], title="Swallowed")
    world.add_deployment("always-500", deadline=1.0)
    for name in ("always-500", "arithmetic"):
        contender = contender_of(world, name)
        enter(version=board, contender=contender, by=world.ada)
        world.start(version, contender, purpose="declared")
    settle()

    for run in Run.objects.filter(task_version=version):
        assert run.state == Run.State.COMPLETED, (run.failure, log_of(run))
    run = Run.objects.get(contender__deployment__slug="fake/always-500")
    report = ProgramReport.objects.get(run=run)
    assert (report.requests, report.failed_requests) == (2, 2)
    content = Standings.objects.filter(version=board).latest("number").content
    rows = {row["contender"]["label"]: row for row in content["rows"]}
    (failed,) = (row for row in rows.values() if "failed_requests" in row)
    assert failed["failed_requests"] == 2
    assert "always-500" in failed["contender"]["label"]
    page = client.get(run.get_absolute_url()).content.decode()
    assert "2 of 2 requests failed" in page
    assert f"{report.failure_summary}. The program continued" in page
    shown = client.get(board.benchmark.get_absolute_url()).content.decode()
    assert shown.count("some calls failed") == 1
    api = client.get(f"/api/v1/runs/{run.pk}/report").json()
    assert api["failed_requests"] == 2
    assert api["statuses"] == report.statuses
    assert sum(report.statuses.values()) == 2
