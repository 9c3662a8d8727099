"""Code tasks end to end: the real sandbox, a real gateway process, a fake provider."""

import itertools
import json
import re
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from plumbmark.common.errors import Conflict, InvalidInput
from plumbmark.gateway.actions import set_quota
from plumbmark.gateway.calls.policy import KEPT_SECONDS
from plumbmark.gateway.models import Call
from tasks_app.authoring import publication
from tasks_app.code_tasks import kind
from tasks_app.code_tasks.actions import save_code_draft
from tasks_app.code_tasks.auxiliary_models import find_auxiliary_models
from tasks_app.models import (
    LogChunk,
    ProgramReport,
    Run,
    RunArtifact,
    Sample,
    SampleCall,
    SampleScore,
    Scoring,
    TaskVersion,
)
from tasks_app.runs.control import cancel_run, pause_run, resume_run, set_spend_limit
from tasks_app.workers import sandbox as sandboxing
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not sandboxing.is_here(), reason="no sandbox holds on this machine"),
]

_numbers = itertools.count(1)
ASKING = """
import json, os, urllib.request

def ask(question):
    body = {"model": os.environ["LLM_DEFAULT"], "messages": [{"role": "user", "content": question}]}
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer none"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]

def finish(**result):
    with open("plumbmark.result.json", "w") as file:
        json.dump({"plumbmark": 1, **result}, file)
"""


def published(
    world: Any, code: str, *, name: str = "task.py", settings_text: str = "", **more: Any
) -> TaskVersion:
    task = world.task(f"Program {next(_numbers)}")
    save_code_draft(
        task=task,
        upload=SimpleUploadedFile(name, code.encode()),
        settings_text=settings_text,
        by=world.ada,
        **more,
    )
    return publication.publish_task(task=task, visibility="public", by=world.ada)


def ran(world: Any, version: TaskVersion, **given: Any) -> Run:
    run: Run = world.start(version, **given)
    world.work()
    run.refresh_from_db()
    return run


def log_of(run: Run) -> str:
    chunks = LogChunk.objects.filter(run=run).order_by("position")
    return "".join(chunks.values_list("text", flat=True))


def test_a_program_asks_the_model_and_its_result_is_the_score(
    world: Any, gateway: None, tmp_path: Path
) -> None:
    code = ASKING + (
        "sums = {'2+3': '5', '4+4': '8', '1+1': '3'}\n"
        "answers = {sum: ask(f'What is {sum}?') for sum in sums}\n"
        "print('asked', len(answers))\n"
        "open('notes.txt', 'w').write('kept')\n"
        "finish(score={'passed': sum(answers[s] == sums[s] for s in sums), 'of': 3}, samples=[\n"
        "    {'id': s, 'score': answers[s] == sums[s], 'output': answers[s],\n"
        "     'messages': [{'role': 'user', 'content': s},\n"
        "                  {'role': 'assistant', 'content': answers[s]}],\n"
        "     'assertions': [{'name': 'right', 'passed': answers[s] == sums[s]}]} for s in sums])\n"
    )
    version = published(world, code)
    assert (version.kind, version.item_count) == (TaskVersion.Kind.CODE, 1)

    run = ran(world, version)

    assert run.state == Run.State.COMPLETED, (run.failure, log_of(run))
    scoring = Scoring.objects.get(run=run)
    assert scoring.value == pytest.approx(2 / 3)
    assert scoring.estimate is not None
    assert scoring.estimate["method"] == "wilson"
    assert scoring.estimate["low"] == pytest.approx(0.2077, abs=1e-4)
    assert scoring.estimate["high"] == pytest.approx(0.9385, abs=1e-4)
    sample = Sample.objects.get(run=run)
    score = SampleScore.objects.get(sample=sample)
    assert score.answer == "2 of 3"
    assert score.explanation == "2 of 3 checks passed."
    assert score.details["result"] == {"kind": "count", "value": 2 / 3, "passed": 2, "of": 3}
    assert [one["id"] for one in score.details["samples"]] == ["2+3", "4+4", "1+1"]
    assert [one["content"] for one in sample.messages][:2] == ["2+3", "5"]
    assert log_of(run) == "asked 3\n"
    kept = {one.path: one for one in RunArtifact.objects.filter(run=run)}
    assert set(kept) == {"notes.txt", "plumbmark.result.json"}
    with kept["notes.txt"].file.open("rb") as file:
        assert file.read() == b"kept"
    calls = Call.objects.filter(grant=run.grant)
    assert calls.count() == 3
    links = SampleCall.objects.filter(sample=sample).values_list("call_id", "role")
    assert set(links) == {(call.pk, "candidate") for call in calls}
    assert run.charged == sample.charged == sum(call.charged for call in calls) > 0
    assert run.upstream_models == ["arithmetic-2026-01-01"]
    assert ProgramReport.objects.get(run=run).ending == "exited"
    assert list((tmp_path / "code-runs").iterdir()) == []


