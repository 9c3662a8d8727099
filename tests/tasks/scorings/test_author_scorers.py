"""Authors' scorers and checks of tools, over runs and again over what is stored."""

import json
import math
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tasks_app.authoring import drafts, publication
from tasks_app.models import Run, Sample, SampleScore, Scoring, TaskVersion
from tasks_app.runs.submissions import submit_outputs
from tasks_app.scorings.estimates import compute_result
from tasks_app.scorings.plans import queue_scoring
from tasks_app.workers import sandbox as sandboxing
from tests.tasks.runs.test_tools import WEATHER, published

pytestmark = pytest.mark.django_db(transaction=True)
in_the_sandbox = pytest.mark.skipif(
    not sandboxing.is_here(), reason="no sandbox holds on this machine"
)

SOURCE = """\
import os
import time

def score(output, target, item):
    if output == "raise":
        raise ValueError("bad")
    if output == "hang":
        time.sleep(600)
    if output == "all":
        os.kill(os.getppid(), 9)
        time.sleep(600)
    if output == "much":
        return 2
    if output == "halves":
        return {"value": 1, "answer": "\\ud800\\0", "explanation": "\\udfff" + "x" * 9000}
    print("noise")
    return {
        "value": 1.0 if output == target else item["weight"],
        "explanation": f"{output!r} against {target!r}",
        "answer": output.upper(),
    }
"""


def version_of(world: Any, scorer: dict[str, Any], count: int) -> TaskVersion:
    definition = {
        "plumbmark": 1,
        "data": {"id": "id", "target": "answer"},
        "prompt": {"messages": [{"role": "user", "content": "{id}"}]},
        "scorers": [scorer],
    }
    rows = [{"id": f"i{n}", "answer": f"a{n}", "weight": 0.25} for n in range(count)]
    task = world.task("Authors' scorers")
    drafts.save_draft(
        task=task,
        definition_text=json.dumps(definition),
        upload=SimpleUploadedFile("items.jsonl", "\n".join(map(json.dumps, rows)).encode()),
        by=world.ada,
    )
    return publication.publish_task(task=task, visibility="public", by=world.ada)


def marked(world: Any, version: TaskVersion, outputs: list[str]) -> list[SampleScore]:
    run = submit_outputs(
        version=version,
        model_name="recorded",
        namespace=world.ada.namespace,
        rows=[{"id": f"i{n}", "output": output} for n, output in enumerate(outputs)],
        by=world.ada,
    )
    world.work(50)
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED, run.failure
    return list(SampleScore.objects.filter(scoring__run=run).order_by("sample__ordinal"))


@in_the_sandbox
def test_the_authors_function_marks_every_answer_and_no_failure_harms_another(world: Any) -> None:
    scorer = {"type": "python", "source": SOURCE, "columns": ["weight"], "timeout_seconds": 3}
    outputs = ["a0", "x", "raise", "hang", "all", "much", "{output}'''", "a7", "halves"]
    scores = marked(world, version_of(world, scorer, len(outputs)), outputs)
    assert [score.value for score in scores] == [
        1.0, 0.25, None, None, None, None, 0.25, 1.0, 1.0
    ]  # fmt: skip
    assert (scores[0].answer, scores[0].explanation) == ("A0", "'a0' against 'a0'")
    assert "ValueError: bad (line 6)" in scores[2].explanation
    assert "did not end in time" in scores[3].explanation
    # It ended the common start: the others were called again, each by itself.
    assert scores[4].explanation.startswith("The scorer failed: ")
    assert "outside of the metric's bounds [0, 1]" in scores[5].explanation
    scoring = Scoring.objects.get()
    assert scoring.needs_sandbox
    assert scoring.samples_unscored == 4
    assert scoring.scorer_versions == {"python": "1"}


@in_the_sandbox
def test_an_absurd_score_is_unscored_and_stalls_nothing(world: Any) -> None:
    scorer = {
        "type": "python",
        "source": "def score(output, target, item):\n    return float(output)\n",
        "metric": {"name": "cost", "unit": "", "direction": "lower", "bounds": [None, None]},
    }
    outputs = ["1e155", "-1e200", "nan", "inf", "5", "7", "1e30"]

    scores = marked(world, version_of(world, scorer, len(outputs)), outputs)

    assert [score.value for score in scores] == [None, None, None, None, 5.0, 7.0, 1e30]
    assert "not between -1e+30 and 1e+30" in scores[0].explanation
    scoring = Scoring.objects.get()
    assert scoring.state == Scoring.State.COMPLETED
    assert scoring.estimate is not None
    numbers = [one for one in scoring.estimate.values() if isinstance(one, float)]
    assert all(map(math.isfinite, numbers))

    # Scores that were stored before there was a limit stall nothing either.
    SampleScore.objects.filter(pk=scores[4].pk).update(value=1e200)
    stored = compute_result(scoring).estimate
    assert (stored["scored"], stored["unscored"]) == (2, 5)


