"""Numeric: the final (or first) number of the output equals the target within a tolerance."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from plumbmark.scoring.extraction import (
    Passage,
    WithoutMarker,
    no_marker_explanation,
    passage_after,
)
from plumbmark.scoring.numbers import (
    FoundNumber,
    NumberForm,
    distance,
    format_number,
    last_number_in,
    numbers_in,
    product,
)
from plumbmark.scoring.scorers.base import (
    Options,
    Scalar,
    ScorerContext,
    ScorerSpecError,
    Target,
    target_list,
    target_text,
)
from plumbmark.scoring.verdicts import Verdict, quote

Take = Literal["last", "first"]
Percent = Literal["ignore", "hundredth"]

_THOUSANDS = {"comma": ",", "point": ".", "space": " ", "apostrophe": "'", "none": ""}
_THOUSANDS_NAMES = {sign: name for name, sign in _THOUSANDS.items()}


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number is right within `absolute` of a target, or within `relative` × |target|."""

    name: str
    after: tuple[str, ...]
    without_marker: WithoutMarker
    take: Take
    form: NumberForm
    percent: Percent
    absolute: Decimal
    relative: Decimal
    version: str = "1"

    @classmethod
    def from_spec(cls, spec: Mapping[str, object], name: str) -> "Numeric":
        options = Options(spec)
        takes: tuple[Take, ...] = ("last", "first")
        percents: tuple[Percent, ...] = ("ignore", "hundredth")
        scorer = cls(
            name=name,
            after=options.texts("after"),
            without_marker=options.without_marker(),
            take=options.choice("take", takes, "last"),
            form=_form(options),
            percent=options.choice("percent", percents, "ignore"),
            absolute=_tolerance(options, "absolute_tolerance"),
            relative=_tolerance(options, "relative_tolerance"),
        )
        options.finish("numeric")
        return scorer

    @property
    def options(self) -> Mapping[str, object]:
        return {
            "after": list(self.after),
            "without_marker": self.without_marker,
            "take": self.take,
            "decimal_sign": "point" if self.form.decimal == "." else "comma",
            "thousands_separator": _THOUSANDS_NAMES[self.form.thousands],
            "fractions": self.form.fractions,
            "percent": self.percent,
            "absolute_tolerance": _plain(self.absolute),
            "relative_tolerance": _plain(self.relative),
        }

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        found = self._find(passage.text)
        if found is None:
            return Verdict(0.0, None, f"There is no number {_place(passage)}.")
        details: dict[str, object] = {
            "start": passage.start + found.start,
            "end": passage.start + found.end,
        }
        which = f"The {self.take} number {_place(passage)} is {quote(found.text)}"
        if found.value is None:
            return Verdict(0.0, found.text, f"{which}, but {found.problem}.", details)
        value = self._scaled(found)
        assert value is not None
        details["number"] = format_number(value)
        targets = [(one, self._target(one)) for one in target_list(target)]
        for text, wanted in targets:
            if wanted is None:
                raise ValueError(f"the target {target_text(text)!r} is no number")
            if self._meets(value, wanted):
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
            if self._target(one) is None:
                return f"the target {quote(target_text(one))} is no number"
        return None

    def _find(self, text: str) -> FoundNumber | None:
        if self.take == "first":
            return next(numbers_in(text, self.form), None)
        return last_number_in(text, self.form)

    def _scaled(self, found: FoundNumber) -> Decimal | None:
        if found.value is not None and found.is_percent and self.percent == "hundredth":
            return found.value.scaleb(-2)
        return found.value

    def _target(self, target: Scalar) -> Decimal | None:
        """Return the target as a number; None unless it is one number and nothing else."""
        if isinstance(target, bool):
            return None
        if isinstance(target, int | float):
            return Decimal(repr(target))
        text = target.strip()
        found = list(numbers_in(text, self.form)) if len(text) < 2000 else []
        if len(found) != 1 or found[0].start != 0 or found[0].end != len(text):
            return None
        return self._scaled(found[0])

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


def _form(options: Options) -> NumberForm:
    signs: tuple[Literal["point", "comma"], ...] = ("point", "comma")
    decimal = options.choice("decimal_sign", signs, "point")
    separator = options.choice(
        "thousands_separator", tuple(_THOUSANDS), "comma" if decimal == "point" else "point"
    )
    if separator == decimal:
        raise ScorerSpecError(
            f"{decimal} cannot be both the decimal sign and the thousands separator",
            "thousands_separator",
        )
    return NumberForm(
        decimal="." if decimal == "point" else ",",
        thousands=_THOUSANDS[separator],
        fractions=options.flag("fractions", True),
    )


def _plain(value: Decimal) -> str:
    """Format a number in one spelling: 0.10 and 0.1 are the same tolerance."""
    return str(value.normalize())


def _tolerance(options: Options, name: str) -> Decimal:
    text = options.decimal_text(name)
    if text is None:
        return Decimal(0)
    found = list(numbers_in(text, NumberForm(fractions=False)))
    value = (
        found[0].value if len(found) == 1 and found[0].end - found[0].start == len(text) else None
    )
    if value is None or value < 0:
        raise ScorerSpecError(f"{name} must be a number that is not negative", name)
    return value
