"""Multiple choice: the option that the output settles on is the right one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from plumbmark.scoring.extraction import (
    no_marker_explanation,
    passage_after,
)
from plumbmark.scoring.normalisation import normaliser
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
from plumbmark.scoring.shuffling import LETTERS, choice_order
from plumbmark.scoring.verdicts import Verdict, quote

_MARKUP = r"[*_`(\[{\"'“‘]{0,4}"
_END = r"(?=$|[\s)\]}*_`.,;:!?\"'”’])"
_PHRASE = re.compile(
    rf"""
    (?i: \b (?: answer | choice | option | antwort | réponse | respuesta )
      (?: \s+ (?: is | would\s+be | should\s+be | ist | est | es ) )?
      \s* [:=\-]? \s* (?: (?: option | choice | letter ) \s+ )? )
    {_MARKUP} (?P<letter> [A-Z] ) {_END}
    # “the answer is A good idea” names no option, “is A because …” does
    (?! (?<=[AI]) \s (?! because|since|as\b|and\b|or\b|for\b|with\b ) [a-z] )
    """,
    re.VERBOSE,
)
_BOXED = re.compile(r"\\boxed\{\s*(?:\\text\{)?\s*\(?(?P<letter>[A-Z])\)?\s*\}")
_ALONE = re.compile(rf"{_MARKUP}(?P<letter>[A-Za-z])[)\]}}*_`.:\"'”’]{{0,5}}")
_LEADING = re.compile(r"[*_`(\[]{0,4}(?P<letter>[A-Z])(?:[)\]*_`]{1,4}[.:]?|[.:])(?=\s|$)")
_BRACKETED = re.compile(r"\((?P<letter>[A-Z])\)")

_same_text = normaliser(("trim", "nfkc", "case", "markup", "final_stop", "whitespace"))
_MAX_OPTION_SEARCH = 20_000
"""Options are looked for by their text only near the end of an output, where answers stand."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    letter: str
    how: str
    start: int
    end: int


class MultipleChoice(Scorer):
    """Makes out which option the output settles on."""

    type: Literal["multiple_choice"]
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    target_is: Literal["auto", "letter", "index", "number", "text"] = Field(
        default="auto",
        description="How the target names an option: by letter, index from 0, number from 1, or "
        "its text.",
    )
    accept_text: bool = Field(
        default=True, description="An option's own text counts as choosing it."
    )

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        right = self._right_letters(target, context)
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        chosen = self._chosen(passage.text, context)
        wanted = " or ".join(sorted(right))
        if chosen is None:
            return Verdict(0.0, None, f"No option could be made out; the right one is {wanted}.")
        details: dict[str, object] = {
            "start": passage.start + chosen.start,
            "end": passage.start + chosen.end,
        }
        if chosen.letter in right:
            return Verdict(
                1.0, chosen.letter, f"{chosen.how}: {chosen.letter}, which is right.", details
            )
        return Verdict(
            0.0,
            chosen.letter,
            f"{chosen.how}: {chosen.letter}; the right one is {wanted}.",
            details,
        )

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        try:
            self._right_letters(target, context)
        except ScorerSpecError as error:
            return error.message
        return None

    def _right_letters(self, target: Target, context: ScorerContext) -> set[str]:
        """Return the letters, as shown, of the right options."""
        count = len(context.choices)
        if count < 2:
            raise ScorerSpecError("a multiple-choice item needs at least two options")
        targets = target_list(target)
        if not targets:
            raise ScorerSpecError("there is no target that names the right option")
        order = choice_order(count, context.choice_seed, context.item_key)
        return {LETTERS[order.index(self._position(one, context.choices))] for one in targets}

    def _position(self, target: Scalar, choices: Sequence[str]) -> int:
        """Return the position in the data of the option that `target` names."""
        forms: Mapping[str, int | None] = {
            "letter": _by_letter(target, choices),
            "index": _by_number(target, choices, 0),
            "number": _by_number(target, choices, 1),
            "text": _by_text(target, choices),
        }
        if self.target_is != "auto":
            found = forms[self.target_is]
            if found is None:
                raise ScorerSpecError(
                    f"the target {quote(target_text(target))} is no {self.target_is} of one of "
                    f"the {len(choices)} options"
                )
            return found
        # A bare whole number counts from 0; numbers counted from 1 have to be declared.
        candidates = {forms["letter"], forms["text"]}
        if not isinstance(target, str):
            candidates = {forms["index"], forms["text"]}
        candidates.discard(None)
        if len(candidates) == 1:
            position = candidates.pop()
            assert position is not None
            return position
        if candidates:
            raise ScorerSpecError(
                f"the target {quote(target_text(target))} can be read in two ways; say with "
                "target_is whether it is a letter, an index (from 0), a number (from 1) or a text"
            )
        raise ScorerSpecError(
            f"the target {quote(target_text(target))} names none of the {len(choices)} options; "
            "target_is says how it is to be read"
        )

    def _chosen(self, text: str, context: ScorerContext) -> _Chosen | None:
        letters = LETTERS[: len(context.choices)]
        return (
            _whole(text, letters)
            or _last(_BOXED, text, letters, "The boxed answer")
            or _last(_PHRASE, text, letters, "The last phrase that names an answer")
            or _first_on_a_line(text, letters)
            or (self._by_option_text(text, context) if self.accept_text else None)
            or _only_bracketed(text, letters)
        )

    def _by_option_text(self, text: str, context: ScorerContext) -> _Chosen | None:
        order = choice_order(len(context.choices), context.choice_seed, context.item_key)
        tail_start = max(0, len(text) - _MAX_OPTION_SEARCH)
        tail = text[tail_start:]
        lines = [line for line in tail.splitlines() if line.strip()]
        if not lines:
            return None
        options = {LETTERS[n]: _same_text(context.choices[place]) for n, place in enumerate(order)}
        span = (tail_start, len(text))
        for passage in (tail, lines[-1]):
            same = [one for one, option in options.items() if option == _same_text(passage)]
            if len(same) == 1:
                return _Chosen(same[0], "The text of an option", *span)
        for passage in (lines[-1], tail):
            words = _same_text(passage)
            named = _longest_only(
                {one: option for one, option in options.items() if _names(option, words)}
            )
            if len(named) == 1:
                return _Chosen(named[0], "The only option whose text occurs", *span)
        return None


