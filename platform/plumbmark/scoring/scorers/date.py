"""Date: the last date of the output is the target's, however either is written.

Reads ISO 8601 (2024-03-05), dates with English, German, French or Spanish names of months, and
dates of digits in the order that the definition says. Days that no calendar has are not read.
"""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from plumbmark.scoring.extraction import boxed_passage, no_marker_explanation, passage_after
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

_NAMES = """
january jan januar jänner janvier janv enero ene
february feb februar février févr fév febrero
march mar märz mär mars marzo
april apr avril avr abril abr
may mai mayo
june jun juni juin junio
july jul juli juillet juil julio
august aug août agosto ago
september sept sep septembre septiembre
october oct oktober okt octobre octubre
november nov novembre noviembre
december dec dezember dez décembre déc diciembre dic
"""
_MONTHS = {
    name: month
    for month, line in enumerate(_NAMES.strip().splitlines(), start=1)
    for name in line.split()
}
_MONTH = r"(?P<name>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
_YEAR = r"(?P<year>\d{4})(?!\d)"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?<![\d-])(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?!\d)",
        r"(?<!\d)(?P<year>\d{4})\s?[年/.]\s?(?P<month>\d{1,2})\s?[月/.]\s?(?P<day>\d{1,2})(?!\d)日?",
        rf"(?<!\d){_DAY}\s(?:of\s|de\s)?{_MONTH},?\s(?:de\s|del\s)?{_YEAR}",
        rf"\b{_MONTH}\s{_DAY},?\s{_YEAR}",
    )
)
_DIGITS = re.compile(r"(?<![\d/.-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?!\d)")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date in a text, and where it stands in it."""

    date: datetime.date
    start: int
    end: int


class Date(Scorer):
    """Takes a date from the output and compares it with the target's."""

    type: Literal["date"]
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    take: Literal["last", "first"] = "last"
    order: Literal["day-month-year", "month-day-year"] = Field(
        default="day-month-year",
        description="How 05/03/2024 is read, in answers and in targets that are written so.",
    )
    tolerance_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=0, description="So many days earlier or later are right as well."
    )

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        if self.take == "last":
            passage = boxed_passage(passage) or passage
        text, offset = passage.text, passage.start
        found = sorted(find_dates(text, self.order), key=lambda one: one.start)
        if not found:
            return Verdict(0.0, None, "There is no whole date of day, month and year.")
        chosen = found[-1] if self.take == "last" else found[0]
        written = text[chosen.start : chosen.end]
        details = {"start": offset + chosen.start, "end": offset + chosen.end}
        read = f"The {self.take} date is {quote(written)}, read as {chosen.date.isoformat()}"
        wanted = [self._target_date(target_text(one)) for one in target_list(target)]
        dates = [one for one in wanted if one is not None]
        if len(dates) != len(wanted) or not dates:
            raise ValueError("a target is no date")
        apart = min(abs((chosen.date - one).days) for one in dates)
        names = " or ".join(one.isoformat() for one in dates[:5])
        if apart == 0:
            return Verdict(1.0, written, f"{read}, which is the target.", details)
        days = "1 day" if apart == 1 else f"{apart:,} days"
        if apart <= self.tolerance_days:
            why = f"{read}, {days} from the target {names}, within the tolerance."
            return Verdict(1.0, written, why, details)
        return Verdict(0.0, written, f"{read}; the target is {names}, {days} apart.", details)

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        targets = target_list(target)
        if not targets:
            return "there is no target to compare with"
        for one in targets:
            if self._target_date(target_text(one)) is None:
                return (
                    f"the target {quote(target_text(one))} is no date; write it as year-month-day, "
                    "such as 2024-03-05"
                )
        return None

    def _target_date(self, text: str) -> datetime.date | None:
        """Return the date of a text that is a date and nothing else."""
        text = _SPACES.sub(" ", text.strip())
        for found in find_dates(text[:100], self.order):
            if (found.start, found.end) == (0, len(text)):
                return found.date
        return None


def find_dates(text: str, order: str) -> Iterator[FoundDate]:
    """Yield the whole dates of a text, form by form; `order` says how 05/03/2024 is read."""
    for form in _FORMS:
        for match in form.finditer(text):
            parts = match.groupdict()
            month = _MONTHS[parts["name"].lower()] if "name" in parts else int(parts["month"])
            if date := _build_date(int(parts["year"]), month, int(parts["day"])):
                yield FoundDate(date, match.start(), match.end())
    for match in _DIGITS.finditer(text):
        one, other, year = int(match[1]), int(match[3]), int(match[4])
        day, month = (one, other) if order == "day-month-year" else (other, one)
        if date := _build_date(year, month, day):
            yield FoundDate(date, match.start(), match.end())


def _build_date(year: int, month: int, day: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None
