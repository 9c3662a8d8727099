"""Multiple choice: the option that the output settles on is the right one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from plumbmark.scoring.choices import (
    declared,
    is_hedged,
    is_rejected,
    is_spoken_of,
    marked_in_list,
    plain_text,
    without_lists,
)
from plumbmark.scoring.extraction import (
    last_box,
    no_marker_explanation,
    passage_after,
)
from plumbmark.scoring.normalisation import is_blank, normaliser
from plumbmark.scoring.scorers.base import (
    After,
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
    WithoutMarkerOption,
)
from plumbmark.scoring.scorers.option_targets import TargetForm, right_letters
from plumbmark.scoring.shuffling import LETTERS, choice_order
from plumbmark.scoring.verdicts import Verdict, quote
from plumbmark.shapes import UNIQUE, ListOf

_ALONE = re.compile(
    r"(?i:(?:so|thus|hence|therefore|ok|okay|well|definitely|certainly|clearly|surely|probably|likely"
    r"|option|choice|letter)[\s,:]{1,3}){0,3}[(\[']{0,2}\s{0,3}(?P<letter>[A-Za-z])\s{0,3}[)\].:,;!'’]{0,4}"
    r"(?:です|选项|選項|입니다|가\s정답입니다)?\.?"
)
_LEADING = re.compile(
    r"[(\[]{0,2}\s{0,3}(?P<letter>[A-Z])\s{0,3}"
    r"(?:(?:[)\]]{1,2}\s{0,3}[.:]?|[.:])(?=\s|$)|,?(?=\s(?:because|since)\b))"
)
_BRACKETED = re.compile(r"\((?P<letter>[A-Z])\)")
_NEGATION = re.compile(
    r"\b(?:not|never|no|nor|neither|nicht|kein|pas|isn't|isn’t)(?: the| an?)?\s$"
)

_same_text = normaliser(("trim", "nfkc", "case", "markup", "final_stop", "whitespace"))
_MAX_OPTION_SEARCH = 20_000
"""Options are looked for by their text only near the end of an output, where answers stand."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    letter: str
    how: str
    start: int
    end: int
    phrase_start: int | None = None
    """The place at which the words begin that introduce the letter."""


class MultipleChoice(Scorer):
    """Makes out which option the output settles on."""

    version: ClassVar[str] = "2"

    type: Literal["multiple_choice"]
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    target_is: TargetForm = "auto"
    accept_text: bool = Field(
        default=True, description="An option's own text counts as choosing it."
    )
    labels: Annotated[
        ListOf[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=20), UNIQUE
    ] = Field(
        default=(),
        description="Words of your own that introduce an answer, such as `Odgovor`, besides those "
        "that are known in many languages.",
    )

    def check(self) -> None:
        if blank := next((one for one in self.labels if is_blank(one)), None):
            raise ScorerSpecError(f"the label {blank!r} has no word in it", "labels")

    @property
    def options(self) -> Mapping[str, object]:
        # Without labels, versions from before there were any have the same hash.
        options = super().options
        return options if self.labels else {k: v for k, v in options.items() if k != "labels"}

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        right = self._right_letters(target, context)
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        chosen = self._find_choice(passage.text, context)
        wanted = " or ".join(sorted(right))
        if chosen is None:
            return Verdict(0.0, None, f"No option could be made out; the right one is {wanted}.")
        details: dict[str, object] = {
            "start": passage.start + chosen.start,
            "end": passage.start + chosen.end,
        }
        how = chosen.how
        first = passage.start + (
            chosen.start if chosen.phrase_start is None else chosen.phrase_start
        )
        words = output[first : passage.start + chosen.end]
        if words.strip() != chosen.letter:
            how += f", {quote(words)}"
        if chosen.letter in right:
            return Verdict(1.0, chosen.letter, f"{how}: {chosen.letter}, which is right.", details)
        why = f"{how}: {chosen.letter}; the right one is {wanted}."
        return Verdict(0.0, chosen.letter, why, details)

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        try:
            self._right_letters(target, context)
        except ScorerSpecError as error:
            return error.message
        return None

    def _right_letters(self, target: Target, context: ScorerContext) -> set[str]:
        return right_letters(target, context, self.target_is)

    def _find_choice(self, text: str, context: ScorerContext) -> _Chosen | None:
        letters = LETTERS[: len(context.choices)]
        plain = plain_text(text)
        if whole := _whole(plain, letters):
            return whole
        if box := last_box(text):
            start, end = box
            if found := _whole(plain[start:end], letters) or _first_on_a_line(
                plain[start:end], letters
            ):
                return _Chosen(
                    found.letter, "The boxed answer", start + found.start, start + found.end
                )
        found_phrase = declared(plain, letters, tuple(self.labels))
        if found_phrase is not None:
            if found_phrase.letter is not None:
                return _Chosen(
                    found_phrase.letter,
                    found_phrase.how,
                    found_phrase.start,
                    found_phrase.end,
                    found_phrase.phrase_start,
                )
            return self._by_option_text(text, context) if self.accept_text else None
        if marked := marked_in_list(plain, letters):
            span = marked.span("letter")
            return _Chosen(marked["letter"], "The only option that is called right", *span)
        # A list of options that was copied from the question chooses none of them.
        plain = without_lists(plain, letters)
        return (
            _first_on_a_line(plain, letters)
            or (self._by_option_text(_like(text, plain), context) if self.accept_text else None)
            or _only_bracketed(plain, letters)
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


def _like(text: str, plain: str) -> str:
    """Return `text` without what is blank in `plain`, line by line."""
    lines = zip(text.split("\n"), plain.split("\n"), strict=True)
    return "\n".join(line if one.strip() else " " * len(line) for line, one in lines)


def _whole(text: str, letters: str) -> _Chosen | None:
    """Match an output that is only a letter: “B”, “(b)”, “Option B.”."""
    stripped = text.strip()
    if len(stripped) <= 40:
        match = _ALONE.fullmatch(stripped)
        if match and match["letter"].upper() in letters:
            start = text.find(stripped)
            return _Chosen(match["letter"].upper(), "The output", start, start + len(stripped))
    return None


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
            if is_hedged(line, match.end()) or is_spoken_of(line, match.end()):
                continue
            if match["letter"] == "A" and re.search(r"\s[(\[]?B[)\].:]\s", line):
                continue
            place = start + indent
            span = (place + match.start("letter"), place + match.end("letter"))
            return _Chosen(match["letter"], f"The start of the {which} line", *span)
    return None


def _only_bracketed(text: str, letters: str) -> _Chosen | None:
    """Match if all bracketed letters are the same one."""
    first = None
    for match in _BRACKETED.finditer(text):
        if match["letter"] not in letters or is_rejected(text, match.end()):
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
        is_whole = not (before and before.isalnum() and option[0].isalnum()) and not (
            words[end : end + 1].isalnum() and option[-1].isalnum()
        )
        negated = _NEGATION.search(words, max(0, position - 20), position)
        if is_whole and not negated and not is_rejected(words, end):
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
