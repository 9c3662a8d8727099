"""What stands on a board, computed from real scorings of submitted outputs and baselines."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.factories import publish_benchmark, publish_task, settle, submit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    yield
    from plumbmark.gateway.calls import runtime

    runtime.shutdown()


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


def enter(version: Any, run: Any, by: Any) -> Any:
    from benchmarks_app.actions.entries import enter as put_in

    return put_in(version=version, contender=run.contender, by=by)


def newest(version: Any) -> Any:
    from leaderboards_app.models import Standings

    return Standings.objects.filter(version=version).order_by("-number").first()


def row_of(version: Any, label: str) -> dict[str, Any]:
    content = newest(version).content
    return next(row for row in content["rows"] if row["contender"]["label"] == label)


def test_a_clear_winner_has_rank_one_and_ties_share_a_range(ada: Any) -> None:
    version = publish_task(ada, items=120)
    board = publish_benchmark(ada, [version])
    for name, right in (("best", 118), ("mid", 60), ("twin", 60), ("low", 5)):
        enter(board, submit(ada, version, name, right), ada)
    settle()

    ranks = {
        row["contender"]["label"]: (row["ranks"]["all"]["best"], row["ranks"]["all"]["worst"])
        for row in newest(board).content["rows"]
    }

    assert ranks == {"best": (1, 1), "mid": (2, 3), "twin": (2, 3), "low": (4, 4)}
    assert row_of(board, "best")["ranks"]["all"]["sole_first"]
    assert row_of(board, "best")["ranks"]["platform"] is None


def test_a_board_with_one_row_and_with_none_is_a_board(ada: Any) -> None:
    version = publish_task(ada)
    empty = publish_benchmark(ada, [version], "Empty")
    single = publish_benchmark(ada, [version], "Single")
    enter(single, submit(ada, version, "alone", 4), ada)
    settle()

    assert newest(empty).content["rows"] == []
    assert row_of(single, "alone")["ranks"]["all"]["best"] == 1


def test_the_first_declared_run_counts_and_all_are_attempts(ada: Any) -> None:
    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    first = submit(ada, version, "model", 1)
    submit(ada, version, "model", 4)
    enter(board, first, ada)
    settle()

    row = row_of(board, "model")

    assert row["score"]["value"] == 0.25
    assert row["tasks"][0]["runs"] == [first.pk]
    assert row["attempts"] == 2
    assert row["declared"] == 2


def test_the_mean_of_all_declared_runs_counts_where_the_policy_says_so(ada: Any) -> None:
    version = publish_task(ada)
    board = publish_benchmark(ada, [version], entry_policy="mean-of-declared")
    enter(board, submit(ada, version, "model", 1), ada)
    submit(ada, version, "model", 4)
    settle()

    row = row_of(board, "model")

    assert row["score"]["value"] == pytest.approx((1 + 4) / 8)
    assert row["score"]["repeats"] == 2
    assert len(row["tasks"][0]["runs"]) == 2


def test_a_missing_task_leaves_the_row_unranked_and_says_which(ada: Any) -> None:
    one, other = publish_task(ada, "One"), publish_task(ada, "Other")
    board = publish_benchmark(ada, [one, other])
    enter(board, submit(ada, one, "half", 4), ada)
    settle()

    row = row_of(board, "half")

    assert row["status"] == "incomplete"
    assert row["reason"] == "Other: not run"
    assert row["ranks"] == {"platform": None, "all": None}
    assert row["tasks"][1]["state"] == "missing"


def test_several_tasks_are_averaged_by_their_weights(ada: Any) -> None:
    from decimal import Decimal

    from benchmarks_app.actions import authoring

    one, other = publish_task(ada, "One"), publish_task(ada, "Other")
    board = publish_benchmark(ada, [one, other])
    draft = authoring.draft_of(benchmark=board.benchmark, by=ada)
    authoring.compose_draft(
        version=draft,
        members=[authoring.Member(one, Decimal(3)), authoring.Member(other, Decimal(1))],
        by=ada,
    )
    second = authoring.publish_benchmark(version=draft, by=ada)
    enter(second, submit(ada, one, "model", 4), ada)
    submit(ada, other, "model", 0)
    settle()

    assert row_of(second, "model")["score"]["value"] == pytest.approx(0.75)


def test_an_invalid_row_stays_marked_and_the_log_tells(ada: Any) -> None:
    from benchmarks_app.actions.entries import invalidate_entry
    from leaderboards_app.models import Correction

    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    entry = enter(board, submit(ada, version, "cheat", 4), ada)
    settle()
    before = newest(board)

    invalidate_entry(entry=entry, reason="It had seen the answers.", by=ada)
    settle()

    row = row_of(board, "cheat")
    assert row["status"] == "invalid"
    assert row["reason"] == "It had seen the answers."
    correction = Correction.objects.get()
    assert correction.before == before
    assert correction.after == newest(board)
    assert before.content["rows"][0]["status"] == "ranked"


def test_many_events_make_one_snapshot_and_none_makes_no_other(ada: Any) -> None:
    from leaderboards_app.models import BoardRefresh, Standings
    from leaderboards_app.standings.actions import request_refresh

    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    for number in range(5):
        enter(board, submit(ada, version, f"model {number}", number % 4), ada)
    settle()
    made = Standings.objects.filter(version=board).count()

    request_refresh([board.pk], reason="again")
    request_refresh([board.pk], reason="and again")
    assert BoardRefresh.objects.get().requests == 2
    settle()

    assert made <= 2
    assert Standings.objects.filter(version=board).count() == made


def test_a_remarked_version_changes_the_board_without_new_runs(ada: Any) -> None:
    """Same questions, a kinder scorer: stored outputs are marked again."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from benchmarks_app.actions import authoring as benchmarks
    from tasks_app.authoring import drafts, publication
    from tasks_app.models import Run
    from tasks_app.scorings.actions import rescore_runs_of
    from tests.factories import DEFINITION, rows

    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    run = submit(ada, version, "model", 2)
    enter(board, run, ada)
    settle()
    data = "\n".join(str(row).replace("'", '"') for row in rows(4)).encode()
    drafts.save_draft(
        task=version.task,
        definition_text=DEFINITION.replace("exact", "includes").replace("answer}", "answer}"),
        upload=SimpleUploadedFile("items.jsonl", data.replace(b'"answer": "3"', b'"answer": "no"')),
        by=ada,
    )
    second = publication.publish_task(task=version.task, by=ada)
    assert second.question_hash == version.question_hash
    assert second.marking_hash != version.marking_hash

    rescore_runs_of(version=second, by=ada)
    draft = benchmarks.draft_of(benchmark=board.benchmark, by=ada)
    benchmarks.compose_draft(version=draft, members=[benchmarks.Member(second)], by=ada)
    published = benchmarks.publish_benchmark(version=draft, by=ada)
    enter(published, run, ada)
    settle()

    assert row_of(board, "model")["score"]["value"] == 0.5
    assert row_of(published, "model")["score"]["value"] == 0.75
    assert Run.objects.count() == 1


