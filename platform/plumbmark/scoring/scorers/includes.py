"""Includes: a target occurs somewhere in the output after normalisation."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from plumbmark.scoring.extraction import Passage, no_marker_explanation, passage_after
from plumbmark.scoring.normalisation import DEFAULT_STEPS, emptying_step, is_blank, normaliser
from plumbmark.scoring.scorers.base import (
    After,
    Normalise,
    Scorer,
    ScorerContext,
    Target,
    WithoutMarkerOption,
    list_targets,
    target_list,
    target_text,
)
from plumbmark.scoring.verdicts import Verdict, quote


class Includes(Scorer):
    """Right where the output contains a target."""

    version: ClassVar[str] = "2"

    type: Literal["includes"]
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    normalise: Normalise = DEFAULT_STEPS
    whole_words: bool = Field(default=False, description="Only between word borders.")

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        normalise = normaliser(self.normalise)
        text = normalise(passage.text)
        targets = [target_text(one) for one in target_list(target)]
        for one in targets:
            needle = normalise(one)
            if not is_blank(needle) and self._find(needle, text) is not None:
                details = self._place(one, passage)
                return Verdict(1.0, one, f"The output includes {quote(one)}.", details)
        place = "The output" if passage.marker is None else f"What follows {quote(passage.marker)}"
        return Verdict(0.0, None, f"{place} does not include {list_targets(targets)}.")

    def _find(self, needle: str, text: str) -> int | None:
        """Return where `needle` first occurs in `text`, if it does."""
        if not self.whole_words:
            position = text.find(needle)
            return position if position >= 0 else None
        for position in _occurrences(needle, text):
            end = position + len(needle)
            before = text[position - 1 : position] if position else ""
            if not _joins(before, needle[0]) and not _joins(text[end : end + 1], needle[-1]):
                return position
        return None

    def _place(self, target: str, passage: Passage) -> dict[str, int]:
        """Return where the target stands in the output; empty where more than its case is
        different, because places in a normalised text are not places in the output.
        """
        text = passage.text
        if "case" in self.normalise and len(text.casefold()) == len(text):
            text, target = text.casefold(), target.casefold()
        position = self._find(target, text) if target else None
        if position is None:
            return {}
        start = passage.start + position
        return {"start": start, "end": start + len(target)}

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        targets = target_list(target)
        if not targets:
            return "there is no target to look for"
        normalise = normaliser(self.normalise)
        for text in map(target_text, targets):
            if is_blank(normalise(text)) or emptying_step(self.normalise, text):
                return "the target is empty after normalisation, and every output would include it"
        return None


def _occurrences(needle: str, text: str) -> Iterator[int]:
    """Yield where `needle` occurs in `text`, overlaps included, in linear time (Knuth, Morris and
    Pratt): to search on from every place but one would take time with the product of the lengths.
    """
    if not needle or needle not in text:
        return
    borders = [0] * len(needle)
    length = 0
    for place in range(1, len(needle)):
        while length and needle[place] != needle[length]:
            length = borders[length - 1]
        length += needle[place] == needle[length]
        borders[place] = length
    if not borders[-1]:
        # Without a border no occurrence overlaps another, and the quick search finds them all.
        position = text.find(needle)
        while position >= 0:
            yield position
            position = text.find(needle, position + len(needle))
        return
    length = 0
    for place, character in enumerate(text):
        while length and (length == len(needle) or character != needle[length]):
            length = borders[length - 1]
        length += character == needle[length]
        if length == len(needle):
            yield place + 1 - length


def _joins(neighbour: str, edge: str) -> bool:
    """Return whether a character outside continues the word at the edge of the match."""
    return bool(neighbour) and _is_word(neighbour) and _is_word(edge)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
