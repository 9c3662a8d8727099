"""Multiple select: the options that the output lists are all of the right ones.

A target that is a list names all right options, unlike with `multiple_choice`, which accepts any
one of a list.
"""

import re
from typing import Literal

from pydantic import Field

from plumbmark.scoring.choices import plain_text
from plumbmark.scoring.extraction import last_box, no_marker_explanation, passage_after
from plumbmark.scoring.scorers.base import (
    After,
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
    WithoutMarkerOption,
)
from plumbmark.scoring.scorers.option_targets import TargetForm, right_letters
from plumbmark.scoring.shuffling import LETTERS
from plumbmark.scoring.verdicts import Verdict, quote

_LETTER = r"[(\[]{0,2}[A-Za-z][)\].:]{0,2}"
_GAP = r"(?:\s{0,5}[,;/&+]\s{0,5}(?:and\s{1,5})?|\s{1,5}(?:and|und|et|y|e)\s{1,5}|\s{1,5})"
_LIST = re.compile(rf"[\[({{]?\s{{0,5}}{_LETTER}(?:{_GAP}{_LETTER}){{0,25}}\s{{0,5}}[\])}}]?\.?")
_JOINED = re.compile(r"[A-Z]{2,26}\.?")
_DECLARED = re.compile(
    r"(?i:\b(?:answers?|options?|choices?|antworten?|réponses?|respuestas?)\b[^\n:.]{0,40}?"
    r"(?::|\bare\b|\bis\b|\bsind\b|\bist\b|\bsont\b|\bson\b))"
)
_BULLET = re.compile(r"[ \t]{0,10}(?:[-*•][ \t]{1,5})?[(\[]?(?P<letter>[A-Z])[)\].:](?:[ \t].*)?")
_MAX_SEARCH = 20_000
"""Answers stand near the end of an output."""


class MultipleSelect(Scorer):
    """Makes out which options the output lists."""

    type: Literal["multiple_select"]
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    target_is: TargetForm = "auto"
    credit: Literal["all", "partial"] = Field(
        default="all",
        description="`all`: 1 for exactly the right options, 0 otherwise. `partial`: the right "
        "options that were chosen, less the wrong ones, divided by all right ones; at least 0.",
    )

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        right = right_letters(target, context, self.target_is)
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        found = _find_letters(passage.text, LETTERS[: len(context.choices)])
        wanted = ", ".join(sorted(right))
        if found is None:
            why = f"No list of options could be made out; the right ones are {wanted}."
            return Verdict(0.0, None, why)
        chosen, start, end = found
        hits, wrong = len(chosen & right), len(chosen - right)
        value = float(chosen == right)
        if self.credit == "partial":
            value = max(0.0, (hits - wrong) / len(right))
        answer = ", ".join(sorted(chosen))
        words = quote(passage.text[start:end].strip())
        why = f"{words} lists {answer}; the right ones are {wanted}: {hits} right, {wrong} wrong."
        details = {"start": passage.start + start, "end": passage.start + end}
        return Verdict(value, answer, why, details)

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        try:
            right_letters(target, context, self.target_is)
        except ScorerSpecError as error:
            return error.message
        return None


def _find_letters(text: str, letters: str) -> tuple[set[str], int, int] | None:
    """Return the letters that the text settles on, and where they stand.

    In this order: the last box, the whole text, what follows the last declaration on its line or
    in the list below it, the last line.
    """
    first = max(0, len(text) - _MAX_SEARCH)
    text = text[first:]
    plain = plain_text(text)
    spans: list[tuple[int, int]] = []
    if box := last_box(text):
        spans.append(box)
    spans.append((0, len(plain)))
    if declared := list(_DECLARED.finditer(plain)):
        start = declared[-1].end()
        line_end = plain.find("\n", start)
        spans.append((start, len(plain) if line_end < 0 else line_end))
        spans.append((start, len(plain)))
    else:
        last = plain.rstrip()
        spans.append((last.rfind("\n") + 1, len(last)))
    for start, end in spans:
        if found := _read_list(plain[start:end], letters):
            return found, first + start, first + end
        if declared and (found := _read_lines(plain[start:end], letters)):
            return found, first + start, first + end
    return None


def _read_list(text: str, letters: str) -> set[str] | None:
    """Return the letters of a text that is a list of letters and nothing else."""
    text = text.strip().strip("$*_` ")
    if _JOINED.fullmatch(text):
        found = set(text.rstrip("."))
    elif len(text) <= 400 and _LIST.fullmatch(text):
        found = {one.upper() for one in re.findall(r"\b[A-Za-z]\b", text)}
    else:
        return None
    return found if found <= set(letters) else None


def _read_lines(text: str, letters: str) -> set[str] | None:
    """Return the letters of a text of which each line begins with one."""
    matches = [_BULLET.fullmatch(one) for one in text.splitlines() if one.strip()]
    found = {one["letter"] for one in matches if one is not None}
    return found if found and None not in matches and found <= set(letters) else None
