"""Answers as mathematics, compared by math-verify in the sandbox."""

import subprocess
from typing import Any

import pytest

from plumbmark.scoring.scorers import ScorerContext, build_scorer
from tasks_app.models import SampleScore, TaskVersion
from tasks_app.workers import sandbox as sandboxing
from tests.tasks.scorings.test_author_scorers import marked, version_of


def _has_math() -> bool:
    python = sandboxing.environment_python()
    command = [str(python), "-c", "import importlib.util as u; assert u.find_spec('math_verify')"]
    return python is not None and subprocess.run(command, check=False).returncode == 0


RIGHT = [
    ("1/2", "0.5"),
    (r"So \boxed{\frac{1}{2}}.", r"\frac12"),
    ("{1,2}", r"\{2,1\}"),
    ("50%", "0.5"),
    ("(1,2]", "(1,2]"),
    ("y=2x+1", "y = 1+2x"),
    ("sqrt(8)", r"2\sqrt{2}"),
    ("The answer is (1, 2).", "(1,2)"),
    ("Thus the answer is $\\frac{\\sqrt{3}}{3}$", r"\frac{1}{\sqrt{3}}"),
    ("The answer is 7.", "7"),
    ("1,000", "1000"),
]
WRONG = [
    ("1/3", "0.5"),
    ("{1,3}", r"\{2,1\}"),
    ("[1,2)", "(1,2]"),
    ("(2, 1)", "(1,2)"),
    ("I do not know", "3"),
    ("", "3"),
]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not sandboxing.is_here(), reason="no sandbox holds on this machine")
@pytest.mark.skipif(not _has_math(), reason="math-verify is not in the sandbox's environment")
def test_answers_are_compared_as_mathematics(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [*RIGHT, *WRONG, ("$1000000000!$", "7")]
    version = version_of(world, {"type": "math", "timeout_seconds": 4}, len(pairs))
    for item in version.items.all():
        item.target = pairs[item.position][1]
        item.save(update_fields=["target"])
    scores = marked(world, TaskVersion.objects.get(pk=version.pk), [one for one, _ in pairs])
    values = [one.value for one in scores]
    explained = [f"{pair}: {one.explanation}" for pair, one in zip(pairs, scores, strict=True)]
    assert values[: len(RIGHT)] == [1.0] * len(RIGHT), explained
    assert values[len(RIGHT) : -1] == [0.0] * len(WRONG), explained
    assert values[-1] is None, explained
    assert "did not end in time" in scores[-1].explanation
    assert SampleScore.objects.count() == len(pairs)


def test_targets_and_marks_of_math() -> None:
    scorer = build_scorer({"type": "math", "after": "Answer:"})
    assert "no target" in (scorer.target_problem(None, ScorerContext()) or "")
    assert scorer.score("7", "7", ScorerContext()).value == 0
