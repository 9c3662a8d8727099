"""Regex: what a pattern finds in the output equals a target, or finding anything is right."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from plumbmark.scoring.extraction import no_marker_explanation, passage_after
from plumbmark.scoring.normalisation import DEFAULT_STEPS, STEPS, are_equal, normaliser, skip_blank
from plumbmark.scoring.scorers.base import (
    After,
    Normalise,
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
    WithoutMarkerOption,
    find_blank_target,
    find_emptied_target,
    list_targets,
    target_list,
    target_text,
)
from plumbmark.scoring.scorers.patterns import (
    MAX_PATTERN_LENGTH,
    Flags,
    PatternError,
    compile_pattern,
    last_match,
)
from plumbmark.scoring.verdicts import Verdict, quote
from plumbmark.shapes import Forms


class Regex(Scorer):
    """Takes the answer with an RE2 pattern and compares it with the target, or is right wherever
    the pattern matches."""

    version: ClassVar[str] = "2"

    type: Literal["regex"]
    pattern: Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_LENGTH)]
    group: Annotated[int | str | None, Forms(int | str, kinds="an integer or string")] = Field(
        default=None, description="The group that holds the answer; the first where it is left out."
    )
    compare: Literal["target", "pattern"] = "target"
    take: Literal["last", "first"] = "last"
    ignore_case: bool = Field(default=False, description="Upper and lower case are the same.")
    dot_all: bool = Field(default=False, description="A dot matches line ends too.")
    full_match: bool = Field(
        default=False,
        description="The pattern must match the whole text, but for white space around it.",
    )
    after: After
    without_marker: WithoutMarkerOption = "wrong"
    normalise: Normalise = DEFAULT_STEPS

    @cached_property
    def flags(self) -> Flags:
        return Flags(self.ignore_case, self.dot_all)

    @cached_property
    def answer_group(self) -> int:
        """The number of the answer's group: as asked for, else the first one, else the match."""
        expression = compile_pattern(self.pattern, self.flags)
        if isinstance(self.group, str):
            if self.group not in expression.groupindex:
                raise ScorerSpecError(f"the pattern has no group named {self.group!r}", "group")
            index: int = expression.groupindex[self.group]
            return index
        group = min(1, expression.groups) if self.group is None else self.group
        if not 0 <= group <= expression.groups:
            raise ScorerSpecError(
                f"the pattern has {expression.groups} groups, and group {group} was asked for",
                "group",
            )
        return group

    def check(self) -> None:
        try:
            _ = self.answer_group
        except PatternError as error:
            raise ScorerSpecError(str(error), "pattern") from None

    @property
    def options(self) -> Mapping[str, object]:
        return {**super().options, "group": self.answer_group}

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        lines = _EvenLines.of(passage.text)
        match = self._match(lines.text)
        if match is None:
            return Verdict(0.0, None, "The pattern matches nothing in the output.")
        found = match.group(self.answer_group)
        start, end = match.span(self.answer_group)
        if found is None:
            return Verdict(
                0.0,
                None,
                f"The pattern matches, but its group {self.answer_group} took no part in it.",
            )
        details = {
            "start": passage.start + lines.original(start),
            "end": passage.start + lines.original(end),
        }
        if self.compare == "pattern":
            return Verdict(1.0, found, f"The pattern matches {quote(found)}.", details)
        normalise = normaliser(self.normalise)
        answer = normalise(found)
        targets = [target_text(one) for one in target_list(target)]
        for one in targets:
            if are_equal(answer, normalise(one)):
                return Verdict(
                    1.0, answer, f"The pattern found {quote(found)}, which is the target.", details
                )
        return Verdict(
            0.0,
            answer,
            f"The pattern found {quote(found)}, which is not {list_targets(targets)}.",
            details,
        )

    def _match(self, text: str) -> Any:
        expression = compile_pattern(self.pattern, self.flags)
        if self.full_match:
            return expression.fullmatch(text)
        if self.take == "first":
            return expression.search(text)
        return last_match(self.pattern, self.flags, text)

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        if self.compare == "pattern":
            return None
        if not target_list(target):
            return "there is no target to compare with"
        return find_blank_target(target, self.normalise)

    def target_warning(self, target: Target, context: ScorerContext) -> str | None:
        return None if self.compare == "pattern" else find_emptied_target(target, self.normalise)


@dataclass(frozen=True, slots=True)
class _EvenLines:
    """A text as patterns see it: lines end with one character, and no white space is around it.

    So `$` is met behind the last character that can be seen, as an author expects who sees no line
    end there.
    """

    text: str
    start: int
    removed: Sequence[int]
    """The places in `text`, ascending, at which a carriage return was left out."""

    @classmethod
    def of(cls, original: str) -> "_EvenLines":
        start = skip_blank(original)
        text = STEPS["trim"](original)
        if "\r" not in text:
            return cls(text, start, ())
        parts = text.split("\r\n")
        ends = list(accumulate(len(part) + 1 for part in parts[:-1]))
        return cls("\n".join(parts).replace("\r", "\n"), start, [end - 1 for end in ends])

    def original(self, place: int) -> int:
        """Return the place in the original text."""
        return self.start + place + bisect_left(self.removed, place)
