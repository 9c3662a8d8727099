"""Numeric: the boxed, final or first number of the output equals the target within a tolerance."""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from plumbmark.scoring.extraction import (
    Passage,
    boxed_passage,
    no_marker_explanation,
    passage_after,
)
from plumbmark.scoring.numbers import (
    SEVERAL,
    FoundNumber,
    NumberForm,
    distance,
    format_number,
    last_number_in,
    numbers_in,
    product,
)
from plumbmark.scoring.scorers.base import (
    After,
    Scalar,
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
    WithoutMarkerOption,
    target_list,
    target_text,
)
from plumbmark.scoring.verdicts import Verdict, quote
from plumbmark.shapes import Among, Forms, Number

_THOUSANDS = {"comma": ",", "point": ".", "space": " ", "apostrophe": "'", "none": ""}
_LIST_GAP = re.compile(r"[\s,;]*(?:\\text\{)?[\s,;]*(?:and|or|und|oder|et|ou|y|o)?[\s}]*")
_Tolerance = Annotated[float | str, Forms(Number | str, kinds="a number or string")]


class Numeric(Scorer):
    """Takes a number from the output and compares it with the target's."""

    version: ClassVar[str] = "2"

    type: Literal["numeric"]
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    take: Literal["last", "first"] = "last"
    decimal_sign: Literal["point", "comma"] = "point"
    thousands_separator: Annotated[str, Among(_THOUSANDS)] = Field(
        default_factory=lambda entry: "point" if entry["decimal_sign"] == "comma" else "comma"
    )
    fractions: bool = Field(default=True, description="Read 3/4 as a number.")
    percent: Literal["ignore", "hundredth"] = Field(
        default="ignore", description="Whether 5 % is 5 or 0.05."
    )
    absolute_tolerance: _Tolerance = 0
    relative_tolerance: _Tolerance = 0

    @cached_property
    def form(self) -> NumberForm:
        return NumberForm(
            decimal="." if self.decimal_sign == "point" else ",",
            thousands=_THOUSANDS[self.thousands_separator],
            fractions=self.fractions,
        )

    @cached_property
    def absolute(self) -> Decimal:
        return _read_tolerance(self.absolute_tolerance, "absolute_tolerance")

    @cached_property
    def relative(self) -> Decimal:
        return _read_tolerance(self.relative_tolerance, "relative_tolerance")

    def check(self) -> None:
        if self.thousands_separator == self.decimal_sign:
            raise ScorerSpecError(
                f"{self.decimal_sign} cannot be both the decimal sign and the thousands separator",
                "thousands_separator",
            )
        _ = self.absolute, self.relative

    @property
    def options(self) -> Mapping[str, object]:
        # One spelling per number: 0.10 and 0.1 are the same tolerance.
        return {
            **super().options,
            "absolute_tolerance": str(self.absolute.normalize()),
            "relative_tolerance": str(self.relative.normalize()),
        }

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        if self.take == "last" and (boxed := boxed_passage(passage)):
            found = self._find_in_box(boxed.text)
            passage = boxed
            place = f"in the last box {_place(passage)}"
        else:
            found = self._find(passage.text)
            place = _place(passage)
        if found is None:
            return Verdict(0.0, None, f"There is no number {place}.")
        details: dict[str, object] = {
            "start": passage.start + found.start,
            "end": passage.start + found.end,
        }
        which = f"The {self.take} number {place} is {quote(found.text)}"
        if found.value is None:
            return Verdict(0.0, found.text, f"{which}, but {found.problem}.", details)
        value = self._scale(found)
        assert value is not None
        details["number"] = format_number(value)
        targets = [(one, self.read_number(one)) for one in target_list(target)]
        for text, wanted in targets:
            if wanted is None:
                raise ValueError(f"the target {target_text(text)!r} is no number")
            # Where thousands or millions were asked for, the target is their number.
            bare = value.scaleb(-found.magnitude)
            if self._meets(value, wanted) or (found.magnitude and self._meets(bare, wanted)):
                return Verdict(1.0, found.text, self._why_right(which, value, wanted), details)
        wanted_texts = " or ".join(
            format_number(wanted) for _, wanted in targets[:5] if wanted is not None
        )
        return Verdict(0.0, found.text, f"{which}; the target is {wanted_texts}.", details)

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        targets = target_list(target)
        if not targets:
            return "there is no target to compare with"
        for one in targets:
            if self.read_number(one) is None:
                return f"the target {quote(target_text(one))} is no number"
        return None

    def _find(self, text: str) -> FoundNumber | None:
        if self.take == "first":
            return next(numbers_in(text, self.form), None)
        return last_number_in(text, self.form)

    def _find_in_box(self, text: str) -> FoundNumber | None:
        """Return the number in a box; a list of several answers nothing."""
        found = list(numbers_in(text, self.form))
        gaps = [text[one.end : other.start] for one, other in pairwise(found)]
        around = text[: found[0].start] + text[found[-1].end :] if found else ""
        if gaps and not around.strip("{}()[]$ ") and all(map(_LIST_GAP.fullmatch, gaps)):
            start, end = found[0].start, found[-1].end
            return FoundNumber(text[start:end], start, end, None, False, SEVERAL)
        return found[-1] if found else None

    def _scale(self, found: FoundNumber) -> Decimal | None:
        if found.value is not None and found.is_percent and self.percent == "hundredth":
            return found.value.scaleb(-2)
        return found.value

    def read_number(self, target: Scalar) -> Decimal | None:
        """Return the target as a number; None unless it is one number and nothing else."""
        if isinstance(target, bool):
            return None
        if isinstance(target, int | float):
            return Decimal(repr(target))
        text = target.strip()
        found = list(numbers_in(text, self.form)) if len(text) < 2000 else []
        if len(found) != 1 or found[0].start != 0 or found[0].end != len(text):
            return None
        return self._scale(found[0])

    def _meets(self, value: Decimal, wanted: Decimal) -> bool:
        if value == wanted:
            return True
        apart = distance(value, wanted)
        return apart <= self.absolute or apart <= product(self.relative, wanted.copy_abs())

    def _why_right(self, which: str, value: Decimal, wanted: Decimal) -> str:
        if value == wanted:
            return f"{which}, which equals the target {format_number(wanted)}."
        return f"{which}, within the tolerance of the target {format_number(wanted)}."


def _place(passage: Passage) -> str:
    return "of the output" if passage.marker is None else f"after {quote(passage.marker)}"


def _read_tolerance(written: float | str, option: str) -> Decimal:
    text = str(written)
    found = list(numbers_in(text, NumberForm(fractions=False)))
    value = (
        found[0].value if len(found) == 1 and found[0].end - found[0].start == len(text) else None
    )
    if value is None or value < 0:
        raise ScorerSpecError(f"{option} must be a number that is not negative", option)
    return value
