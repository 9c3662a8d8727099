"""Reported cases of answers, scored as the definition of each says."""

import json
import subprocess
import sys
from typing import Any

import pytest

from plumbmark.scoring import tested_programs
from plumbmark.scoring.scorers import (
    CodeExecution,
    ModelJudge,
    Scorer,
    ScorerContext,
    build_scorer,
)
from plumbmark.scoring.scorers.code_execution import ProgramResult
from plumbmark.scoring.scorers.model_judge import JudgeReply
from plumbmark.scoring.verdicts import Verdict
from tasks_app.definitions.parsing import parse_definition
from tests.reported_cases import folder, read_rows

pytestmark = pytest.mark.real_data

CASES = [
    ("01", ""), ("02", ""), ("04", ""), ("06", ""), ("07", ""), ("09", ""),
    ("11", "-articles"), ("11", "-punctuation"), ("13", ""), ("13", "-full"), ("14", ""),
    ("15", ""), ("16", ""), ("16", "-json"), ("18", ""), ("18", "-following"),
]  # fmt: skip


def scorer_of(name: str, part: str) -> Scorer:
    """Return the only scorer of a case's definition."""
    text = (folder(name) / f"definition{part}.yaml").read_text("utf-8")
    (spec,) = parse_definition(text).scorers
    return build_scorer(spec.as_spec())


def scored(scorer: Scorer, row: dict[str, Any], output: str) -> Verdict:
    if not isinstance(scorer, CodeExecution):
        return scorer.score(output, row["right"], ScorerContext(row["id"], row.get("options", ())))
    # The programs of these cases are harmless, and run here as they are.
    done = subprocess.run(
        [sys.executable, "-s", "-c", tested_programs.harness()],
        input=scorer.program_input(output, {"test": row["test"]}, token="done"),
        capture_output=True,
        timeout=300,
        check=False,
    )
    ran = ProgramResult(done.returncode, (done.stdout or done.stderr).decode(), False)
    return scorer.verdict(ran, token="done", output=output)


@pytest.mark.parametrize(("name", "part"), CASES)
def test_every_output_of_a_case_is_scored_as_it_expects(name: str, part: str) -> None:
    case, scorer = folder(name), scorer_of(name, part)
    data = {row["id"]: row for row in read_rows(case / f"data{part}.jsonl")}
    outputs = {row["id"]: row["output"] for row in read_rows(case / f"outputs{part}.jsonl")}
    expected = json.loads((case / f"expected{part}.json").read_text("utf-8"))

    verdicts = {key: scored(scorer, data[key], outputs[key]) for key in expected}

    for key, wanted in expected.items():
        found = verdicts[key]
        assert found.value == wanted["value"], (key, outputs[key], found.explanation)
        assert found.answer == wanted.get("answer", found.answer), (key, outputs[key])


def test_every_verdict_of_the_judges_is_read_as_expected() -> None:
    replies = json.loads((folder("19") / "judge_replies.json").read_text("utf-8"))
    for reply in replies:
        part = reply["definition"].removeprefix("definition").removesuffix(".yaml")
        judge = scorer_of("19", part)
        assert isinstance(judge, ModelJudge)
        questions = judge.questions("An answer.", "A target.", {}, delimiter="MARK")

        verdict = judge.verdict(questions, [JudgeReply(reply["reply"])], delimiter="MARK")

        assert verdict.value == reply["want"], reply["reply"]
