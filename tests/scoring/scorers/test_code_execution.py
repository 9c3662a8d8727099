"""The scorer that writes a program and reads what became of it; really run in other tests."""

import subprocess
import sys

import pytest

from plumbmark.scoring import program_harness, tested_programs
from plumbmark.scoring.scorers import (
    CodeExecution,
    ScorerContext,
    ScorerSpecError,
    build_scorer,
)
from plumbmark.scoring.scorers.code_execution import ProgramResult

SPEC = {"type": "code_execution", "program": "{output}\n\n{test}\ncheck({entry})"}
VALUES = {"test": "def check(f):\n    assert f(2) == 4", "entry": "double"}
RIGHT = "def double(x):\n    return 2 * x"


def scorer(**more: object) -> CodeExecution:
    built = build_scorer({**SPEC, **more})
    assert isinstance(built, CodeExecution)
    return built


def run(output: str, **more: object) -> tuple[float | None, str]:
    """Run really, without a sandbox: the outputs are this file's own."""
    one = scorer(**more)
    done = subprocess.run(
        [sys.executable, "-I", "-c", tested_programs.harness()],
        input=one.program_input(output, VALUES, token="t0ken"),
        capture_output=True,
        timeout=300,
    )
    said = (done.stdout if done.returncode == 0 else done.stderr).decode()
    ran = ProgramResult(done.returncode, said, False)
    verdict = one.verdict(ran, token="t0ken", output=output)
    return verdict.value, verdict.explanation


@pytest.mark.parametrize(
    ("output", "value", "says"),
    [
        (RIGHT, 1.0, "all tests passed"),
        (f"Here it is:\n```python\n{RIGHT}\n```\nDone.", 1.0, "all tests passed"),
        ("def double(x):\n    return x", 0.0, "AssertionError"),
        ("def double(x:\n", 0.0, "SyntaxError"),
        ("import sys; sys.exit(0)", 0.0, "left before its tests had ended"),
        ("import os; os._exit(0)", 0.0, "left before its tests had ended"),
        ("print('t0ken'[:4]); import os; os._exit(0)", 0.0, "left before"),
        (f"print('no end of line', end='')\n{RIGHT}", 1.0, "all tests passed"),
        ("", 0.0, "NameError"),
    ],
)
def test_an_answer_counts_only_if_the_program_gets_to_its_end(
    output: str, value: float, says: str
) -> None:
    found, explanation = run(output)
    assert found == value
    assert says in explanation


def test_limits_are_the_answers_own_failure() -> None:
    slow = scorer(timeout_seconds=3).verdict(ProgramResult(None, "", True), token="t")
    assert (slow.value, slow.explanation) == (0.0, "The program did not end within 3 s.")
    greedy = scorer().verdict(
        ProgramResult(None, "", False, "It used more memory than 1 GiB."), token="t"
    )
    assert (greedy.value, greedy.explanation) == (0.0, "It used more memory than 1 GiB.")


def test_a_machine_that_cannot_keep_the_tests_apart_scores_nothing() -> None:
    unshielded = ProgramResult(1, f"\nt {program_harness.UNSHIELDED}\n", False)

    verdict = scorer().verdict(unshielded, token="t")

    assert verdict.value is None
    assert "Landlock" in verdict.explanation


def test_nothing_is_scored_before_the_program_has_run() -> None:
    assert scorer().score(RIGHT, None, ScorerContext("i")).value is None


def test_the_verdict_says_which_block_was_run() -> None:
    output = f"```python\nx = 1\n```\n\n```python\n{RIGHT}\n```\n\n```\n4\n```"

    _, explanation = run(output)

    assert explanation.endswith("What ran was the last of 2 blocks.")


@pytest.mark.parametrize(
    ("take", "code"),
    [
        ("last", "b = 2\n"),
        ("block", "b = 2\n"),
        ("first", "a = 1\n"),
        ("longest", "longest = 3\n"),
        ("all", "a = 1\n\nlongest = 3\n\nb = 2\n"),
    ],
)
def test_the_author_chooses_which_block_counts(take: str, code: str) -> None:
    output = "```py\na = 1\n```\n```py\nlongest = 3\n```\n```py\nb = 2\n```\n```\n1\n```\n"

    assert scorer(take=take).take_from(output).code == code
    assert scorer(take="whole").take_from(output).code == output


def test_the_default_has_the_hash_that_it_had_under_its_older_word() -> None:
    assert scorer().options == scorer(take="last").options == scorer(take="block").options
    assert scorer().options["take"] == "block"


@pytest.mark.parametrize(
    ("changes", "option", "says"),
    [
        ({"program": ""}, "program", "must not be empty"),
        ({"program": " "}, "program", "needs a program"),
        ({"program": "{test}"}, "program", "never uses {output}"),
        ({"program": "ok\n{output"}, "program", "in line 2"),
        ({"timeout_seconds": 0}, "timeout_seconds", "at least 0.1"),
        ({"timeout_seconds": 1000}, "timeout_seconds", "at most 120"),
        ({"take": "second"}, "take", "one of last, first, longest, all, whole, block"),
        ({"surprise": 1}, "surprise", "not known"),
    ],
)
def test_what_cannot_be_built_says_which_option(
    changes: dict[str, object], option: str, says: str
) -> None:
    with pytest.raises(ScorerSpecError) as error:
        scorer(**changes)
    assert error.value.option == option
    assert says in error.value.message