@pytest.mark.parametrize("ending", ["finish(score=1.0)", "raise ValueError"])
def test_a_program_whose_model_gives_shorter_answers_has_it_noted(
    world: Any, gateway: None, ending: str
) -> None:
    # Asked for without a limit, answers may have 4,096 tokens; this model gives 24.
    contender = world.contender_of(world.add_deployment("short-answers"))
    code = ASKING + f"ask('What is 2+3?')\nask('What is 1+1?')\n{ending}\n"

    run = ran(world, published(world, code), contender=contender)

    assert run.state == ("completed" if "finish" in ending else "failed"), log_of(run)
    noted = [line for line in run.log if line["event"] == "output limit lowered"]
    assert [line["max_output_tokens"] for line in noted] == [24]
    assert "24 output tokens" in noted[0]["detail"]
    assert "what the program asked for" in noted[0]["detail"]
    limits = Call.objects.filter(grant=run.grant).values_list("attempts", flat=True)
    assert [attempts[-1]["max_output_tokens"] for attempts in limits] == [24, 24]
    client = Client()
    client.force_login(world.ada)
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "Answers were shorter than the program asked for" in page


def test_a_program_that_fails_says_where(world: Any, gateway: None) -> None:
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "code", "source": "text = 'plumbmark.result.json'\nprint('first')"},
            {"cell_type": "markdown", "source": "# Words"},
            {"cell_type": "code", "source": "values = []\nvalues[3]"},
        ],
    }
    version = published(world, json.dumps(notebook), name="task.ipynb")

    run = ran(world, version)

    assert run.state == Run.State.FAILED
    assert run.failure == (
        "The program ended with exit code 1, at cell 2, line 2: IndexError: list index out of range"
    )
    assert "first" in log_of(run)
    assert Sample.objects.filter(run=run).count() == 0
    assert Scoring.objects.get(run=run).state == Scoring.State.FAILED


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("print('plumbmark.result.json')", "without writing plumbmark.result.json"),
        ("open('plumbmark.result.json', 'w').write('{')", "cannot be read"),
        (
            "import os\nos.symlink('/etc/hostname', 'plumbmark.result.json')",
            "without writing plumbmark.result.json",
        ),
        (ASKING + "finish(score=float('nan'))", "NaN"),
        (ASKING + "finish(score=2)", "outside of the metric's bounds"),
        ("'plumbmark.result.json'\nx = []\nwhile True: x.append(' ' * 10**7)", "more memory"),
        ("'plumbmark.result.json'\nraise SystemExit(3)", "exit code 3. It printed nothing."),
    ],
)
def test_a_program_without_a_result_fails_with_the_reason(
    world: Any, gateway: None, code: str, why: str
) -> None:
    version = published(world, code, settings_text="metric: {lower: 0, upper: 1}")

    run = ran(world, version)

    assert run.state == Run.State.FAILED
    assert why in run.failure


def test_attached_files_are_there_to_be_read_and_steering_files_steer_nothing(
    world: Any, gateway: None
) -> None:
    code = ASKING + (
        "open('.env', 'w').write('OPENAI_BASE_URL=http://10.0.0.1')\n"
        "rows = open('/kaggle/input/sums.csv').read().split()\n"
        "try:\n"
        "    open('/kaggle/input/sums.csv', 'w')\n"
        "except OSError as error:\n"
        "    print('refused', error.errno)\n"
        "score = sum(ask(row) == '5' for row in rows) / len(rows)\n"
        "finish(score=score, interval={'radius': 0.25})\n"
    )
    version = published(
        world, code, attach=[SimpleUploadedFile("sums.csv", b"2+3\n1+4\n2+2\n4+4\n")]
    )

    run = ran(world, version)

    assert run.state == Run.State.COMPLETED, (run.failure, log_of(run))
    estimate = Scoring.objects.get(run=run).estimate
    assert estimate is not None
    assert (estimate["value"], estimate["low"], estimate["high"]) == (0.5, 0.25, 0.75)
    assert estimate["method"] == "reported"
    assert "refused 30" in log_of(run)


