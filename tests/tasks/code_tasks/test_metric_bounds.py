"""Bounds of metrics in the settings of code tasks."""

import pytest

from tasks_app.code_tasks.definition import BuildResult, build_definition
from tasks_app.code_tasks.settings import parse_settings
from tasks_app.code_tasks.source.inspection import inspect_code
from tasks_app.code_tasks.source.notebook import Script

SHARE = """\
import kaggle_benchmarks as kbench

@kbench.task()
def ask(llm) -> bool:
    return True

ask.run(kbench.llm)
"""
NUMBER = SHARE.replace("-> bool", "-> float").replace("True", "3.5")


def built(code: str, settings: str) -> BuildResult:
    return build_definition(
        file_name="task.py",
        script=Script(code, (), None),
        inspection=inspect_code(code, chosen=None),
        settings=parse_settings(settings),
    )


@pytest.mark.parametrize("metric", ["{lower: 0, upper: 100}", "{upper: 2}", "{lower: 0.5}"])
def test_code_that_gives_shares_has_no_other_bounds(metric: str) -> None:
    found = built(SHARE, f"metric: {metric}")

    assert found.definition is None
    assert [one.code for one in found.findings] == ["bounds-of-share"]
    assert "lower: 0" in found.findings[0].remedy


@pytest.mark.parametrize("metric", ["{lower: 0, upper: 1}", "{name: right}"])
def test_code_that_gives_shares_may_say_so(metric: str) -> None:
    assert built(SHARE, f"metric: {metric}").definition is not None


def test_other_numbers_have_bounds_of_their_own() -> None:
    assert built(NUMBER, "metric: {lower: 0, upper: 100}").definition is not None
