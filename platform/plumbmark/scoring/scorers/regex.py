"""Regex: what a pattern finds in the output equals a target, or finding anything is right."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from plumbmark.scoring.extraction import (
    WithoutMarker,
    no_marker_explanation,
    passage_after,
)
from plumbmark.scoring.normalisation import DEFAULT_STEPS, normaliser
from plumbmark.scoring.scorers.base import (
    Options,
    ScorerContext,
    ScorerSpecError,
    Target,
    list_targets,
    target_list,
    target_text,
)
from plumbmark.scoring.scorers.patterns import (
    Flags,
    PatternError,
    compile_pattern,
    last_match,
)
from plumbmark.scoring.verdicts import Verdict, quote

Compare = Literal["target", "pattern"]
Take = Literal["first", "last"]


@dataclass(frozen=True, slots=True)
class Regex:
    name: str
    pattern: str
    group: int
    compare: Compare
    take: Take
    flags: Flags
    full_match: bool
    after: tuple[str, ...]
    without_marker: WithoutMarker
    normalise: tuple[str, ...]
    version: str = "1"

    @classmethod
    def from_spec(cls, spec: Mapping[str, object], name: str) -> "Regex":
        options = Options(spec)
        pattern = options.text("pattern", "")
        if not pattern:
            raise ScorerSpecError("the scorer regex needs a pattern", "pattern")
        flags = Flags(options.flag("ignore_case", False), options.flag("dot_all", False))
        try:
            expression = compile_pattern(pattern, flags)
        except PatternError as error:
            raise ScorerSpecError(str(error), "pattern") from None
        compares: tuple[Compare, ...] = ("target", "pattern")
        takes: tuple[Take, ...] = ("first", "last")
        scorer = cls(
            name=name,
            pattern=pattern,
            group=_group(options, spec, expression),
            compare=options.choice("compare", compares, "target"),
            take=options.choice("take", takes, "last"),
            flags=flags,
            full_match=options.flag("full_match", False),
            after=options.texts("after"),
            without_marker=options.without_marker(),
            normalise=options.steps("normalise", DEFAULT_STEPS),
        )
        options.finish("regex")
        return scorer

    @property
    def options(self) -> Mapping[str, object]:
        return {
            "pattern": self.pattern,
            "group": self.group,
            "compare": self.compare,
            "take": self.take,
            "ignore_case": self.flags.ignore_case,
            "dot_all": self.flags.dot_all,
            "full_match": self.full_match,
            "after": list(self.after),
            "without_marker": self.without_marker,
            "normalise": list(self.normalise),
        }

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        passage = passage_after(output, self.after, self.without_marker)
        if passage is None:
            return Verdict(0.0, None, no_marker_explanation(self.after))
        match = self._match(passage.text)
        if match is None:
            return Verdict(0.0, None, "The pattern matches nothing in the output.")
        found = match.group(self.group)
        start, end = match.span(self.group)
        if found is None:
            return Verdict(
                0.0, None, f"The pattern matches, but its group {self.group} took no part in it."
            )
        details = {"start": passage.start + start, "end": passage.start + end}
        if self.compare == "pattern":
            return Verdict(1.0, found, f"The pattern matches {quote(found)}.", details)
        normalise = normaliser(self.normalise)
        answer = normalise(found)
        targets = [target_text(one) for one in target_list(target)]
        for one in targets:
            if answer == normalise(one):
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
        if self.compare == "pattern" or target_list(target):
            return None
        return "there is no target to compare with"


def _group(options: Options, spec: Mapping[str, object], expression: Any) -> int:
    """Return the number of the answer's group: the requested one, else the first, else the
    match.
    """
    if isinstance(spec.get("group"), str):
        name = options.text("group", "")
        if name not in expression.groupindex:
            raise ScorerSpecError(f"the pattern has no group named {name!r}", "group")
        index: int = expression.groupindex[name]
        return index
    group = options.whole_number("group", 1 if expression.groups else 0)
    if not 0 <= group <= expression.groups:
        raise ScorerSpecError(
            f"the pattern has {expression.groups} groups, and group {group} was asked for", "group"
        )
    return group