def test_only_the_contenders_own_model_can_be_asked_and_no_token_is_seen(
    world: Any, gateway: None
) -> None:
    world.add_deployment("echo")
    code = ASKING + (
        "import urllib.error\n"
        "os.environ['LLM_DEFAULT'] = 'fake/' + 'echo'\n"
        "try:\n"
        "    ask('hello')\n"
        "except urllib.error.HTTPError as error:\n"
        "    print(error.code)\n"
        "print(sorted(os.environ.values()))\n"
        "finish(score=1)\n"
    )

    run = ran(world, published(world, code))

    assert run.state == Run.State.COMPLETED, run.failure
    assert log_of(run).startswith("404\n")
    assert "pmg_" not in log_of(run)


def test_a_spend_limit_stops_the_program_and_a_higher_one_starts_it_anew(
    world: Any, gateway: None
) -> None:
    code = ASKING + (
        "right = 0\n"
        "for n in range(3):\n"
        "    print('asks', n, flush=True)\n"
        "    try:\n"
        "        right += ask(f'{n}+{n}') == str(2 * n)\n"
        "    except Exception:\n"
        "        import time; time.sleep(3600)\n"
        "finish(score={'passed': right, 'of': 3})\n"
    )
    version = published(world, code)
    run = ran(world, version, spend_limit=100)

    assert (run.state, run.pause_reason) == (Run.State.PAUSED, Run.PauseReason.LIMIT)
    assert run.cost_bound == 100
    assert "asks 0" in log_of(run)

    set_spend_limit(run=run, spend_limit=10**12, by=world.ada)
    run.refresh_from_db()
    assert (run.state, run.cost_bound) == (Run.State.QUEUED, 10**12)
    # The gateway keeps a grant's terms for ten seconds, so the program is not started before.
    world.work()
    run.refresh_from_db()
    assert run.state == Run.State.QUEUED
    time.sleep(KEPT_SECONDS + 1)
    world.work()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED, run.failure
    assert Scoring.objects.get(run=run).value == 1.0
    assert "The program starts again" in log_of(run)


def test_a_program_is_not_started_where_the_quota_leaves_nothing(world: Any, gateway: None) -> None:
    version = published(world, ASKING + "finish(score={'passed': 1, 'of': 1})\n")
    set_quota(namespace=world.ada.namespace, day_cap=0, month_cap=10**12, by=None)

    with pytest.raises(Conflict, match=r"The day's limit renews on \d{4}-\d\d-\d\d 00:00 UTC"):
        world.start(version)
    assert not Run.objects.exists()


