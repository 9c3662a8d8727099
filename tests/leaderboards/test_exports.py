"""Standings and per-item results as files."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks_app.models import Entry
from tests.factories import publish_benchmark, publish_task, settle, submit

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = '=HYPERLINK("http://x.example")'


def snapshot_of(board: Any) -> Any:
    from leaderboards_app.models import Standings

    return Standings.objects.filter(version=board).order_by("-number").first()


def rows_of(response: Any) -> list[dict[str, str]]:
    text = b"".join(response) if response.streaming else response.content
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def test_the_rows_of_a_board_are_a_csv_file(board: Any, client: Any) -> None:
    snapshot = snapshot_of(board)
    response = client.get(f"/standings/{snapshot.public_id}/standings.csv")
    rows = rows_of(response)

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="world-v1-standings-1.csv"'
    assert [row["contender"] for row in rows] == ["best", "mid <b>", "low"]
    best = snapshot.content["rows"][0]
    assert float(rows[0]["score"]) == best["score"]["value"]
    assert float(rows[0]["score_low"]) == best["score"]["low"]
    assert (rows[0]["rank_best"], rows[0]["rank_worst"]) == ("1", "1")
    assert rows[0]["task_1_runs"] == str(best["tasks"][0]["runs"][0])
    canary = board.tasks.get().task_version.canary
    assert {row["canary"] for row in rows} == {canary}


@pytest.mark.parametrize("extension", ["csv", "json", "parquet"])
@pytest.mark.parametrize("what", ["standings", "items"])
def test_every_file_has_the_canary_and_the_same_rows_by_page_and_api(
    board: Any, client: Any, what: str, extension: str
) -> None:
    snapshot = snapshot_of(board)
    other = {"standings": "rows", "items": "items"}[what]
    page = client.get(f"/standings/{snapshot.public_id}/{what}.{extension}")
    endpoint = client.get(f"/api/v1/standings/{snapshot.public_id}/{other}.{extension}")

    assert page.status_code == endpoint.status_code == 200
    assert page.content == endpoint.content
    canary = board.tasks.get().task_version.canary.encode()
    assert canary in page.content
    if extension == "json":
        document = json.loads(page.content)
        assert document["content_hash"] == snapshot.content_hash
        assert document["url"].endswith(snapshot.get_absolute_url())
        assert len(document["rows"]) == {"standings": 3, "items": 180}[what]


def test_a_file_follows_the_filters_of_the_page(board: Any, client: Any) -> None:
    place = f"/standings/{snapshot_of(board).public_id}"

    assert [
        one["contender"] for one in rows_of(client.get(f"{place}/standings.csv?maker=Arbor"))
    ] == ["best"]
    assert rows_of(client.get(f"{place}/standings.csv?scope=platform")) == []
    assert {one["contender"] for one in rows_of(client.get(f"{place}/items.csv?q=low"))} == {"low"}
    ascending = rows_of(client.get(f"{place}/standings.csv?sort=score"))
    assert [one["contender"] for one in ascending] == ["low", "mid <b>", "best"]


def test_the_results_by_item_are_what_the_score_was_made_from(board: Any, client: Any) -> None:
    snapshot = snapshot_of(board)
    rows = rows_of(client.get(f"/standings/{snapshot.public_id}/items.csv"))

    for row in snapshot.content["rows"]:
        found = [
            float(one["score"]) for one in rows if one["contender"] == row["contender"]["label"]
        ]
        assert len(found) == 60
        assert sum(found) / len(found) == pytest.approx(row["score"]["value"], abs=1e-12)
    assert rows[0]["item"] == "i0"
    assert rows[0]["task"] == "ada/numbers"
    assert client.get(f"/standings/{snapshot.public_id}/items.csv?task=2").status_code == 404
    assert client.get(f"/standings/{snapshot.public_id}/items.csv?task=x").status_code == 404


def test_results_scored_later_are_not_those_of_an_earlier_snapshot(board: Any, client: Any) -> None:
    from tasks_app.models import SampleScore, Scoring

    snapshot = snapshot_of(board)
    before = rows_of(client.get(f"/standings/{snapshot.public_id}/items.csv"))
    first = Scoring.objects.order_by("id").first()
    scores = list(SampleScore.objects.filter(scoring=first))
    second = Scoring.objects.get(pk=first.pk)
    second.pk, second.revision = None, 2
    from plumbmark.common.clock import now

    second.finished_at = now()
    second.save()
    SampleScore.objects.bulk_create(
        SampleScore(scoring=second, sample_id=one.sample_id, value=0.0) for one in scores
    )

    assert rows_of(client.get(f"/standings/{snapshot.public_id}/items.csv")) == before


@pytest.mark.parametrize(
    "path",
    [
        "standings.xlsx",
        "standings.csv2",
        "items.exe",
        "standings.",
        "items.csv/..",
    ],
)
def test_nonsense_addresses_are_no_pages(board: Any, client: Any, path: str) -> None:
    assert client.get(f"/standings/{snapshot_of(board).public_id}/{path}").status_code == 404
    assert client.get("/standings/nothing/standings.csv").status_code == 404


def test_hostile_names_are_harmless_in_every_format(ada: Any, client: Any) -> None:
    from benchmarks_app.actions.entries import enter

    version = publish_task(ada, items=2)
    made = publish_benchmark(ada, [version], HOSTILE)
    enter(version=made, contender=submit(ada, version, HOSTILE, 1).contender, by=ada)
    settle()
    place = f"/standings/{snapshot_of(made).public_id}"

    response = client.get(f"{place}/standings.csv")
    assert rows_of(response)[0]["contender"] == f"'{HOSTILE}"
    assert '"' not in response["Content-Disposition"].split('"', 2)[1]
    assert rows_of(client.get(f"{place}/items.csv"))[0]["contender"] == f"'{HOSTILE}"
    document = client.get(f"{place}/standings.json").json()
    assert document["benchmark"] == document["rows"][0]["contender"] == HOSTILE


def test_a_board_without_rows_is_a_file_without_rows(ada: Any, client: Any) -> None:
    version = publish_task(ada)
    made = publish_benchmark(ada, [version])
    settle()
    place = f"/standings/{snapshot_of(made).public_id}"

    assert rows_of(client.get(f"{place}/standings.csv")) == []
    assert client.get(f"{place}/standings.json").json()["rows"] == []
    assert client.get(f"{place}/items.json").json()["canary"] == version.canary


@pytest.fixture
def half_private(ada: Any) -> Any:
    """Return a board of a task half of whose items are private, with one row."""
    from benchmarks_app.actions.entries import enter
    from tasks_app.models import Item, TaskVersion

    version = publish_task(ada, items=10)
    made = publish_benchmark(ada, [version])
    enter(version=made, contender=submit(ada, version, "one", 7).contender, by=ada)
    settle()
    # Outputs cannot be submitted to such a task, so it becomes one afterwards.
    odd = [f"i{number}" for number in range(1, 10, 2)]
    Item.objects.filter(version=version, key__in=odd).update(split="private")
    TaskVersion.objects.filter(pk=version.pk).update(private_item_count=5)
    return made


def test_private_items_are_only_in_files_of_those_who_may_see_them(
    half_private: Any, ada: Any, client: Any, open_account: Callable[..., Any]
) -> None:
    place = f"/standings/{snapshot_of(half_private).public_id}/items"
    run = Entry.objects.get(version=half_private).entry_runs.get().run

    def seen(of: Any) -> tuple[int, int, int]:
        return (
            len(rows_of(of.get(f"{place}.csv"))),
            len(of.get(f"/api/v1{place}.json").json()["rows"]),
            len(rows_of(of.get(f"/runs/{run.pk}/samples.csv"))),
        )

    assert seen(client) == (5, 5, 5)
    tag = client.get(f"{place}.csv")["ETag"]
    assert client.get(f"{place}.csv", headers={"If-None-Match": tag}).status_code == 304
    client.force_login(open_account(handle="bob"))
    assert seen(client) == (5, 5, 5)
    client.force_login(ada)
    assert seen(client) == (10, 10, 10)
    assert client.get(f"{place}.csv", headers={"If-None-Match": tag}).status_code == 200


def test_the_files_of_a_private_board_are_for_its_people_alone(
    board: Any, ada: Any, client: Any, open_account: Callable[..., Any]
) -> None:
    place = f"/standings/{snapshot_of(board).public_id}"
    run = Entry.objects.filter(version=board).first().entry_runs.get().run
    assert client.get(f"{place}/standings.csv").status_code == 200
    assert client.get(f"{place}/items.csv").status_code == 200
    board.benchmark.visibility = "private"
    board.benchmark.save()
    task = board.tasks.get().task_version.task
    task.visibility = "private"
    task.save()
    paths = [f"{place}/standings.csv", f"{place}/items.csv", f"/runs/{run.pk}/samples.csv"]
    paths += [f"/api/v1{place}/rows.csv", f"/api/v1/runs/{run.pk}/samples.csv"]

    assert [client.get(path).status_code for path in paths] == [404] * 5
    client.force_login(open_account(handle="bob"))
    assert [client.get(path).status_code for path in paths] == [404] * 5
    client.force_login(ada)
    assert [client.get(path).status_code for path in paths] == [200] * 5


def test_a_task_that_became_private_is_no_longer_in_the_results(board: Any, client: Any) -> None:
    place = f"/standings/{snapshot_of(board).public_id}/items.csv"
    first = client.get(place)
    task = board.tasks.get().task_version.task
    task.visibility = "private"
    task.save()

    again = client.get(place, headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 200
    assert rows_of(again) == []


def test_strangers_share_one_answer_and_have_a_304(
    board: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    place = f"/standings/{snapshot_of(board).public_id}/standings.csv"
    first = client.get(place)

    with django_assert_max_num_queries(1):
        again = client.get(place, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    with django_assert_max_num_queries(1):
        kept = client.get(place)
    assert kept.content == first.content
    assert kept["Content-Disposition"] == first["Content-Disposition"]


def test_samples_of_a_run_are_a_file_with_outputs_and_scores(board: Any, client: Any) -> None:
    run = Entry.objects.filter(version=board).first().entry_runs.get().run
    rows = rows_of(client.get(f"/runs/{run.pk}/samples.csv"))

    assert len(rows) == 60
    assert rows[3]["output"] == "3"
    assert rows[3]["score"] == "1.0"
    assert rows[59]["score"] == "0.0"
    assert rows[0]["canary"] == run.task_version.canary
    document = client.get(f"/api/v1/runs/{run.pk}/samples.json").json()
    assert document["canary"] == run.task_version.canary
    assert document["rows"][3]["answer"] == "3"
    assert client.get(f"/runs/{run.pk}/samples.xls").status_code == 404


def test_a_withheld_output_is_not_in_the_file(board: Any, client: Any) -> None:
    from plumbmark.common.clock import now
    from tasks_app.models import Sample

    run = Entry.objects.filter(version=board).first().entry_runs.get().run
    Sample.objects.filter(run=run, ordinal=3).update(withheld_at=now(), withheld_reason="why")
    rows = rows_of(client.get(f"/runs/{run.pk}/samples.csv"))

    assert (rows[3]["output"], rows[3]["answer"], rows[3]["output_withheld"]) == ("", "", "true")
    assert rows[3]["score"] == "1.0"


def test_a_file_of_too_many_results_is_refused_with_a_way_out(
    board: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leaderboards_app.exports import files

    monkeypatch.setattr(files, "MAX_RESULTS", 100)
    response = client.get(f"/standings/{snapshot_of(board).public_id}/items.csv")

    assert response.status_code == 422
    assert "task=1" in response.content.decode()
    one = client.get(f"/standings/{snapshot_of(board).public_id}/items.csv?q=low")
    assert one.status_code == 200


def test_a_reader_writes_one_large_file_at_a_time(
    board: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plumbmark.common.heavy_work import heavy_work
    from plumbmark.web import downloads

    monkeypatch.setattr(downloads, "HEAVY_ROWS", 1)
    place = f"/standings/{snapshot_of(board).public_id}/items.csv"
    with heavy_work(owner="network-127.0.0.1", is_heavy=True):
        refused = client.get(place)
        other = client.get(place, REMOTE_ADDR="203.0.113.9")
    assert refused.status_code == 503
    assert refused["Retry-After"]
    assert other.status_code == 200
    assert client.get(place).status_code == 200
