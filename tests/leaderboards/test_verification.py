"""Downloaded standings, checked offline."""

import json
from pathlib import Path
from typing import Any

import pytest

from plumbmark.manifests.__main__ import main
from tests.factories import settle, submit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def chained(board: Any, ada: Any, client: Any, tmp_path: Path) -> list[Path]:
    """Return the files of three snapshots of a board, one after the other."""
    from benchmarks_app.actions.entries import enter
    from leaderboards_app.models import Standings

    version = board.tasks.get().task_version
    for name in ("fourth", "fifth"):
        enter(version=board, contender=submit(ada, version, name, 9).contender, by=ada)
        settle()
    files = []
    for snapshot in Standings.objects.filter(version=board).order_by("number"):
        file = tmp_path / f"{snapshot.number}.json"
        file.write_bytes(client.get(f"/api/v1/standings/{snapshot.public_id}").content)
        files.append(file)
    assert len(files) >= 3
    return files


def test_snapshots_agree_with_their_hashes_and_with_each_other(
    chained: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *map(str, reversed(chained))]) == 0
    told = capsys.readouterr().out
    assert "the chain from snapshot 1 to 2" in told
    assert "the chain from snapshot 2 to 3" in told
    assert "not checked" not in told
    assert main(["verify", str(chained[1])]) == 0
    assert "not checked: what came before snapshot 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("score", "snapshot 2, its content"),
        ("content_hash", "snapshot 2, its content"),
        ("previous_hash", "snapshot 2, its previous_hash"),
    ],
)
def test_a_changed_snapshot_is_named(
    chained: list[Path], part: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(chained[1].read_text())
    if part == "score":
        document["content"]["rows"][0]["score"]["value"] += 1e-9
    else:
        document[part] = document[part][:-1] + ("0" if document[part][-1] != "0" else "1")
    chained[1].write_text(json.dumps(document))

    assert main(["verify", *map(str, chained)]) == 1
    assert f"DIFFERS: {named}" in capsys.readouterr().out


def test_a_snapshot_with_another_history_breaks_the_chain(
    chained: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    from plumbmark.manifests import content_hash

    document = json.loads(chained[0].read_text())
    document["content"]["rows"] = []
    document["content_hash"] = content_hash(document["content"])
    chained[0].write_text(json.dumps(document))

    assert main(["verify", *map(str, chained)]) == 1
    assert "snapshot 2, its previous_hash" in capsys.readouterr().out


def test_the_cells_of_a_board_have_the_manifests_of_their_runs(board: Any, client: Any) -> None:
    from leaderboards_app.models import Standings
    from tasks_app.models import RunManifest

    content = Standings.objects.get(version=board).content
    found = {
        (run, one)
        for row in content["rows"]
        for cell in row["tasks"]
        for run, one in zip(cell["runs"], cell["manifests"], strict=True)
    }

    assert found == {(one.scoring.run_id, one.hash) for one in RunManifest.objects.all()}
    assert len(found) == 3


def test_a_board_of_runs_without_manifests_stays_as_it_was(board: Any) -> None:
    from leaderboards_app.standings.computation import compute_board
    from tasks_app.models import RunManifest

    RunManifest.objects.all().delete()

    cells = [cell for row in compute_board(board).content["rows"] for cell in row["tasks"]]
    assert not any("manifests" in cell for cell in cells)
