"""Quantity: a number with a unit, equal to the target's after conversion, by `pint`.

5 km, 5000 m and 3.107 miles are compared in the unit of the target. A temperature is converted with
its offset: 25 °C is 77 °F.
"""

import re
from decimal import Decimal
from functools import cache, cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from plumbmark.scoring.extraction import boxed_passage, no_marker_explanation, passage_after
from plumbmark.scoring.numbers import NumberForm, numbers_in
from plumbmark.scoring.scorers.base import (
    After,
    Scorer,
    ScorerContext,
    Target,
    WithoutMarkerOption,
    target_list,
    target_text,
)
from plumbmark.scoring.verdicts import Verdict, quote

if TYPE_CHECKING:
    from pint import UnitRegistry

_UNIT = re.compile(
    r"[^\S\n]{0,20}(?P<unit>[A-Za-zµμΩ°℃℉Å%]{1,20}\.?"
    r"(?:(?:\s?(?:\*{1,2}|[·/^])\s?|\s(?:per\s)?|(?=[⁻⁰¹²³⁴-⁹]))-?(?:[A-Za-zµμΩ°]{1,20}|\d{1,2}|[⁻⁰¹²³⁴-⁹]{1,3})){0,5})"
)
_LATEX = re.compile(r"\\(?:text|mathrm|rm|,|;|:|!|\s)|[{}$~]|\\(?=[%°])")
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_RAISED = re.compile(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SPELLINGS = {"°c": "degC", "℃": "degC", "°f": "degF", "℉": "degF", "°": "degree"}
_MAX_NUMBERS = 500
_MAX_SEARCH = 20_000


class Quantity(Scorer):
    """Compares a number and its unit."""

    type: Literal["quantity"]
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    take: Literal["last", "first"] = "last"
    decimal_sign: Literal["point", "comma"] = "point"
    relative_tolerance: float = Field(
        default=0.01, ge=0, le=1, description="Share of the target, such as 0.01 for one percent."
    )
    absolute_tolerance: float = Field(default=0, ge=0, description="In the unit of the target.")

    @cached_property
    def _form(self) -> NumberForm:
        point = self.decimal_sign == "point"
        return NumberForm(decimal="." if point else ",", thousands="," if point else ".")

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        if self.take == "last":
            passage = boxed_passage(passage) or passage
        text, offset = passage.text, passage.start
        found = self._find(text)
        if found is None:
            return Verdict(0.0, None, "There is no number with a unit.")
        value, unit, start, end = found
        written = text[start:end].strip()
        details = {"start": offset + start, "end": offset + end}
        read = f"The {self.take} quantity is {quote(written)}, read as {value:.6g} {unit:~P}"
        wanted = [self._read_target(target_text(one)) for one in target_list(target)]
        reasons = []
        for number, goal in (one for one in wanted if one is not None):
            converted = _convert(value, unit, goal)
            if converted is None:
                reasons.append(f"the target is in {goal:~P}, into which it cannot be converted")
                continue
            allowed = max(self.absolute_tolerance, self.relative_tolerance * abs(number))
            shown = f"{converted:.6g} {goal:~P}; the target is {number:.6g} {goal:~P}"
            # Conversions multiply floating-point numbers: a hair of difference is none.
            if abs(converted - number) <= allowed + 1e-12 * abs(number):
                return Verdict(1.0, written, f"{read}, that is {shown}.", details)
            reasons.append(f"that is {shown}")
        if not reasons:
            raise ValueError("the target is no quantity")
        return Verdict(0.0, written, f"{read}; {reasons[0]}.", details)

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        targets = target_list(target)
        if not targets:
            return "there is no target to compare with"
        for one in targets:
            if self._read_target(target_text(one)) is None:
                return (
                    f"the target {quote(target_text(one))} is no number with a unit, such as 5 km"
                )
        return None

    def _read_target(self, text: str) -> tuple[float, Any] | None:
        found = self._find(text) if len(text) <= 200 else None
        if found is None:
            return None
        value, unit, start, end = found
        rest = (text[:start] + text[end:]).strip(" .")
        return None if rest else (value, unit)

    def _find(self, text: str) -> tuple[float, Any, int, int] | None:
        """Return number, unit and place of the last (or first) quantity; None without one."""
        first = max(0, len(text) - _MAX_SEARCH) if self.take == "last" else 0
        part = _blank_latex(text[first : first + _MAX_SEARCH])
        numbers = list(islice(numbers_in(part, self._form), _MAX_NUMBERS))
        for one in reversed(numbers) if self.take == "last" else numbers:
            if one.value is None:
                continue
            if one.is_percent:
                return (
                    float(one.value),
                    _registry().Unit("percent"),
                    first + one.start,
                    first + one.end,
                )
            match = _UNIT.match(part, one.end)
            if match is None or not abs(one.value) < Decimal("1e300"):
                continue
            if (unit := _longest_unit(match["unit"])) is not None:
                words, parsed = unit
                end = match.start("unit") + len(words)
                return float(one.value), parsed, first + one.start, first + end
        return None


@cache
def _registry() -> "UnitRegistry[Any]":
    # Loaded where it is used: most processes never need it.
    from pint import UnitRegistry

    return UnitRegistry(autoconvert_offset_to_baseunit=True, cache_folder=None)


def _blank_latex(text: str) -> str:
    """Return the text with LaTeX's spaces and braces blanked, so that places stay as they are."""
    return _LATEX.sub(lambda match: " " * len(match[0]), text)


def _longest_unit(words: str) -> tuple[str, Any] | None:
    """Return the longest beginning of `words` that is a unit, and the unit."""
    while words:
        if (unit := _parse_unit(words)) is not None:
            return words, unit
        cut = re.search(r"[\s*·/^⁻⁰¹²³⁴⁵⁶⁷⁸⁹.]+[^\s*·/^⁻⁰¹²³⁴⁵⁶⁷⁸⁹.]*$", words)
        words = words[: cut.start()] if cut else ""
    return None


def _parse_unit(words: str) -> Any:
    text = words.strip().rstrip(".")
    text = _RAISED.sub(lambda match: "**" + match[0].translate(_SUPERSCRIPTS), text)
    text = text.replace("·", "*").replace("^", "**").replace("μ", "µ")
    text = _SPELLINGS.get(text.lower(), text)
    if text == "degree" or not text:
        return _registry().Unit(text) if text else None
    for spelling in (text, text.lower() if len(text) > 3 else text):
        try:
            return _registry().parse_units(spelling)
        except Exception:  # noqa: S112 - pint raises many kinds for what is no unit
            continue
    return None


def _convert(value: float, unit: Any, goal: Any) -> float | None:
    """Return `value` in the unit `goal`; None where they measure different things."""
    try:
        return float(_registry().Quantity(value, unit).to(goal).magnitude)
    except Exception:
        return None