def test_baselines_stand_outside_of_the_ranking(ada: Any) -> None:
    from benchmarks_app.grid.actions import start_runs
    from plumbmark.gateway.actions import ensure_baselines
    from tasks_app.runs.contenders import contender_of_deployment

    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    echo = next(one for one in ensure_baselines() if one.upstream_id == "echo")
    contender = contender_of_deployment(deployment=echo, by=ada)
    start_runs(version=board, contenders=[contender], namespace=ada.namespace, by=ada)
    enter(board, submit(ada, version, "model", 1), ada)
    settle()

    echo_row = row_of(board, "Echo")

    assert echo_row["status"] == "reference"
    assert echo_row["ranks"] == {"platform": None, "all": None}
    assert row_of(board, "model")["ranks"]["all"] == {
        "best": 1,
        "worst": 1,
        "above": 0,
        "below": 0,
        "sole_first": True,
        "coverage_differs": False,
        "marginal": {"best": 1, "worst": 1},
    }


def unscore(run: Any, count: int) -> None:
    """Take the scores of the last samples away, as where a scorer fails on them."""
    from tasks_app.models import PackedScores, SampleScore

    scores = SampleScore.objects.filter(
        scoring__run=run, sample__ordinal__gte=run.samples_total - count
    )
    assert scores.update(value=None) == count
    # As if it had never been so: scores of a completed scoring do not change.
    PackedScores.objects.filter(scoring__run=run).delete()


def test_the_allowance_of_unscored_samples_holds_for_each_task(ada: Any) -> None:
    from leaderboards_app.standings.actions import refresh_board

    small, large = publish_task(ada, "Small", items=20), publish_task(ada, "Large", items=380)
    board = publish_benchmark(ada, [small, large], unscored_allowed=Decimal("0.05"))
    runs = [submit(ada, small, "model", 20), submit(ada, large, "model", 200)]
    enter(board, runs[0], ada)
    settle()
    assert row_of(board, "model")["status"] == "ranked"

    # 18 of all 400 are 4.5 %, but half of the weight lies in the small task.
    unscore(runs[0], 18)
    refresh_board(board)

    row = row_of(board, "model")
    assert row["status"] == "incomplete"
    assert row["reason"] == "Small: 18 of 20 samples are unscored; 5.0% are allowed."
    assert row["ranks"] == {"platform": None, "all": None}


