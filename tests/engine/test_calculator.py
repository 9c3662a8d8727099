"""The calculator that models may call: exact where it can be, and bounded in every way."""

import asyncio
import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.engine.tools import ToolContext, build_tool
from plumbmark.engine.tools.calculator import (
    CannotCalculate,
    calculate,
    format_number,
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.1 + 0.2", "0.3"),
        ("2 + 3 * 4", "14"),
        ("-7 % 3", "2"),
        ("7 // 2", "3"),
        ("2 ^ 10", "1024"),
        ("2 × 3 ÷ 4", "1.5"),
        ("1/8", "0.125"),
        ("1/3", "0.33333333333333333"),
        ("2 ** 0.5", "1.4142135623730951"),
        ("sqrt(16/25)", "0.8"),
        ("log(8, 2)", "3"),
        ("log10(1000)", "3"),
        ("log2(2**10000)", "10000"),
        ("round(2.675, 2)", "2.68"),
        ("round(2.5)", "2"),
        ("min(3, 1, 2) + max(4, pi)", "5"),
        ("factorial(20)", "2432902008176640000"),
        ("abs(-3) + floor(2.7) + ceil(2.1)", "8"),
        ("(-1) ** 100001", "-1"),
        ("10 ** -3", "0.001"),
        ("1_000 * 2", "2000"),
        ("3\n+\n4", "7"),
    ],
)
def test_what_comes_out(expression: str, value: str) -> None:
    assert format_number(calculate(expression)) == value


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "empty"),
        ("1 +", "no expression"),
        ("1 / 0", "division by zero"),
        ("5 % 0", "division by zero"),
        ("0 ** -1", "division by zero"),
        ("9 ** 9 ** 9", "too large"),
        ("1e999999999", "too large"),
        ("tan(1e400)", "too large"),
        ("e ** 1000", "too large"),
        ("factorial(1e9)", "up to 1000"),
        ("factorial(2.5)", "whole number"),
        ("(-8) ** (1/3)", "no such power"),
        ("sqrt(-1)", "no square root"),
        ("log(0)", "no such logarithm"),
        ("asin(2)", ""),
        ("__import__('os')", "no function"),
        ("().__class__", "only numbers"),
        ("[1][0]", "only numbers"),
        ("x + 1", "no constant"),
        ("1j", "no number"),
        ("'a' * 3", "no number"),
        ("min()", "one or more"),
        ("round(1, 1e9)", "at most 100"),
        ("1 if 2 else 3", "only numbers"),
        ("(" * 300, "nested"),
        ("1" * 501, "500 characters"),
        ("1 + ä", "character"),
        ("a\x00b", "null"),
        ("sin(x=1)", "only numbers"),
    ],
)
def test_what_cannot_be_calculated_is_told_with_its_reason(expression: str, says: str) -> None:
    with pytest.raises(CannotCalculate) as error:
        calculate(expression)
    assert says in str(error.value)


@given(
    st.recursive(
        st.sampled_from(["2", "0.5", "1e300", "9999999999", "pi", "0", "-1"]),
        lambda inner: st.builds(
            lambda left, sign, right: f"({left}{sign}{right})",
            inner,
            st.sampled_from(["+", "-", "*", "/", "**", "%", "//"]),
            inner,
        ),
        max_leaves=40,
    )
)
def test_nothing_takes_long_or_fails_otherwise(expression: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(CannotCalculate):
        assert format_number(calculate(expression))
    # Of this process: others that are busy do not count.
    assert time.process_time() - begun < 5.0


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(CannotCalculate):
        calculate(text)


def test_the_model_is_told_an_error_as_text() -> None:
    tool = build_tool({"type": "calculator"})
    found = asyncio.run(tool.answer({"expression": "1/0"}, ToolContext()))
    assert found.is_error
    assert "division by zero" in found.text
