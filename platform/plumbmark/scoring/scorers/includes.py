"""Includes: a target occurs somewhere in the output after normalisation."""

from typing import Literal

from pydantic import Field

from plumbmark.scoring.extraction import no_marker_explanation, passage_after
from plumbmark.scoring.normalisation import DEFAULT_STEPS, normaliser
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
            if needle and self._occurs(needle, text):
                return Verdict(1.0, one, f"The output includes {quote(one)}.")
        place = "The output" if passage.marker is None else f"What follows {quote(passage.marker)}"
        return Verdict(0.0, None, f"{place} does not include {list_targets(targets)}.")

    def _occurs(self, needle: str, text: str) -> bool:
        if not self.whole_words:
            return needle in text
        position = text.find(needle)
        while position >= 0:
            end = position + len(needle)
            before = text[position - 1 : position]
            if not _joins(before, needle[0]) and not _joins(text[end : end + 1], needle[-1]):
                return True
            # A later whole word cannot start inside this one, or it would not be whole.
            position = text.find(needle, end)
        return False

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        targets = target_list(target)
        if not targets:
            return "there is no target to look for"
        normalise = normaliser(self.normalise)
        if not all(normalise(target_text(one)) for one in targets):
            return "the target is empty after normalisation, and every output would include it"
        return None


def _joins(neighbour: str, edge: str) -> bool:
    """Return whether a character outside continues the word at the edge of the match."""
    return bool(neighbour) and _is_word(neighbour) and _is_word(edge)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
