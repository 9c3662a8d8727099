"""From a report to a board that moved: through the real actions, workers and jobs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from plumbmark.common.errors import Conflict, NotAllowed
from tests.factories import CARD, publish_benchmark, publish_task, rows, settle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    yield
    from plumbmark.gateway.calls import runtime

    runtime.shutdown()


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="bob")


def wrong_rows(count: int = 8) -> list[dict[str, Any]]:
    """Return the data of `publish_task` with a wrong key of the item i3."""
    data = rows(count)
    data[3]["answer"] = "wrong"
    return data


def submit_answers(user: Any, version: Any, name: str, answers: list[str]) -> Any:
    from tasks_app.runs.submissions import submit_outputs

    return submit_outputs(
        version=version,
        model_name=name,
        maker="",
        namespace=user.namespace,
        rows=[{"id": f"i{n}", "output": answer} for n, answer in enumerate(answers)],
        by=user,
    )


@pytest.fixture
def version(ada: Any) -> Any:
    return publish_task(ada, data=wrong_rows())


@pytest.fixture
def board(ada: Any, version: Any) -> Any:
    """Return two rows: sharp knows i3, dull repeats the wrong key and is level with it."""
    from benchmarks_app.actions.entries import enter

    made = publish_benchmark(ada, [version])
    sharp = submit_answers(ada, version, "sharp", ["0", "1", "2", "3", "4", "5", "6", "no"])
    dull = submit_answers(ada, version, "dull", ["0", "1", "2", "wrong", "4", "5", "6", "no"])
    for run in (sharp, dull):
        enter(version=made, contender=run.contender, by=ada)
    settle()
    return made


def item(version: Any, key: str = "i3") -> Any:
    return version.items.get(key=key)


def report(version: Any, by: Any, **changes: Any) -> Any:
    from tasks_app.item_reports.actions import report_item

    values = {"kind": "wrong-key", "reason": "It is 3.", "proposed": "3", **changes}
    return report_item(version=version, item=item(version), by=by, **values)


def scores_of(version: Any) -> dict[str, float]:
    from leaderboards_app.models import Standings

    content = Standings.objects.filter(version=version).latest("number").content
    return {row["contender"]["label"]: row["score"]["value"] for row in content["rows"]}


def test_an_accepted_report_moves_the_board_without_a_model_call(
    ada: Any, bob: Any, version: Any, board: Any
) -> None:
    from leaderboards_app.models import Correction, Standings
    from plumbmark.gateway.models import Call
    from tasks_app.item_reports.actions import accept_report
    from tasks_app.models import Run, Scoring

    assert scores_of(board) == {"sharp": 0.75, "dull": 0.875}
    calls, runs = Call.objects.count(), Run.objects.count()
    made = report(version, bob)

    accept_report(report=made, target="3", note="Right, it is 3.", by=ada)
    settle()

    made.refresh_from_db()
    corrected = made.resulting_version
    assert (made.status, made.key_before, made.key_after) == ("accepted", "wrong", "3")
    assert made.followed_at is not None
    assert corrected.question_hash == version.question_hash
    assert corrected.marking_hash != version.marking_hash
    assert (corrected.number, corrected.state) == (2, "published")
    assert item(corrected).target == "3"
    assert item(version).target == "wrong"
    assert (Call.objects.count(), Run.objects.count()) == (calls, runs)
    assert Scoring.objects.filter(task_version=corrected, state="completed").count() == 2

    board.benchmark.refresh_from_db()
    followed = board.benchmark.latest_version
    assert followed.number == board.number + 1
    assert [one.task_version_id for one in followed.tasks.all()] == [corrected.pk]
    assert board.benchmark.board_version_id == followed.pk
    assert scores_of(followed) == {"sharp": 0.875, "dull": 0.75}
    assert scores_of(board) == {"sharp": 0.75, "dull": 0.875}
    # Its first snapshot is whole, and is the only one.
    [snapshot] = Standings.objects.filter(version=followed)
    [line] = Correction.objects.filter(benchmark=board.benchmark)
    assert (line.kind, line.by, line.reason) == ("item-corrected", ada, "Right, it is 3.")
    assert line.before.version_id == board.pk
    assert line.after == snapshot
    assert "item i3 of Numbers" in line.change
    assert "2 scores" in line.change
    assert snapshot.summary["changes"] == {"new": 0, "gone": 0, "scores": 2, "ranks": 0}


def test_the_page_of_a_report_and_the_api_show_every_row_that_moved(
    ada: Any, bob: Any, version: Any, board: Any, client: Any
) -> None:
    from tasks_app.item_reports.actions import accept_report

    made = report(version, bob)
    accept_report(report=made, target=["3", "three"], note="Both are right.", by=ada)
    settle()

    page = client.get(made.get_absolute_url()).content.decode()
    body = client.get(f"/api/v1/item-reports/{made.public_id}").json()

    assert made.status == "corrected"
    assert body["status"] == "corrected"
    assert (body["key_before"], body["key_after"]) == ("wrong", ["3", "three"])
    [effect] = body["boards"]
    moved = {row["label"]: (row["score_before"], row["score_after"]) for row in effect["changes"]}
    assert moved == {"sharp": ("75.00 %", "87.50 %"), "dull": ("87.50 %", "75.00 %")}
    assert "Both are right." in page
    assert "sharp" in page
    assert "87.5" in page

    history = client.get(f"{board.benchmark.get_absolute_url()}history/").content.decode()
    assert made.get_absolute_url() in history
    changes = client.get(f"/standings/{effect['after']['standings']}/changes/").content.decode()
    assert "sharp" in changes
    assert "75.0" in changes


def test_a_draft_with_the_old_file_does_not_bring_the_wrong_key_back(
    ada: Any, bob: Any, version: Any
) -> None:
    from tasks_app.authoring import drafts, publication
    from tasks_app.item_reports.actions import accept_report
    from tests.factories import DEFINITION

    accept_report(report=report(version, bob), target="3", by=ada)
    with pytest.raises(Conflict, match="Nothing changed since version 2"):
        publication.publish_task(task=version.task, by=ada)
    again = report(version.task.versions.get(number=2), bob, reason="No, it is 33.", proposed="33")
    accept_report(report=again, target="33", by=ada)
    with pytest.raises(Conflict, match="Nothing changed since version 3"):
        publication.publish_task(task=version.task, by=ada)

    drafts.save_draft(
        task=version.task, definition_text=DEFINITION.replace("exact", "includes"), by=ada
    )
    fourth = publication.publish_task(task=version.task, by=ada)

    assert fourth.number == 4
    assert item(fourth).target == "33"
    assert item(fourth, "i2").target == "2"


def test_a_new_question_at_the_same_id_keeps_its_own_key(ada: Any, bob: Any, version: Any) -> None:
    import json

    from django.core.files.uploadedfile import SimpleUploadedFile

    from tasks_app.authoring import drafts, publication
    from tasks_app.item_reports.actions import accept_report

    accept_report(report=report(version, bob), target="3", by=ada)
    data = wrong_rows()
    data[3]["question"] = "Say wrong"
    lines = "\n".join(map(json.dumps, data)).encode()
    drafts.save_draft(task=version.task, upload=SimpleUploadedFile("items.jsonl", lines), by=ada)
    third = publication.publish_task(task=version.task, by=ada)

    assert item(third).target == "wrong"
    # A report on the earlier question is not about this one.
    late = report(version, bob, reason="Still.")
    with pytest.raises(Conflict, match="asks something else"):
        accept_report(report=late, target="3", by=ada)


def test_a_draft_of_the_next_benchmark_version_stays_a_draft_and_has_the_correction(
    ada: Any, bob: Any, version: Any, board: Any
) -> None:
    from benchmarks_app.actions import authoring
    from tasks_app.item_reports.actions import accept_report

    draft = authoring.draft_of(benchmark=board.benchmark, by=ada)
    authoring.compose_draft(version=draft, notes="Mine", card=CARD, by=ada)
    made = report(version, bob)
    accept_report(report=made, target="3", by=ada)
    settle()

    draft.refresh_from_db()
    made.refresh_from_db()
    board.benchmark.refresh_from_db()
    assert (draft.state, draft.number, draft.notes) == ("draft", 3, "Mine")
    assert board.benchmark.latest_version.number == 2
    assert draft.tasks.get().task_version_id == made.resulting_version_id


def test_a_stranger_decides_whether_the_own_benchmark_follows(
    ada: Any, bob: Any, version: Any
) -> None:
    from benchmarks_app.actions.corrections import follow_correction
    from benchmarks_app.actions.entries import enter
    from tasks_app.item_reports.actions import accept_report

    foreign = publish_benchmark(bob, [version], "Bob's")
    run = submit_answers(bob, version, "sharp", [str(n) for n in range(8)])
    enter(version=foreign, contender=run.contender, by=bob)
    settle()
    made = report(version, bob)
    accept_report(report=made, target="3", by=ada)
    settle()
    foreign.benchmark.refresh_from_db()
    assert foreign.benchmark.latest_version_id == foreign.pk

    made.refresh_from_db()
    with pytest.raises(NotAllowed):
        follow_correction(benchmark=foreign.benchmark, report=made, by=ada)
    followed = follow_correction(benchmark=foreign.benchmark, report=made, by=bob)
    settle()

    assert scores_of(followed) == {"sharp": 1.0}
    with pytest.raises(Conflict, match="has the correction already"):
        follow_correction(benchmark=foreign.benchmark, report=made, by=bob)


def test_a_private_item_keeps_its_name_out_of_the_log(ada: Any, bob: Any, client: Any) -> None:
    from benchmarks_app.actions.entries import enter
    from leaderboards_app.models import Correction
    from plumbmark.gateway.actions import ensure_baselines
    from tasks_app.item_reports.actions import accept_report
    from tasks_app.models import Run
    from tasks_app.runs.contenders import contender_of_deployment
    from tasks_app.runs.start import start_run
    from tests.factories import DEFINITION

    data = [{**row, "part": "private" if row["id"] == "i3" else "public"} for row in wrong_rows()]
    definition = DEFINITION.replace(
        "target: answer}", "target: answer, split: {column: part, private: [private]}}"
    )
    version = publish_task(ada, data=data, definition=definition)
    board = publish_benchmark(ada, [version])
    echo = next(one for one in ensure_baselines() if one.upstream_id == "echo")
    contender = contender_of_deployment(deployment=echo, by=ada)
    start_run(
        version=version,
        contender=contender,
        purpose=Run.Purpose.DECLARED,
        namespace=ada.namespace,
        by=ada,
    )
    enter(version=board, contender=contender, by=ada)
    settle()

    with pytest.raises(NotAllowed):
        report(version, bob)
    made = report(version, ada, reason="secret words")
    accept_report(report=made, target="3", note="secret note", by=ada)
    settle()

    assert made.resulting_version.question_hash == version.question_hash
    line = Correction.objects.get(benchmark=board.benchmark)
    assert "a private item of Numbers" in line.change
    texts = [
        client.get(f"{board.benchmark.get_absolute_url()}history/").content.decode(),
        client.get(version.task.get_absolute_url()).content.decode(),
        client.get(f"/api/v1/benchmarks/{board.benchmark.public_id}/corrections").content.decode(),
        client.get(f"/api/v1/tasks/{version.task.public_id}/item-reports").content.decode(),
    ]
    for text in texts:
        assert "secret" not in text
        assert "i3" not in text
        assert f"/item-reports/{made.public_id}" not in text
    assert client.get(made.get_absolute_url()).status_code == 404
    assert client.get(f"/api/v1/item-reports/{made.public_id}").status_code == 404


def test_a_run_that_was_under_way_is_scored_by_the_corrected_key_too(
    ada: Any, bob: Any, version: Any
) -> None:
    from plumbmark.gateway.actions import ensure_baselines
    from tasks_app.item_reports.actions import accept_report
    from tasks_app.models import Run, Scoring
    from tasks_app.runs.contenders import contender_of_deployment
    from tasks_app.runs.start import start_run

    echo = next(one for one in ensure_baselines() if one.upstream_id == "echo")
    run = start_run(
        version=version,
        contender=contender_of_deployment(deployment=echo, by=ada),
        purpose=Run.Purpose.DECLARED,
        namespace=ada.namespace,
        by=ada,
    )
    made = report(version, bob)
    accept_report(report=made, target="3", by=ada)
    settle()

    found = Scoring.objects.filter(run=run, task_version=made.resulting_version)
    assert [one.state for one in found] == ["completed"]
