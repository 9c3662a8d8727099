"""What every scorer says of outputs: score, answer, explanation; and how it refuses its options."""

from hashlib import sha256
from typing import Any

import pytest

from plumbmark.scoring.author_code import CaseResult
from plumbmark.scoring.code_blocks import take_code
from plumbmark.scoring.outcomes import Outcome
from plumbmark.scoring.scorers import (
    CodeExecution,
    ModelJudge,
    PythonScorer,
    ScorerContext,
    ScorerSpecError,
    build_scorer,
)
from plumbmark.scoring.scorers.code_execution import ProgramResult
from plumbmark.scoring.scorers.model_judge import JudgeReply
from plumbmark.scoring.tool_calls import MadeCall
from plumbmark.scoring.verdicts import Verdict
from tests.golden.corpora.scorer_cases import (
    BUILT,
    CALLS,
    CASES,
    CODES,
    JUDGES,
    RAN,
    REPLIES,
    RETURNED,
    TOOL_USES,
)
from tests.golden.golden import check

LONGEST = 120


def said(verdict: Verdict) -> str:
    details = f" {dict(verdict.details)}" if verdict.details else ""
    return _short(f"{verdict.value} | {verdict.answer} | {verdict.explanation}{details}")


def _short(text: str) -> str:
    if len(text) <= 2 * LONGEST:
        return text
    return f"{text[:LONGEST]}… {len(text)} characters {sha256(text.encode()).hexdigest()[:16]}"


def scored(scorer: Any, output: str, target: Any, context: ScorerContext) -> str:
    problem = scorer.target_problem(target, context)
    try:
        told = said(scorer.score(output, target, context))
    except ValueError as error:
        told = f"{type(error).__mro__[-4].__name__}: {error}"
    return f"{told} ({problem})" if problem else told


@pytest.mark.parametrize("kind", CASES)
def test_a_scorer_says_what_it_said(kind: str) -> None:
    lines = []
    for options, pairs, known in CASES[kind]:
        scorer = build_scorer({"type": kind, **options})
        lines.append(f"{options} {known} version {scorer.version}")
        lines.append(f"= {dict(scorer.options)}")
        context = ScorerContext(**known)
        for output, target in pairs:
            shown = _short(repr(output))
            lines.append(f" {shown} / {_short(repr(target))}")
            lines.append(f"  {scored(scorer, output, target, context)}")

    check(f"scorers/{kind}.txt", "".join(f"{line}\n" for line in lines))


def test_calls_of_tools_are_checked_as_before() -> None:
    lines = []
    for options in TOOL_USES:
        scorer = build_scorer({"type": "tool_use", **options})
        lines.append(f"{options} = {dict(scorer.options)}")
        for number, calls in enumerate(CALLS):
            made = [MadeCall(**{"is_error": False, **call}) for call in calls]
            context = ScorerContext(tool_calls=made, values={"a": "x"})
            lines.append(f" {number}: {said(scorer.score('', None, context))}")

    check("scorers/calls-of-tools.txt", "".join(f"{line}\n" for line in lines))


def test_programs_and_what_became_of_them_are_told_as_before() -> None:
    lines = []
    for take in ("block", "whole"):
        scorer = build_scorer(
            {
                "type": "code_execution",
                "program": "import math\n{output} {a}\nassert {a}",
                "take": take,
            }
        )
        assert isinstance(scorer, CodeExecution)
        for code in CODES:
            given = scorer.program_input(code, {"a": "A"}, token="t").decode()
            lines.append(f"{take} {code!r}: {given}")
        lines += [f"{ran}: {said(scorer.verdict(ProgramResult(**ran), token='t'))}" for ran in RAN]
    lines += [f"code in {code!r}: {take_code(code).code!r}" for code in CODES]

    check("scorers/programs.txt", "".join(f"{_short(line)}\n" for line in lines))


def test_what_an_authors_function_returns_is_told_as_before() -> None:
    scorer = build_scorer(
        {"type": "python", "source": "def score(a, b, c): return 1", "columns": ["x"]}
    )
    assert isinstance(scorer, PythonScorer)
    lines = [repr(scorer.case("o", "t", {"x": 1, "y": 2}))]
    for value in RETURNED:
        shown = _short(repr(value))
        lines.append(f"{shown}: {said(scorer.verdict(CaseResult(value)))}")
        lines.append(f" in bounds: {said(scorer.verdict(CaseResult(value), lower=0, upper=1))}")
    for result in (
        CaseResult(error="E: x", line=3),
        CaseResult(is_late=True),
        CaseResult(error="E"),
    ):
        lines.append(f"{result.reason}: {said(scorer.verdict(result))}")

    check("scorers/functions.txt", "".join(f"{line}\n" for line in lines))


def test_judges_are_asked_and_read_as_before() -> None:
    found: list[dict[str, Any]] = []
    for options in JUDGES:
        scorer = build_scorer({"type": "model_judge", **options})
        assert isinstance(scorer, ModelJudge)
        questions = scorer.questions("o", ["t", 5], {"topic": "x"}, delimiter="m")
        told = {}
        for replies in REPLIES:
            if len(replies) == len(questions):
                read = [
                    JudgeReply("", failure="It failed.") if text == "!" else JudgeReply(text)
                    for text in replies
                ]
                told[" / ".join(replies)] = said(scorer.verdict(questions, read, delimiter="m"))
        found.append(
            {
                "options": dict(scorer.options),
                "questions": [
                    [one.judge, one.is_swapped, [dict(message) for message in one.messages]]
                    for one in questions
                ],
                "verdicts": told,
            }
        )

    check("scorers/judges.json", found)


def test_options_are_refused_in_the_same_words() -> None:
    lines = []
    for spec in BUILT:
        try:
            told = f"taken: {dict(build_scorer(spec).options)}"
        except ScorerSpecError as error:
            told = f"{error.option} | {error.message}"
        lines.append(f"{_short(repr(spec))}: {told}")

    check("scorers/options.txt", "".join(f"{line}\n" for line in lines))


def test_outcomes_count_as_before() -> None:
    found = {one.value: [one.is_scored, one.explanation] for one in Outcome}

    check("scorers/outcomes.json", found)