def test_the_allowance_of_unscored_samples_holds_for_all_tasks_together(ada: Any) -> None:
    from leaderboards_app.standings.actions import refresh_board

    versions = [publish_task(ada, title, items=40) for title in ("One", "Other")]
    board = publish_benchmark(ada, versions[:1], unscored_allowed=Decimal("0.1"))
    run = submit(ada, versions[0], "model", 20)
    enter(board, run, ada)
    settle()
    unscore(run, 5)
    refresh_board(board)

    assert row_of(board, "model")["reason"] == ("5 of 40 samples are unscored; 10.0% are allowed.")


def test_nothing_is_scored_is_said_only_where_it_is_so(ada: Any) -> None:
    from leaderboards_app.standings.actions import refresh_board

    one, other = publish_task(ada, "One"), publish_task(ada, "Other")
    board = publish_benchmark(ada, [one, other])
    runs = [submit(ada, one, "model", 4), submit(ada, other, "model", 4)]
    enter(board, runs[0], ada)
    settle()

    unscore(runs[1], 4)
    refresh_board(board)
    assert row_of(board, "model")["reason"] == "Other: nothing is scored."

    unscore(runs[0], 4)
    refresh_board(board)
    assert row_of(board, "model")["reason"] == "Nothing of it is scored."


def test_a_row_that_answered_a_part_shows_its_share_of_the_items(ada: Any, client: Any) -> None:
    from leaderboards_app.standings.actions import refresh_board

    version = publish_task(ada, items=40)
    board = publish_benchmark(ada, [version], unscored_allowed=Decimal("0.6"))
    runs = {name: submit(ada, version, name, 20) for name in ("whole", "most", "half")}
    for run in runs.values():
        enter(board, run, ada)
    settle()
    unscore(runs["most"], 2)
    unscore(runs["half"], 20)
    refresh_board(board)

    shares = {
        name: (rank.get("common_share"), rank.get("few_common"))
        for name in runs
        for rank in [row_of(board, name)["ranks"]["all"]]
    }
    page = client.get(newest(board).get_absolute_url()).content.decode()

    assert shares == {"whole": (None, None), "most": (0.95, False), "half": (0.5, True)}
    assert "95 % of the items" in page
    assert "<strong>few common items: 50 % of the items</strong>" in page
    assert page.count("of the items") == 2


def test_the_marginal_range_stands_beside_the_range_and_is_labelled(ada: Any, client: Any) -> None:
    version = publish_task(ada, items=60)
    board = publish_benchmark(ada, [version])
    for number in range(8):
        enter(board, submit(ada, version, f"m{number}", 8 + 6 * number), ada)
    settle()

    ranks = {
        row["contender"]["label"]: row["ranks"]["all"] for row in newest(board).content["rows"]
    }
    page = client.get(newest(board).get_absolute_url()).content.decode()

    narrower = [
        (rank["best"], rank["worst"], rank["marginal"]["best"], rank["marginal"]["worst"])
        for rank in ranks.values()
        if (rank["best"], rank["worst"]) != tuple(rank["marginal"].values())
    ]
    assert narrower
    for best, worst, low, high in narrower:
        text = f"{low}" if low == high else f"{low}–{high}"
        assert f"{best}–{worst}</a><small>{text} alone</small>" in page
        assert best <= low <= high <= worst
    assert "is the range of one row taken by itself" in page


def test_a_snapshot_of_earlier_statistics_stays_readable_and_the_change_is_told(
    ada: Any, client: Any
) -> None:
    from leaderboards_app.board.snapshots import snapshot_of
    from leaderboards_app.models import Correction, Standings
    from leaderboards_app.standings.actions import refresh_board

    version = publish_task(ada, items=40)
    board = publish_benchmark(ada, [version])
    for name in ("one", "other"):
        enter(board, submit(ada, version, name, 20), ada)
    settle()
    old = newest(board)
    content = old.content
    del content["statistics"]
    for row in content["rows"]:
        row["score"]["method"] = "clustered-t"
        del row["ranks"]["all"]["marginal"]
    Standings.objects.filter(pk=old.pk).update(content=content, content_hash="h1:old")
    snapshot_of.cache_clear()

    made = refresh_board(board)

    assert made is not None
    assert made.content["statistics"] == 3
    assert made.reason.startswith("statistics.changed")
    correction = Correction.objects.get()
    assert (correction.kind, correction.before, correction.after) == (
        "statistics-changed",
        old,
        made,
    )
    assert "version 3 of the statistics" in correction.reason
    assert client.get(old.get_absolute_url()).status_code == 200
    assert client.get(f"/api/v1/standings/{old.public_id}").status_code == 200
    history = client.get(f"{board.benchmark.get_absolute_url()}history/").content.decode()
    assert "version 3 of the statistics" in history
    assert refresh_board(board) is None
