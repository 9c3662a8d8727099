"""Manifests of runs that were really run, and their files checked offline."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from plumbmark.manifests import content_hash
from plumbmark.manifests.__main__ import main
from plumbmark.manifests.run_files import Difference, verify_run
from plumbmark.manifests.run_manifests import RunHashes, score_entry
from tasks_app.models import Run, RunManifest, Sample
from tests.tasks.runs.test_pages import WITH_PRIVATE, client_of

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def finished(
    make_task: Callable[..., Any], start: Callable[..., Any], work: Callable[[], None], ada: Any
) -> Run:
    """Return a declared run of four samples: two right, two wrong."""
    run = start(make_task(ada), ada)
    work()
    run.refresh_from_db()
    assert run.state == "completed"
    return run


def file_of(run: Run, client: Client | None = None) -> list[dict[str, Any]]:
    response = (client or Client()).get(f"/runs/{run.pk}/run.jsonl")
    assert response.status_code == 200
    text = b"".join(response).decode()
    return [json.loads(line) for line in text.splitlines()]


def checked(lines: list[dict[str, Any]]) -> Any:
    return verify_run(json.dumps(line) for line in lines)


def test_a_run_s_file_agrees_with_its_manifest(finished: Run, tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_bytes(b"".join(Client().get(f"/runs/{finished.pk}/run.jsonl")))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "platform")}
    done = subprocess.run(
        [sys.executable, "-m", "plumbmark.manifests", "verify", str(file)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "agrees" in done.stdout
    assert "the question hash and the marking hash" in done.stdout
    assert "items, exchanges, outputs, scores of 4 samples" in done.stdout
    assert "the scores of 4 samples, scored again" in done.stdout
    assert "the estimate and its interval, computed again" in done.stdout
    assert "not checked" not in done.stdout


def test_the_verifier_loads_nothing_but_the_pure_part() -> None:
    code = (
        "import sys, plumbmark.manifests.__main__; "
        "names = [name.split('.') for name in sys.modules]; "
        "heavy = {'django', 'celery', 'rest_framework', 'redis', 'aiohttp', 'psycopg'}; "
        "print(sorted(heavy & {one[0] for one in names})); "
        "ours = {one[1] for one in names if one[0] == 'plumbmark' and len(one) > 1}; "
        "print(sorted(ours - {'manifests', 'strict_json', 'scoring', 'shapes'}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "platform")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n[]\n"


def change(text: str) -> str:
    """Return a text with its last character changed."""
    return text[:-1] + ("x" if text[-1] != "x" else "y")


def in_manifest(lines: list[dict[str, Any]]) -> None:
    lines[0]["manifest"]["contender_label"] = change(lines[0]["manifest"]["contender_label"])


def in_hash(lines: list[dict[str, Any]]) -> None:
    lines[0]["hash"] = change(lines[0]["hash"])


def in_question_side(lines: list[dict[str, Any]]) -> None:
    lines[0]["version"]["question"]["solver"] = "generatf"


def in_marking_side(lines: list[dict[str, Any]]) -> None:
    lines[0]["version"]["marking"]["main"] = "exacu"


def in_item_list(lines: list[dict[str, Any]]) -> None:
    lines[2]["hashes"]["items"] = change(lines[2]["hashes"]["items"])


def in_question(lines: list[dict[str, Any]]) -> None:
    message = lines[2]["question"]["messages"][-1]
    message["content"] = change(message["content"])


def in_target(lines: list[dict[str, Any]]) -> None:
    lines[3]["marking"]["target"] = change(lines[3]["marking"]["target"])


def in_output(lines: list[dict[str, Any]]) -> None:
    lines[4]["output"] = change(lines[4]["output"])


def in_value(lines: list[dict[str, Any]]) -> None:
    lines[1]["value"] = 1.0 - lines[1]["value"]


def in_answer(lines: list[dict[str, Any]]) -> None:
    lines[1]["answer"] += "."


def in_request(lines: list[dict[str, Any]]) -> None:
    exchange = lines[2]["exchanges"][0]
    exchange["raw"] = exchange["raw"].replace("echo", "echp", 1)
    assert "echp" in exchange["raw"]


def in_exchanges(lines: list[dict[str, Any]]) -> None:
    del lines[2]["exchanges"][0]


def in_score_list(lines: list[dict[str, Any]]) -> None:
    lines[1]["hashes"]["scores"] = change(lines[1]["hashes"]["scores"])


def without_last(lines: list[dict[str, Any]]) -> None:
    del lines[4]


def without_first(lines: list[dict[str, Any]]) -> None:
    del lines[1]


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (in_manifest, "the hash of the manifest"),
        (in_hash, "the hash of the manifest"),
        (in_question_side, "the question hash of the task"),
        (in_marking_side, "the marking hash of the task"),
        (in_item_list, "sample 1, its item"),
        (in_question, "sample 1, what its item asks"),
        (in_target, "sample 2, how its item is marked"),
        (in_output, "sample 3, its output"),
        (in_value, "sample 0, its score"),
        (in_answer, "sample 0, its score"),
        (in_request, "sample 1, its exchange 1"),
        (in_exchanges, "sample 1, its exchanges"),
        (in_score_list, "sample 0, its score"),
        (without_last, "the number of samples"),
        (without_first, "sample 0, its ordinal"),
    ],
)
def test_the_first_thing_that_differs_is_named(
    finished: Run, tamper: Callable[[list[dict[str, Any]]], None], named: str
) -> None:
    lines = file_of(finished)
    tamper(lines)

    with pytest.raises(Difference) as caught:
        checked(lines)
    assert str(caught.value).startswith(f"{named}:")


def forge(lines: list[dict[str, Any]]) -> None:
    """Write every hash of a file anew, as somebody would who hides a change."""
    hashes = RunHashes()
    for line in lines[1:]:
        line["hashes"]["scores"] = score_entry(line["value"], line["answer"])
        hashes.add(line["hashes"])
    lines[0]["manifest"]["lists"] = hashes.finish()
    lines[0]["hash"] = content_hash(lines[0]["manifest"])


def test_a_forged_score_is_found_by_scoring_again(finished: Run) -> None:
    lines = file_of(finished)
    wrong = next(line for line in lines[1:] if line["value"] == 0.0)
    wrong["value"] = 1.0
    forge(lines)

    with pytest.raises(Difference, match=r"the scorer says 0\.0, the file says 1\.0"):
        checked(lines)


def test_a_forged_estimate_is_found_by_computing_it_again(finished: Run) -> None:
    lines = file_of(finished)
    lines[0]["manifest"]["estimate"]["high"] -= 0.01
    lines[0]["hash"] = content_hash(lines[0]["manifest"])

    with pytest.raises(Difference, match="the estimate, its high"):
        checked(lines)


def test_private_items_are_hashes_alone_and_the_rest_is_checked(
    make_task: Callable[..., Any], start: Callable[..., Any], work: Callable[[], None], ada: Any
) -> None:
    run = start(make_task(ada, definition=WITH_PRIVATE), ada)
    work()
    private = set(
        Sample.objects.filter(run=run, item__split="private").values_list("ordinal", flat=True)
    )
    assert private
    for client in (Client(), client_of(ada)):
        lines = file_of(run, client)
        for line in lines[1:]:
            hidden = {"output", "question", "marking", "value", "answer", "exchanges"} & set(line)
            assert bool(hidden) == (line["ordinal"] not in private)
        report = checked(lines)
        assert any("private" in note for note in report.notes)
    secret = run.task_version.salt
    assert secret not in json.dumps(file_of(run, client_of(ada)))


def test_an_output_that_is_withheld_later_leaves_the_manifest_as_it_is(finished: Run) -> None:
    from plumbmark.common.clock import now

    before = RunManifest.objects.get().hash
    Sample.objects.filter(run=finished, ordinal=2).update(
        output="", withheld_at=now(), withheld_reason="a licence"
    )
    lines = file_of(finished)

    assert lines[0]["hash"] == before
    assert "output" not in lines[3]
    assert any("withheld" in note for note in checked(lines).notes)


def test_the_manifest_is_on_the_pages_and_in_the_api(finished: Run) -> None:
    stored = RunManifest.objects.get()
    page = Client().get(f"/runs/{finished.pk}/").content.decode()
    file = Client().get(f"/runs/{finished.pk}/manifest.json").json()

    assert stored.hash in page
    assert f"/runs/{finished.pk}/run.jsonl" in page
    assert file == {"hash": stored.hash, "manifest": stored.document}
    assert Client().get(f"/api/v1/runs/{finished.pk}/manifest").json() == file
    assert content_hash(file["manifest"]) == file["hash"]
    RunManifest.objects.all().delete()
    assert Client().get(f"/runs/{finished.pk}/manifest.json").status_code == 404
    assert Client().get(f"/runs/{finished.pk}/run.jsonl").status_code == 404
    assert Client().get(f"/api/v1/runs/{finished.pk}/manifest").status_code == 404
    assert Client().get(f"/runs/{finished.pk}/").status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null\n",
        "{",
        '{"manifest": 1}\n{}\n',
        '{"content_hash": 1, "version": []}',
        "\x00",
    ],
)
def test_files_that_are_something_else_are_said_to_differ(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text(text)

    assert main(["verify", str(file)]) == 1
    assert "DIFFERS" in capsys.readouterr().out
    assert main(["verify", str(tmp_path / "nothing")]) == 2
