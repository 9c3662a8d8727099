"""The author's own scorer: what its function says, and what of it is no score."""

import json
import math
import subprocess
import sys
from typing import Any

import pytest

from plumbmark.scoring import author_code
from plumbmark.scoring.author_code import CaseResult
from plumbmark.scoring.scorers import (
    PythonScorer,
    ScorerSpecError,
    build_scorer,
)

SOURCE = "def score(output, target, item):\n    return output == target\n"


def scorer(source: str = SOURCE, **more: Any) -> PythonScorer:
    built = build_scorer({"type": "python", "source": source, **more})
    assert isinstance(built, PythonScorer)
    return built


@pytest.mark.parametrize(
    ("value", "score"),
    [(True, 1.0), (False, 0.0), (0.25, 0.25), (1, 1.0), ({"value": 0.5, "answer": 7}, 0.5)],
)
def test_what_is_a_score(value: Any, score: float) -> None:
    assert scorer().verdict(CaseResult(value), lower=0, upper=1).value == score


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (CaseResult(1.5), "outside of the metric's bounds [0, 1]"),
        (CaseResult(-0.1), "outside"),
        (CaseResult(float("nan")), "is NaN, infinite"),
        (CaseResult(float("inf")), "is NaN, infinite"),
        (CaseResult(10**400), "not between -1e+30 and 1e+30"),
        (CaseResult(10**5000), "not between"),
        (CaseResult(1e155), "not between"),
        (CaseResult(-1e200), "not between"),
        (CaseResult({"value": 1e31}), "the range of scores"),
        (CaseResult("1"), "returned text, no number"),
        (CaseResult(None), "returned nothing"),
        (CaseResult([1]), "a list"),
        (CaseResult({"score": 1}), "it has score"),
        (CaseResult({"value": 1, "x": 2}), "it has value, x"),
        (CaseResult({"value": {}}), "no number"),
        (CaseResult(error="ValueError: bad", line=4), "ValueError: bad (line 4)"),
        (CaseResult(is_late=True), "did not end in time"),
    ],
)
def test_what_is_no_score_is_the_scorers_bug(found: CaseResult, says: str) -> None:
    verdict = scorer().verdict(found, lower=0, upper=1)
    assert verdict.value is None
    assert says in verdict.explanation
    assert "not the model's" in verdict.explanation


@pytest.mark.parametrize("value", [1e155, -1e200, 1e31, math.inf, math.nan, 10**400])
def test_an_absurd_score_is_unscored_without_bounds_too(value: Any) -> None:
    verdict = scorer().verdict(CaseResult(value), lower=None, upper=None)
    assert verdict.value is None
    assert "The scorer failed" in verdict.explanation


@pytest.mark.parametrize("line", ["x", 1e999, None, [], -3, True, 10**400])
def test_a_forged_line_harms_no_other_case(line: Any) -> None:
    lines = [
        "M " + json.dumps({"case": 0, "error": "bad", "line": line}),
        'M {"case": 1, "value": 2}',
    ]
    found = author_code.results("\n".join(lines), delimiter="M", count=2)
    assert found == [CaseResult(error="bad"), CaseResult(2)]


def test_explanation_and_answer_are_kept() -> None:
    told = {"value": 1, "explanation": "Well said.", "answer": "x"}
    verdict = scorer().verdict(CaseResult(told), lower=0, upper=1)
    assert (verdict.explanation, verdict.answer) == ("Well said.", "x")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "must not be empty"),
        (" ", "needs the source"),
        ("def score(", "is no Python"),
        ("def grade(output, target, item): return 1", "must define the function score"),
        ("def score(output): return 1", "must take 3 arguments"),
        ("x = 1\nclass score: pass", "must define the function"),
    ],
)
def test_a_source_that_cannot_work_is_refused(source: str, says: str) -> None:
    with pytest.raises(ScorerSpecError) as error:
        scorer(source)
    assert says in str(error.value)
    assert error.value.option == "source"


def called(source: str, cases: list[Any], seconds: float = 5) -> list[CaseResult | None]:
    """Return the harness as it runs in the sandbox, here without one."""
    given = author_code.program_input(
        source=source, function="score", cases=cases, seconds=seconds, delimiter="M"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", author_code.program()],
        input=given,
        capture_output=True,
        timeout=300,
        check=True,
    )
    return author_code.results(done.stdout.decode(), delimiter="M", count=len(cases))


HARMFUL = """\
import os, signal, sys, time
kept = []

def score(output, target, item):
    kept.append(1)
    if output == "raise":
        raise KeyError("x")
    if output == "exit":
        sys.exit(3)
    if output == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if output == "hang":
        time.sleep(60)
    if output == "print":
        print('M {"case": 0, "value": 1}')
        os.write(1, b'M {"case": 0, "value": 1}')
    if output == "deep":
        return score(output, target, item)
    if output == "set":
        return {1}
    if output == "long":
        return {"value": 1, "explanation": "x" * 100_000}
    return {"value": len(kept), "explanation": item["a"]}
"""


def test_one_case_harms_no_other() -> None:
    outputs = ["a", "raise", "exit", "die", "hang", "print", "deep", "set", "long", "z"]
    cases = [[output, None, {"a": output}] for output in outputs]
    found = called(HARMFUL, cases, 3)
    good = {"a": 0, "print": 5, "z": 9}
    for output, place in good.items():
        assert found[place] == CaseResult({"value": 1, "explanation": output})
    reasons = {
        output: one.reason
        for output, one in zip(outputs, found, strict=True)
        if one is not None and not one.has_value
    }
    assert reasons["raise"] == "KeyError: 'x' (line 7)"
    assert reasons["exit"] == "SystemExit: 3 (line 9)"
    assert reasons["die"] == "its process ended with signal 9"
    assert reasons["hang"] == "it did not end in time"
    assert reasons["deep"].startswith("RecursionError")
    assert "no JSON" in reasons["set"]
    assert "at most 16,384" in reasons["long"]
    assert len(reasons) == len(outputs) - len(good)


def test_a_source_that_fails_by_itself_is_told_with_its_line() -> None:
    (found,) = called("import nothing_such\n" + SOURCE, [["a", "a", {}]])
    assert found is not None
    assert found.reason == "ModuleNotFoundError: No module named 'nothing_such' (line 1)"


def test_only_marked_lines_are_answers_and_only_the_first_of_a_case() -> None:
    lines = [
        'N {"case": 0, "value": 9}',
        'M {"case": 1, "value": 2}',
        'M {"case": 1, "value": 3}',
        'M {"case": 7, "value": 3}',
        "M {",
        "M []",
        'M {"case": "0"}',
    ]
    found = author_code.results("\n".join(lines), delimiter="M", count=2)
    assert found == [None, CaseResult(2)]


def test_outputs_are_data() -> None:
    hostile = "\"\"\"'''\\n{output}\nimport os\x00"
    (found,) = called(SOURCE, [[hostile, hostile, {}]])
    assert found == CaseResult(True)
    given = author_code.program_input(
        source="", function="f", cases=[["\ud800"]], seconds=1, delimiter="M"
    )
    assert json.loads(given)["cases"] == [["\ud800"]]
