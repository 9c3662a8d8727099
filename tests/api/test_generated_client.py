"""A client that `openapi-python-client` generates from the description, from token to leaderboard.

Against the server over HTTP; the description is read from it as well.
"""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plumbmark.accounts.tokens import issue_token
from tests.factories import CARD, settle
from tests.shared import make_once

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = Path(__file__).resolve().parents[2] / "docs/api.md"
DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "The capital of {country}?"}]
scorers: [{type: exact}]
"""
ROWS = """\
{"id": "fr", "country": "France", "answer": "Paris"}
{"id": "pe", "country": "Peru", "answer": "Lima"}
"""


def code_blocks(language: str) -> list[str]:
    """Return the blocks of the page's section about generated clients."""
    section = PAGE.read_text().split("## With a generated client")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)


def generate(folder: Path, url: str) -> None:
    """Generate as the page says, apart from the formatting of the code. A warning is a failure."""
    folder.mkdir()
    (config,) = code_blocks("yaml")
    (command,) = code_blocks("sh")
    assert "openapi-python-client generate --url" in command
    settings = folder / "client.yaml"
    settings.write_text(f"{config}post_hooks: []\nhttp_timeout: 600\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"),
            *("--url", f"{url}/api/v1/schema", "--config", str(settings), "--meta", "none"),
            *("--output-path", str(folder / "plumbmark_client")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def token(
    open_account: Callable[..., Any], live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Return a token of ada, when the client can be imported."""
    folder = make_once("generated-client", lambda fresh: generate(fresh, live_server.url))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PLUMBMARK", f"{live_server.url}/api/v1")
    issued = issue_token(
        user=open_account("ada"), name="test", scopes=["read", "write"], expires_at=None
    )
    monkeypatch.setenv("TOKEN", issued.secret)
    return issued.secret


def test_a_generated_client_goes_from_token_to_leaderboard(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "definition.yaml").write_text(DEFINITION)
    (tmp_path / "items.jsonl").write_text(ROWS)
    (code,) = code_blocks("python")
    told: dict[str, Any] = {}

    exec(compile(code, str(PAGE), "exec"), told)

    from plumbmark_client import models
    from plumbmark_client.api.benchmarks import (
        create_benchmark,
        create_entry,
        publish_benchmark,
        save_benchmark_draft,
    )
    from plumbmark_client.api.leaderboards import get_leaderboard
    from plumbmark_client.api.runs import get_run, list_samples, submit_outputs
    from plumbmark_client.types import File

    client, version = told["client"], told["version"]
    assert capsys.readouterr().out == "422 ['title']\n"
    assert (version.number, version.item_count) == (1, 2)

    as_rows = models.SubmissionWrite(
        model_name="rows",
        outputs=[
            models.SubmissionWriteOutputsItem.from_dict({"id": "fr", "output": "Paris"}),
            models.SubmissionWriteOutputsItem.from_dict({"id": "pe", "output": "Cuzco"}),
        ],
    )
    as_file = models.SubmissionForm(
        model_name="file",
        file=File(payload=io.BytesIO(b"id,output\nfr,Paris\npe,Lima\n"), file_name="outputs.csv"),
    )
    runs = [
        submit_outputs.sync(version.id, client=client, body=body) for body in (as_rows, as_file)
    ]
    settle()

    assert [get_run.sync(run.id, client=client).state for run in runs] == [
        models.RunState.COMPLETED
    ] * 2
    page = list_samples.sync(runs[0].id, client=client, limit=1)
    assert [(one.item, one.value) for one in page.results] == [("fr", 1.0)]
    assert page.previous is None
    assert page.next_.startswith(os.environ["PLUMBMARK"])

    benchmark = create_benchmark.sync(
        client=client, body=models.BenchmarkWrite(title="World", claim="Facts.")
    )
    save_benchmark_draft.sync(
        benchmark.id,
        client=client,
        body=models.BenchmarkDraftWrite(
            tasks=[models.MemberWrite(task_version=version.id, weight="1")],
            card=models.BenchmarkDraftWriteCard.from_dict(CARD),
        ),
    )
    board = publish_benchmark.sync(
        benchmark.id,
        client=client,
        body=models.BenchmarkPublishWrite(visibility=models.VisibilityEnum.PUBLIC),
    )
    for run in runs:
        entered = create_entry.sync(
            board.id, client=client, body=models.EntryWrite(contender=run.contender)
        )
        assert isinstance(entered, models.EntryDetail), entered
    settle()

    standings = get_leaderboard.sync_detailed(board.id, client=client)
    rows = standings.parsed.content.rows
    assert [(row.contender.label, row.score.value, row.score.items) for row in rows] == [
        ("file", 1.0, 2),
        ("rows", 0.5, 2),
    ]
    assert (rows[0].ranks.platform, rows[0].ranks.all_.best) == (None, 1)
    unchanged = get_leaderboard.sync_detailed(
        board.id, client=client, if_none_match=standings.headers["ETag"]
    )
    assert (unchanged.status_code, unchanged.parsed) == (304, None)
    client.get_httpx_client().close()


def test_every_error_is_an_object_of_one_class(token: str, live_server: Any) -> None:
    from plumbmark_client import AuthenticatedClient, models
    from plumbmark_client.api.account import get_me
    from plumbmark_client.api.runs import submit_outputs
    from plumbmark_client.api.tasks import create_task, get_task

    body = models.TaskWrite(title="Capitals")
    with (
        AuthenticatedClient(live_server.url, token=token, raise_on_unexpected_status=True) as mine,
        AuthenticatedClient(live_server.url, token="pmk_wrong") as theirs,
    ):
        assert get_me.sync(client=mine).handle == "ada"
        assert create_task.sync(client=mine, body=body, idempotency_key="once").title == "Capitals"
        answers = [
            get_me.sync(client=theirs),
            get_task.sync("nothing", client=mine),
            submit_outputs.sync(
                "nothing", client=mine, body=models.SubmissionWrite(model_name="x", outputs=[])
            ),
            create_task.sync(client=mine, body=models.TaskWrite(title="A" * 200)),
            create_task.sync(
                client=mine, body=models.TaskWrite(title="Other"), idempotency_key="once"
            ),
        ]

    assert {type(answer) for answer in answers} == {models.ProblemDetails}
    assert [answer.status for answer in answers] == [401, 404, 404, 422, 409]
    (problem,) = answers[3].problems
    assert (problem.path, problem.line) == ("title", None)
    assert "120" in problem.message