def test_errors_refuse_to_build_a_version(world: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        published(world, "import numpy\nprint('plumbmark.result.json')\ndef f(:\n")
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == ("code", 3)

    with pytest.raises(InvalidInput) as caught:
        published(world, "import numpy\nprint('plumbmark.result.json')\n")
    assert "numpy" in caught.value.problems[0].message


WAITING = (
    "print('here', flush=True)\nimport time\ntime.sleep(3600)\nopen('plumbmark.result.json', 'w')\n"
)


def test_cancelling_ends_the_program_long_before_its_time(world: Any, gateway: None) -> None:
    run: Run = world.start(published(world, WAITING))
    worker = threading.Thread(target=world.work)
    worker.start()
    wait_until(lambda: "here" in log_of(run))

    cancel_run(run=run, by=world.ada)
    worker.join(timeout=300)

    assert not worker.is_alive()
    run.refresh_from_db()
    assert run.state == Run.State.CANCELLED
    assert not RunArtifact.objects.filter(run=run).exists()


def test_a_paused_program_starts_anew_when_it_is_resumed(world: Any, gateway: None) -> None:
    code = ASKING + (
        "import time\n"
        "answer = ask('Shall I go on?')\n"
        "print(answer, flush=True)\n"
        "if answer == 'wait':\n"
        "    time.sleep(3600)\n"
        "finish(score=1)\n"
    )
    world.provider.configure(models={"arithmetic": "constant:wait"})
    run: Run = world.start(published(world, code))
    worker = threading.Thread(target=world.work)
    worker.start()
    wait_until(lambda: "wait" in log_of(run))

    pause_run(run=run, by=world.ada)
    worker.join(timeout=300)
    assert not worker.is_alive()
    world.provider.configure(models={"arithmetic": "constant:go"})
    resume_run(run=run, by=world.ada)
    world.work()

    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED, run.failure
    calls = Call.objects.filter(grant=run.grant)
    assert calls.count() == 2
    assert run.charged == sum(call.charged for call in calls)
    roles = SampleCall.objects.filter(sample__run=run).order_by("position")
    assert list(roles.values_list("role", flat=True)) == ["earlier try", "candidate"]


OTHERS = """
import os, urllib.error
print(os.environ["LLM_DEFAULT_JUDGE"], os.environ["LLMS_AVAILABLE"])
asked = %r
answers = []
for os.environ["LLM_DEFAULT"] in asked:
    try:
        answers.append(ask("What is 2+2?"))
    except urllib.error.HTTPError as error:
        answers.append(error.code)
print(answers)
finish(score=0.5)
"""


def test_a_program_may_ask_its_judge_and_the_models_of_its_settings(
    world: Any, gateway: None
) -> None:
    world.add_deployment("judge")
    world.add_deployment("constant:no")
    world.add_deployment("echo")
    asked = ["fake/arithmetic", "fake/judge", "constant:no", "fake/echo"]
    version = published(
        world,
        ASKING + OTHERS % asked,
        settings_text="judge: fake/judge\nmodels: ['constant:no']\n",
    )

    run = ran(world, version)

    assert run.state == Run.State.COMPLETED, (run.failure, log_of(run))
    assert run.parameters["judge"] == "fake/judge"
    assert run.parameters["models"] == {"constant:no": "fake/constant:no"}
    assert log_of(run).splitlines() == [
        "fake/judge fake/arithmetic,fake/judge,constant:no",
        "['4', 'I see nothing to judge.', 'no', 404]",
    ]
    sample = Sample.objects.get(run=run)
    roles = SampleCall.objects.filter(sample=sample).order_by("position")
    assert list(roles.values_list("role", flat=True)) == ["candidate", "judge", "other model"]
    assert run.charged == sum(
        Call.objects.filter(grant=run.grant).values_list("charged", flat=True)
    )


def test_a_program_that_asks_others_alone_says_nothing_of_the_model(
    world: Any, gateway: None
) -> None:
    world.add_deployment("judge")
    version = published(world, ASKING + OTHERS % ["fake/judge"], settings_text="judge: fake/judge")

    run = ran(world, version)

    assert run.state == Run.State.FAILED
    assert run.failure.startswith("The program asked only fake/judge and never fake/arithmetic")
    assert not Sample.objects.filter(run=run).exists()


def test_a_judge_that_is_not_here_is_refused_before_publication(world: Any) -> None:
    with pytest.raises(InvalidInput, match="no model 'none/such' on this platform"):
        published(world, ASKING, settings_text="judge: none/such")


def test_a_judge_without_a_price_is_the_one_that_is_told(world: Any, gateway: None) -> None:
    world.add_deployment("judge", priced=False)
    version = published(world, ASKING + OTHERS % [], settings_text="judge: fake/judge")

    with pytest.raises(Conflict, match="No price is known for fake/judge, which the program may"):
        world.start(version)
    assert not Run.objects.exists()


def test_further_models_are_looked_up_once_for_a_run_and_for_whoever_pays_it(
    world: Any, gateway: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_deployment("judge")
    version = published(world, ASKING + OTHERS % [], settings_text="judge: fake/judge")
    asked = []

    def counted(definition: Any, *, payer: Any) -> Any:
        asked.append(payer)
        return find_auxiliary_models(definition, payer=payer)

    monkeypatch.setattr(kind, "find_auxiliary_models", counted)
    bob = world.person("bob")
    world.start(version, by=bob)
    assert asked == [bob.namespace]


def test_a_judge_that_went_away_refuses_the_run(world: Any, gateway: None) -> None:
    judge = world.add_deployment("judge")
    version = published(world, ASKING + OTHERS % [], settings_text="judge: fake/judge")
    judge.is_active = False
    judge.save()

    with pytest.raises(Conflict, match="fake/judge, which cannot be called here"):
        world.start(version)
    assert not Run.objects.exists()


SDK = """\
import kaggle_benchmarks as kbench

# %%
@kbench.task(name="Sums")
def sums(llm) -> tuple[int, int]:
    right = 0
    for a in range(4):
        answer = llm.prompt(f"What is {a}+{a}?")
        kbench.assertions.assert_equal(str(2 * a), answer, expectation=f"{a}+{a}")
        right += answer == str(2 * a)
    return right, 4

# %%
sums.run(kbench.llm)
"""


@pytest.mark.skipif(
    sandboxing.environment_python() is None,
    reason="the sandbox's environment is not built; manage.py build_sandbox_environment makes it",
)
def test_an_unmodified_task_of_the_sdk_is_run(world: Any, gateway: None) -> None:
    world.provider.configure(models={"arithmetic": "arithmetic:0.5"})
    version = published(world, SDK)
    assert version.definition["environment"] == "kaggle-benchmarks"
    assert [item.key for item in version.items.all()] == ["Sums"]

    run = ran(world, version)

    assert run.state == Run.State.COMPLETED, (run.failure, log_of(run))
    sample = Sample.objects.get(run=run)
    details = SampleScore.objects.get(sample=sample).details
    assert details["result"]["of"] == 4
    assert [one["name"] for one in details["checks"]] == [f"{a}+{a}" for a in range(4)]
    passed = sum(one["status"] == "passed" for one in details["checks"])
    assert details["result"]["passed"] == passed
    estimate = Scoring.objects.get(run=run).estimate
    assert estimate is not None
    assert (estimate["value"], estimate["method"]) == (passed / 4, "wilson")
    assert [one["role"] for one in sample.messages] == ["user", "assistant"] * 4
    assert Call.objects.filter(grant=run.grant).count() == 4


@pytest.mark.skipif(
    sandboxing.environment_python() is None,
    reason="the sandbox's environment is not built; manage.py build_sandbox_environment makes it",
)
def test_a_task_of_the_sdk_that_raises_fails_with_its_line(world: Any, gateway: None) -> None:
    code = SDK.replace("    right = 0\n", "    right = {}['none']\n")

    run = ran(world, published(world, code))

    assert run.state == Run.State.FAILED
    assert run.failure == "The task failed: KeyError: 'none'"
    assert RunArtifact.objects.filter(run=run, path__endswith=".run.json").exists()


def test_without_the_environment_the_sdk_is_refused_with_the_way_out(
    world: Any, settings: Any, tmp_path: Path
) -> None:
    settings.SANDBOX_ENV_DIR = tmp_path / "none"
    version = published(world, SDK)

    with pytest.raises(Conflict, match="build_sandbox_environment"):
        world.start(version)


PAGE = Path(__file__).resolve().parents[3] / "docs" / "authors" / "code-tasks.md"


def test_the_program_that_the_documentation_shows_works(world: Any, gateway: None) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)

    run = ran(world, published(world, program))

    assert run.state == Run.State.COMPLETED, (run.failure, log_of(run))
    assert Scoring.objects.get(run=run).value == 1.0


@pytest.mark.skipif(
    sandboxing.environment_python() is None,
    reason="the sandbox's environment is not built; manage.py build_sandbox_environment makes it",
)
def test_the_task_of_the_sdk_that_the_documentation_shows_works(world: Any, gateway: None) -> None:
    world.provider.configure(models={"arithmetic": "constant:Paris"})
    (task,) = re.findall(r"(    import kaggle_benchmarks.*?\n)\n[A-Z]", PAGE.read_text(), re.DOTALL)

    run = ran(world, published(world, textwrap.dedent(task)))

    assert run.state == Run.State.COMPLETED, (run.failure, log_of(run))
    assert SampleScore.objects.get(sample__run=run).answer == "1 of 2"
