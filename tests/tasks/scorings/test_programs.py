"""Answers that are marked by running them: in the real sandbox, apart from the run."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from plumbmark.gateway.models import Deployment
from plumbmark.scoring.pass_at_k import mean_pass_at_k
from tasks_app.authoring import drafts, publication
from tasks_app.models import Run, Sample, SampleScore, Scoring, TaskVersion
from tasks_app.runs.control import retry_failed_samples
from tasks_app.runs.submissions import submit_outputs
from tasks_app.workers import sandbox as sandboxing

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not sandboxing.is_here(), reason="no sandbox holds on this machine"),
]

DEFINITION = """\
plumbmark: 1
data: {id: id}
prompt:
  messages: [{role: user, content: "Write {name}."}]
scorers:
- type: code_execution
  program: |
    {output}

    {test}
  timeout_seconds: 5
"""
TESTS = [
    {"id": "double", "name": "double(x)", "test": "assert double(2) == 4"},
    {"id": "half", "name": "half(x)", "test": "assert half(4) == 2"},
]


def published(world: Any, definition: str = DEFINITION, rows: Any = TESTS) -> TaskVersion:
    task = world.task("Programs")
    lines = "\n".join(json.dumps(row) for row in rows)
    drafts.save_draft(
        task=task,
        definition_text=definition,
        upload=SimpleUploadedFile("items.jsonl", lines.encode()),
        by=world.ada,
    )
    return publication.publish_task(task=task, visibility="public", by=world.ada)


def submitted(world: Any, version: TaskVersion, outputs: list[dict[str, Any]]) -> Scoring:
    run = submit_outputs(
        version=version,
        model_name="recorded",
        namespace=world.ada.namespace,
        rows=outputs,
        by=world.ada,
    )
    world.work(50)
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED, run.failure
    return Scoring.objects.get(run=run)


def test_each_answer_is_run_with_its_own_tests(world: Any) -> None:
    scoring = submitted(
        world,
        published(world),
        [
            {"id": "double", "output": "```python\ndef double(x):\n    return 2 * x\n```"},
            {"id": "half", "output": "while True: pass"},
        ],
    )
    assert scoring.needs_sandbox
    assert scoring.value == 0.5
    scores = list(SampleScore.objects.filter(scoring=scoring).order_by("sample__ordinal"))
    assert [score.value for score in scores] == [1.0, 0.0]
    assert "5 s" in scores[1].explanation


def test_what_an_answer_does_to_the_machine_stays_in_its_own_run(world: Any) -> None:
    """Files, processes and floods of one answer are nothing to the next."""
    outputs = [
        {"id": "double", "output": "print('x' * 50_000_000)\ndef double(x): return 2 * x"},
        {
            "id": "half",
            "output": "import os\nopen('/tmp/left', 'w').write('here')\nos.fork()\n"
            "def half(x): return x / 2",
        },
    ]
    first = submitted(world, published(world), outputs)
    assert first.samples_unscored == 0
    floods = SampleScore.objects.get(scoring=first, sample__ordinal=0)
    assert floods.value == 0.0
    assert len(json.dumps(floods.details)) < 10_000


def test_a_run_is_marked_when_it_is_complete_and_again_after_a_retry(world: Any) -> None:
    definition = DEFINITION.replace("{output}\n", "answer = '''{output}'''\n", 1)
    rows = [{"id": f"i{n}", "name": f"{n}+1", "test": "assert answer"} for n in range(6)]
    version = published(world, definition, rows)
    world.provider.configure(faults={"stall": 0.6}, seed=5)
    Deployment.objects.update(deadline_seconds=1.0)
    run = world.start(version)
    world.work(50)
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED
    failed = Sample.objects.filter(run=run, is_scored=False).count()
    first = Scoring.objects.get(run=run)
    assert not first.is_inline
    assert first.state == Scoring.State.COMPLETED
    assert first.samples_unscored == run.samples_unscored == failed
    assert 0 < failed < 6, "choose another seed"
    kept = set(SampleScore.objects.filter(scoring=first).values_list("sample_id", flat=True))

    world.provider.configure()
    Deployment.objects.update(deadline_seconds=60)
    retry_failed_samples(run=run, by=world.ada)
    world.work(50)
    second = Scoring.objects.filter(run=run).latest("id")
    assert second.revision == 2
    assert second.state == Scoring.State.COMPLETED
    assert second.samples_unscored == 0
    marked = SampleScore.objects.filter(scoring=second)
    assert marked.count() == 6
    assert kept < set(marked.values_list("sample_id", flat=True))


def test_without_a_sandbox_the_scoring_waits_for_a_worker_that_has_one(
    world: Any, settings: Any
) -> None:
    settings.SANDBOX_IS_ON = False
    run = submit_outputs(
        version=published(world),
        model_name="recorded",
        namespace=world.ada.namespace,
        rows=[{"id": "double", "output": "x"}, {"id": "half", "output": "y"}],
        by=world.ada,
    )
    assert world.work() == ["nothing due"]
    assert Scoring.objects.get(run=run).state == Scoring.State.QUEUED
    settings.SANDBOX_IS_ON = True
    world.work(50)
    assert Scoring.objects.get(run=run).state == Scoring.State.COMPLETED


# --- HumanEval --------------------------------------------------------------------------------

HUMANEVAL = """\
plumbmark: 1
data: {id: task_id}
prompt:
  messages: [{role: user, content: "Complete this function:\\n{prompt}"}]
repeats: REPEATS
scorers:
- type: code_execution
  take: whole
  program: |
    {prompt}{output}

    {test}
    check({entry_point})
  timeout_seconds: 20
"""


@pytest.fixture(scope="module")
def problems() -> list[dict[str, Any]]:
    folder = os.environ.get("PLUMBMARK_REAL_DATA")
    if not folder:
        pytest.skip("PLUMBMARK_REAL_DATA is not set")
    path = Path(folder) / "humaneval" / "HumanEval.jsonl.gz"
    if not path.exists():
        pytest.skip(f"there is no {path}")
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def test_humaneval_canonical_solutions_pass_and_empty_bodies_fail(
    world: Any, problems: list[dict[str, Any]]
) -> None:
    """One run with both: the first repeat is the solution, the second an empty body."""
    version = published(world, HUMANEVAL.replace("REPEATS", "2"), problems)
    scoring = submitted(
        world,
        version,
        [
            {
                "id": problem["task_id"],
                "repeat": repeat,
                "output": problem["canonical_solution"] if repeat == 1 else "",
            }
            for problem in problems
            for repeat in (1, 2)
        ],
    )
    by_repeat: dict[int, list[float | None]] = {0: [], 1: []}
    for repeat, value in SampleScore.objects.filter(scoring=scoring).values_list(
        "sample__repeat", "value"
    ):
        by_repeat[repeat].append(value)
    assert by_repeat[0] == [1.0] * 164
    assert by_repeat[1] == [0.0] * 164
    assert scoring.value == 0.5
    assert scoring.estimate is not None
    counts = [(2, 1)] * 164
    assert scoring.estimate["pass_at"] == {"1": 0.5, "2": mean_pass_at_k(counts, 2)}
    assert scoring.estimate["pass_at"]["2"] == 1.0
    assert scoring.estimate["pass_hat"] == {"1": 0.5, "2": 0.0}