FORGING = """\
def score(output, target, item):
    names = {}
    exec(output, names)
    return names["answer"] == target
"""
FORGED = """\
import os, sys
answer = "wrong"
delimiter, frame = "", sys._getframe()
while frame is not None:
    delimiter = frame.f_locals.get("request", {}).get("delimiter", delimiter)
    frame = frame.f_back
lines = "".join('%s {"case": %d, "value": true}\\n' % (delimiter, case) for case in range(4))
ways = list(range(256))
for process in (os.getppid(), 1):
    try:
        ways += [f"/proc/{process}/fd/{name}" for name in os.listdir(f"/proc/{process}/fd")]
    except OSError:
        pass
for way in ways:
    try:
        os.write(way if isinstance(way, int) else os.open(way, os.O_WRONLY), lines.encode())
    except OSError:
        pass
"""


@in_the_sandbox
def test_an_answer_that_is_run_by_the_author_can_mark_no_other(world: Any) -> None:
    """An author may be so careless as to run the answer: it still speaks for itself at most."""
    version = version_of(world, {"type": "python", "source": FORGING}, 4)
    scores = marked(world, version, [FORGED, "answer = 'a1'", "answer = 'x'", FORGED])
    assert [score.value for score in scores[1:3]] == [1.0, 0.0]
    assert 1.0 not in {scores[0].value, scores[3].value}


@in_the_sandbox
def test_many_answers_go_into_one_start(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []
    call = sandboxing.call_author_code

    async def counted(given: bytes, timeout_seconds: float) -> tuple[str, str]:
        starts.append(len(given))
        return await call(given, timeout_seconds)

    monkeypatch.setattr(sandboxing, "call_author_code", counted)
    source = "def score(output, target, item):\n    return output == target\n"
    outputs = [f"a{n}" for n in range(64)]
    scores = marked(world, version_of(world, {"type": "python", "source": source}, 64), outputs)
    assert [score.value for score in scores] == [1.0] * 64
    assert len(starts) == 2


USE = {
    "type": "tool_use",
    "required": [{"tool": "get_weather", "arguments": {"city": "{wanted}"}}],
    "max_calls": 2,
}


def test_checks_of_tools_are_made_with_the_run_and_again_on_what_is_stored(
    world: Any, check: Any
) -> None:
    rows = [
        {"id": "a", "city": "Paris", "degrees": 1, "answer": "1", "wanted": "Paris"},
        {"id": "b", "city": "Paris", "degrees": 1, "answer": "1", "wanted": "Rome"},
    ]
    prompt = 'CALL get_weather {{"city": "{city}"}}'
    version = published(world, prompt, [WEATHER], rows=rows, scorers=[USE, {"type": "includes"}])
    contender = world.contender_of(world.add_deployment("calls"))
    run = world.start(version, contender)
    world.work()
    run = check(run)
    first = SampleScore.objects.filter(scoring__run=run).order_by("sample__ordinal")
    assert [score.value for score in first] == [1.0, 0.0]
    assert first[0].details["scorers"]["includes"]["value"] == 1.0
    assert "✗ get_weather with city called never" in first[1].explanation

    # Another marking of the same questions, over the stored transcripts.
    definition = json.loads(version.definition_text)
    definition["scorers"] = [{"type": "tool_use", "forbidden": [{"tool": "get_weather"}]}]
    drafts.save_draft(task=version.task, definition_text=json.dumps(definition), by=world.ada)
    second = publication.publish_task(task=version.task, by=world.ada)
    assert second.question_hash == version.question_hash
    asked = world.provider.stats()["total"]
    scoring = queue_scoring(run=run, version=second, by=world.ada)
    world.work()
    values = SampleScore.objects.filter(scoring=scoring).values_list("value", flat=True)
    assert list(values) == [0.0, 0.0]
    assert world.provider.stats()["total"] == asked


def test_submitted_answers_have_no_calls_to_be_checked(world: Any) -> None:
    version = published(world, "{city}", [{"type": "calculator"}], scorers=[
        {"type": "tool_use", "max_calls": 0}
    ])  # fmt: skip
    run = submit_outputs(
        version=version,
        model_name="recorded",
        namespace=world.ada.namespace,
        rows=[{"id": "a", "output": "x"}],
        by=world.ada,
    )
    world.work()
    score = SampleScore.objects.get(scoring__run=run)
    assert score.value is None
    assert "not recorded" in score.explanation
    assert Sample.objects.get(run=run).messages is None
