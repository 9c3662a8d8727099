"""The unmodified `kaggle` package against real processes of the platform."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import DEFINITION, rows
from tests.stack import ROOT, Api, Stack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("kaggle") is None,
        reason="the kaggle package is missing; install the dev extra again",
    ),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    from django.conf import settings

    state = tmp_path_factory.mktemp("platform") / "state"
    with Stack(state, sandbox_env_dir=str(settings.SANDBOX_ENV_DIR)) as stack:
        # First of all: it loads nothing where there are tasks already.
        stack.manage("load_demo")
        for name in ("web", "gateway", "beat", "worker1"):
            stack.start(name)
        stack.shell(
            "import json; from plumbmark.gateway.actions import ensure_baselines\n"
            "print(json.dumps(len(ensure_baselines())))"
        )
        yield stack


@pytest.fixture(scope="module")
def ada(stack: Stack) -> Api:
    """Return a person with a published private task `numbers` of four items."""
    api = stack.account("ada")
    task = api.post("tasks", {"title": "Numbers"})
    data = "\n".join(json.dumps(row) for row in rows(4)).encode()
    api.send(
        "PUT",
        f"tasks/{task['id']}/draft",
        {"definition": DEFINITION},
        {"data_file": ("items.jsonl", data)},
    )
    api.post(f"tasks/{task['id']}/publish", {})
    return api


class Shell:
    """A home of its own, in which another site's key lies that must never be sent here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        keys = folder / ".kaggle"
        keys.mkdir()
        key = {"username": "somebody", "key": "0123456789abcdef0123456789abcdef"}
        (keys / "kaggle.json").write_text(json.dumps(key))
        (keys / "kaggle.json").chmod(0o600)

    def run(
        self, command: list[str], environment: dict[str, str], text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env={
                "HOME": str(self.folder),
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT / "platform"),
                **environment,
            },
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def launch(self, server: str, token: str, *arguments: str, **environment: str) -> Any:
        """Run `plumbmark-kaggle`."""
        return self.run(
            [sys.executable, "-m", "plumbmark.compat.kaggle.launcher", *arguments],
            {"PLUMBMARK_URL": server, "PLUMBMARK_TOKEN": token, **environment},
        )

    def kaggle(self, *arguments: str, **environment: str) -> Any:
        """Run the package as it is, by the variables that it knows."""
        return self.run(
            [sys.executable, "-m", "kaggle", *arguments],
            {"KAGGLE_API_ENVIRONMENT": "LOCALHOST", **environment},
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def output(done: Any) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def test_a_task_is_run_watched_downloaded_and_published(
    stack: Stack, ada: Api, shell: Shell
) -> None:
    def kaggle(*arguments: str) -> str:
        return output(shell.launch(stack.url, ada.token, "b", *arguments))

    listed = kaggle("tasks", "list", "--all")
    scheduled = kaggle(
        *(
            "tasks",
            "run",
            "numbers",
            "-m",
            "echo",
            "-m",
            "constant",
            "--wait",
            "--poll-interval",
            "1",
        )
    )
    status = kaggle("tasks", "status", "numbers")
    log = kaggle("tasks", "log", "numbers", "-m", "echo")
    downloaded = kaggle("tasks", "download", "numbers", "-m", "echo", "-s")
    again = kaggle("tasks", "download", "numbers", "-m", "echo")
    published = kaggle("tasks", "publish", "numbers")
    twice = kaggle("tasks", "publish", "numbers", "--no-publish-backing-notebook")

    assert "numbers" in listed
    assert "echo: Scheduled" in scheduled
    assert "echo: COMPLETED" in scheduled
    assert "constant: COMPLETED" in scheduled
    assert "Version:  1" in status
    assert f"{stack.url}/tasks/ada/numbers/" in status
    assert status.count("Completed") == 3
    assert "queued" in log
    assert "Showed logs for 1 run(s)" in log
    assert "Done: 1 run(s) downloaded" in downloaded
    assert "Done: 1 run(s) cached" in again
    [run] = (shell.folder / "numbers" / "1" / "echo").iterdir()
    assert {file.name for file in run.iterdir()} == {
        "plumbmark-run.json",
        "plumbmark-samples.jsonl",
        "plumbmark-task.json",
    }
    assert len((run / "plumbmark-samples.jsonl").read_text().splitlines()) == 4
    facts = json.loads((run / "plumbmark-run.json").read_text())
    assert facts["run"] == int(run.name)
    assert facts["estimate"]["value"] == 0
    assert f"Task URL: {stack.url}/tasks/ada/numbers/" in published
    assert "already public" in twice


PLAIN = """\
# %% [markdown]
# A program without the SDK.

# %%
import json, os, urllib.request

def task(name):
    return lambda function: function

# %%
@task(name="Plain One")
def plain_one():
    body = {"model": os.environ["LLM_DEFAULT"], "messages": [{"role": "user", "content": "yes"}]}
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer none"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        said = json.load(answer)["choices"][0]["message"]["content"]
    print("the model said", said)
    return said == "yes"

with open("plumbmark.result.json", "w") as file:
    json.dump({"plumbmark": 1, "score": plain_one()}, file)
"""
WITH_SDK = """\
# %%
import kaggle_benchmarks as kbench

# %%
@kbench.task(name="Says hello")
def says_hello(llm) -> bool:
    \"\"\"Greets.\"\"\"
    return "hello" in llm.prompt("Say hello.")

says_hello.run(kbench.llm)
"""


def has_sandbox() -> bool:
    from tasks_app.workers import sandbox as sandboxing

    return sandboxing.is_here()


def has_sdk() -> bool:
    from django.conf import settings

    return (settings.SANDBOX_ENV_DIR / "bin" / "python").exists()


@pytest.mark.parametrize(
    ("name", "code", "left"),
    [
        pytest.param("plain-one", PLAIN, "plumbmark.result.json", id="plain"),
        pytest.param(
            "says-hello",
            WITH_SDK,
            "Says_hello.task.json",
            id="sdk",
            marks=pytest.mark.skipif(
                not has_sdk(),
                reason="manage.py build_sandbox_environment has not made the SDK's environment",
            ),
        ),
    ],
)
@pytest.mark.skipif(not has_sandbox(), reason="no sandbox holds on this machine")
def test_a_file_is_pushed_run_watched_downloaded_and_published(
    stack: Stack, shell: Shell, name: str, code: str, left: str
) -> None:
    author = stack.account(f"author-of-{name}")

    def kaggle(*arguments: str) -> str:
        return output(shell.launch(stack.url, author.token, "b", "tasks", *arguments))

    file = shell.folder / "task.py"
    file.write_text(code)
    pushed = kaggle("push", name, "-f", "task.py", "-d", "somebody/data", "--wait")
    ran = kaggle("run", name, "-m", "echo", "--wait", "--poll-interval", "1")
    log = kaggle("log", name)
    downloaded = kaggle("download", name, "-s")
    unchanged = kaggle("push", name, "-f", "task.py")
    file.write_text(code + "\n# Another comment.\n")
    again = kaggle("push", name, "-f", "task.py")
    status = kaggle("status", name)
    published = kaggle("publish", name)

    assert f"Pushed {name}" in pushed
    assert "Completed" in pushed
    assert "echo: COMPLETED" in ran
    assert "Showed logs for 1 run(s)" in log
    assert "Done: 1 run(s) downloaded" in downloaded
    [folder] = (shell.folder / name / "1" / "echo").iterdir()
    assert {left, "plumbmark-run.json", "__notebook_source__.ipynb"} <= {
        file.name for file in folder.iterdir()
    }
    assert json.loads((folder / "plumbmark-run.json").read_text())["estimate"]["value"] == 1
    assert "Nothing changed since version 1." in unchanged
    assert f"Pushed new version of {name}" in again
    assert "Nothing changed" not in again
    assert "Version:  2" in status
    assert "No runs yet" in status
    assert "Backing notebook also published." in published
    if name == "plain-one":
        assert "the model said yes" in log


SLOW = """\
import json, time

def task(name):
    return lambda function: function

@task(name="Slow One")
def slow_one():
    print("the beginning", flush=True)
    time.sleep(8)
    print("the end", flush=True)
    return True

with open("plumbmark.result.json", "w") as file:
    json.dump({"plumbmark": 1, "score": slow_one()}, file)
"""


@pytest.mark.skipif(not has_sandbox(), reason="no sandbox holds on this machine")
def test_a_log_is_followed_to_its_end(stack: Stack, shell: Shell) -> None:
    dora = stack.account("dora")
    (shell.folder / "task.py").write_text(SLOW)

    def kaggle(*arguments: str) -> str:
        return output(shell.launch(stack.url, dora.token, "b", "tasks", *arguments))

    kaggle("push", "slow-one", "-f", "task.py")
    kaggle("run", "slow-one", "-m", "echo")
    stack.wait_for(lambda: dora.get("runs?namespace=dora")["results"][0]["state"] != "queued")
    log = kaggle("log", "slow-one")

    assert "the beginning" in log
    assert "the end" in log


def test_code_that_cannot_count_is_refused_with_its_reason(
    stack: Stack, ada: Api, shell: Shell
) -> None:
    (shell.folder / "task.py").write_text(WITH_SDK.replace("says_hello.run(kbench.llm)", ""))

    done = shell.launch(
        *(stack.url, ada.token, "b", "tasks", "push", "says-hello", "-f", "task.py")
    )
    taken = shell.folder / "taken.py"
    taken.write_text(WITH_SDK.replace("Says hello", "Numbers"))
    refused = shell.launch(
        *(stack.url, ada.token, "b", "tasks", "push", "numbers", "-f", "taken.py")
    )

    assert done.returncode == refused.returncode == 1
    assert ".run(" in done.stderr
    assert "is a task with a definition" in refused.stderr


def test_waiting_ends_where_no_run_could_start(stack: Stack, ada: Api, shell: Shell) -> None:
    stack.shell(
        "import json; from plumbmark.gateway.actions import add_deployment\n"
        "made = add_deployment(slug='acme/unpriced', provider='openai', upstream_id='unpriced',\n"
        "                      base_url='http://127.0.0.1:9/v1', by=None)\n"
        "print(json.dumps(made.pk))"
    )

    done = shell.launch(
        *(stack.url, ada.token, "b", "tasks", "run", "numbers", "-m", "unpriced", "--wait")
    )

    assert done.returncode == 1
    assert "No run could start." in done.stderr
    assert "numbers with unpriced: No price is known for acme/unpriced" in done.stderr
    assert "An administrator can set one." in done.stderr


def test_models_quota_and_a_token_for_the_sdk(stack: Stack, shell: Shell) -> None:
    ben = stack.account("ben")

    models = output(shell.launch(stack.url, ben.token, "b", "tasks", "models"))
    quota = output(shell.launch(stack.url, ben.token, "b", "quota"))
    made = output(shell.launch(stack.url, ben.token, "b", "init", "-y"))

    assert "echo" in models
    for period in ("Daily", "Monthly"):
        # The package's own table: what is used, what remains and the whole.
        assert re.search(rf"^{period} +\$0\.00 +(\$\d+\.\d\d) +\1 ", quota, re.MULTILINE)
    assert "Environment initialized!" in made
    written = dict(
        line.split("=", 1) for line in (shell.folder / ".env").read_text().splitlines() if line
    )
    assert written["MODEL_PROXY_URL"] == f"{stack.gateway_url}/compat/kaggle/models"
    assert written["MODEL_PROXY_API_KEY"].startswith("pmk_")
    assert written["LLM_DEFAULT"] in written["LLMS_AVAILABLE"].split(",")
    assert "baseline/echo" in written["LLMS_AVAILABLE"].split(",")
    # It calls models and nothing else.
    refused = shell.launch(stack.url, written["MODEL_PROXY_API_KEY"], "b", "tasks", "list", "--all")
    assert refused.returncode == 1
    assert "lacks the scope “read”" in refused.stderr


def test_a_leaderboard_is_shown_and_saved(stack: Stack, ada: Api, shell: Shell) -> None:
    found = stack.shell(
        "import json; from benchmarks_app.models import Benchmark\n"
        "b = Benchmark.objects.select_related('namespace').get(slug='demo-first-steps')\n"
        "print(json.dumps(f'{b.namespace.handle}/{b.slug}'))"
    )
    version = stack.shell(
        "import json; from benchmarks_app.models import Benchmark\n"
        "b = Benchmark.objects.get(slug='demo-first-steps')\n"
        "print(json.dumps(b.latest_version.public_id))"
    )
    rows_of_board: list[Any] = []

    def is_there() -> bool:
        try:
            content = ada.get(f"benchmark-versions/{version}/leaderboard")["content"]
        except AssertionError:
            return False
        rows_of_board[:] = content["rows"]
        return bool(rows_of_board) and all(row["score"] for row in rows_of_board)

    stack.wait_for(is_there)

    shown = output(shell.launch(stack.url, ada.token, "b", "leaderboard", found, "-s", "--csv"))
    output(shell.launch(stack.url, ada.token, "b", "leaderboard", found, "-d", "-p", "."))
    unknown = shell.launch(stack.url, ada.token, "b", "leaderboard", "ada/nothing", "-s")

    lines = shown.strip().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [
        row["contender"]["label"] for row in rows_of_board
    ]
    value = rows_of_board[0]["tasks"][0]["value"]
    assert str(value) in lines[1].split(",")
    [saved] = shell.folder.glob("*.csv")
    assert len(saved.read_text().strip().splitlines()) == len(lines)
    assert unknown.returncode == 1
    assert "There is no benchmark ada/nothing that you can see." in unknown.stderr


def test_what_is_unknown_is_told(stack: Stack, ada: Api, shell: Shell) -> None:
    cleo = stack.account("cleo")

    no_task = shell.launch(stack.url, ada.token, "b", "tasks", "status", "nothing")
    no_model = shell.launch(stack.url, ada.token, "b", "tasks", "run", "numbers", "-m", "ecko")
    not_mine = shell.launch(stack.url, cleo.token, "b", "tasks", "publish", "ada/numbers")
    no_procedure = shell.launch(stack.url, ada.token, "b", "topics", "list", "ada/numbers")

    assert no_task.returncode == no_model.returncode == not_mine.returncode == 1
    assert "'nothing' not found" in no_task.stderr
    assert "Did you mean echo?" in no_model.stderr
    assert no_procedure.returncode == 1
    assert "is not served here" in no_procedure.stderr


@pytest.mark.parametrize(
    "token", ["pmk_wrong", "pmk_0123456789012345678901234567890123456789000000"]
)
def test_a_wrong_token_is_told_and_nothing_else_is_tried(
    stack: Stack, shell: Shell, token: str
) -> None:
    done = shell.launch(stack.url, token, "b", "tasks", "list")

    assert done.returncode == 1
    assert "does not know this token" in done.stderr
    assert token not in done.stdout + done.stderr


def test_the_package_itself_gets_here_through_its_proxy_variable(
    stack: Stack, ada: Api, shell: Shell
) -> None:
    by_token = shell.kaggle(
        *("b", "tasks", "status", "numbers"), HTTP_PROXY=stack.url, KAGGLE_API_TOKEN=ada.token
    )
    by_name = shell.kaggle(
        *("b", "tasks", "status", "numbers"),
        HTTP_PROXY=stack.url,
        KAGGLE_USERNAME="ada",
        KAGGLE_KEY=ada.token,
    )
    by_another_name = shell.kaggle(
        *("b", "tasks", "list"),
        HTTP_PROXY=stack.url,
        KAGGLE_USERNAME="ben",
        KAGGLE_KEY=ada.token,
    )

    assert "Task:     numbers" in output(by_token)
    assert "Task:     numbers" in output(by_name)
    assert by_another_name.returncode == 1


def test_the_server_is_no_open_proxy(stack: Stack) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=300)
    connection.putrequest("GET", "http://example.org/", skip_host=True)
    connection.putheader("Host", "example.org")
    connection.endheaders()

    assert connection.getresponse().status == 400
    connection.close()


def test_a_zip_of_the_platform_is_whole(stack: Stack, ada: Api, tmp_path: Path) -> None:
    import urllib.request

    run = ada.get("runs?namespace=ada")["results"][0]["id"]
    request = urllib.request.Request(
        f"{stack.url}/v1/benchmarks.BenchmarkTasksApiService/DownloadBenchmarkTaskRunOutput",
        data=json.dumps({"runId": run}).encode(),
        headers={"Authorization": f"Bearer {ada.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        (tmp_path / "run.zip").write_bytes(answer.read())

    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["plumbmark-run.json", "plumbmark-samples.jsonl"]