def _whole(text: str, letters: str) -> _Chosen | None:
    """Match an output that is only a letter, or begins its only line with one: “B”, “(b)”, “B.
    7”.
    """
    stripped = text.strip()
    if len(stripped) <= 12:
        match = _ALONE.fullmatch(stripped)
        if match and match["letter"].upper() in letters:
            start = text.find(stripped)
            return _Chosen(match["letter"].upper(), "The output", start, start + len(stripped))
    return None


def _last(expression: re.Pattern[str], text: str, letters: str, how: str) -> _Chosen | None:
    last = None
    for match in expression.finditer(text):
        if match["letter"] in letters:
            last = match
    return None if last is None else _Chosen(last["letter"], how, *last.span("letter"))


def _first_on_a_line(text: str, letters: str) -> _Chosen | None:
    """Match a letter at the start of the last line, else of the first: “B) seven”, “**B**”."""
    stripped = text.rstrip()
    last_start = stripped.rfind("\n") + 1
    first_start = len(text) - len(text.lstrip())
    for start, which in ((last_start, "last"), (first_start, "first")):
        indent = len(stripped[start : start + 200]) - len(stripped[start : start + 200].lstrip())
        line = stripped[start + indent : start + indent + 200].split("\n", 1)[0]
        match = _LEADING.match(line) or _ALONE.fullmatch(line)
        if match and match["letter"] in letters:
            place = start + indent
            span = (place + match.start("letter"), place + match.end("letter"))
            return _Chosen(match["letter"], f"The start of the {which} line", *span)
    return None


def _only_bracketed(text: str, letters: str) -> _Chosen | None:
    """Match if all bracketed letters are the same one."""
    first = None
    for match in _BRACKETED.finditer(text):
        if match["letter"] not in letters:
            continue
        if first is not None and match["letter"] != first["letter"]:
            return None
        first = match
    if first is None:
        return None
    return _Chosen(first["letter"], "The only letter in brackets", *first.span("letter"))


def _names(option: str, words: str) -> bool:
    """Return whether the option's text occurs in `words` as whole words."""
    if not option:
        return False
    position = words.find(option)
    while position >= 0:
        before = words[position - 1 : position] if position else ""
        end = position + len(option)
        if not (before and before.isalnum() and option[0].isalnum()) and not (
            words[end : end + 1].isalnum() and option[-1].isalnum()
        ):
            return True
        position = words.find(option, end)
    return False


def _longest_only(named: Mapping[str, str]) -> list[str]:
    """Return the letters of the options that are not part of another option that occurs as well."""
    return [
        letter
        for letter, option in named.items()
        if not any(option != other and option in other for other in named.values())
    ]


def _by_letter(target: Scalar, choices: Sequence[str]) -> int | None:
    if not isinstance(target, str):
        return None
    letter = target.strip().strip("().").upper()
    position = LETTERS.find(letter) if len(letter) == 1 else -1
    return position if 0 <= position < len(choices) else None


def _by_number(target: Scalar, choices: Sequence[str], first: int) -> int | None:
    text = target_text(target).strip()
    if isinstance(target, bool) or not (text.isascii() and text.isdigit() and len(text) <= 4):
        return None
    position = int(text) - first
    return position if 0 <= position < len(choices) else None


def _by_text(target: Scalar, choices: Sequence[str]) -> int | None:
    wanted = target_text(target).strip()
    same = [n for n, choice in enumerate(choices) if choice.strip() == wanted]
    return same[0] if len(same) == 1 else None
