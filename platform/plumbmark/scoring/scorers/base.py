"""The base of all scorers, and the options that several have."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, Strict

from plumbmark.scoring.extraction import WithoutMarker
from plumbmark.scoring.metrics import NumberFormat
from plumbmark.scoring.normalisation import STEPS, emptying_step, is_blank, normaliser
from plumbmark.scoring.templates import BadTemplate, Template, parse_template
from plumbmark.scoring.tool_calls import MadeCall
from plumbmark.scoring.verdicts import Verdict, quote
from plumbmark.shapes import Among, Forms, ListOf, Matching, StrictModel

Scalar = str | int | float | bool
Target = Scalar | Sequence[Scalar] | None
"""What the data calls right; any one of a list counts as right."""

SCORER_NAME = Matching("^[a-z0-9][a-z0-9_-]{0,39}$", "up to 40 lower-case letters, digits, - and _")
_Bound = Annotated[float | None, Forms(float | None, kinds="a number or null")]
_Marker = Annotated[str, Field(min_length=1, max_length=100)]
After = Annotated[
    tuple[str, ...],
    Forms(
        _Marker | Annotated[ListOf[_Marker], Field(min_length=1, max_length=10)],
        becomes=lambda after: (after,) if isinstance(after, str) else after,
        description="Look only at what follows the last of these marks.",
    ),
    Field(default_factory=tuple),
]
WithoutMarkerOption = Annotated[
    WithoutMarker,
    Field(description="An output without the mark: is wrong, or is looked at whole."),
]
Normalise = Annotated[
    ListOf[Annotated[str, Among(STEPS)]],
    Field(
        max_length=len(STEPS),
        description="What to even out in answer and target before they are compared.",
    ),
    AfterValidator(lambda steps: tuple(step for step in STEPS if step in steps)),
]


@dataclass(frozen=True, slots=True)
class ScorerContext:
    """The part of an item that a scorer may know besides its target.

    `choices` stand in the order of the data; `choice_seed` is the seed of the order shown.
    """

    item_key: str = ""
    choices: Sequence[str] = ()
    choice_seed: int | None = None
    tool_calls: Sequence[MadeCall] | None = None
    """What the model called on the way, for scorers that look at it; None: not recorded."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The columns of the item that such scorers use."""


class MetricEntry(StrictModel):
    """The meaning of a score."""

    name: Annotated[str, Field(min_length=1, max_length=80)] = "accuracy"
    direction: Literal["higher", "lower"] = "higher"
    unit: Annotated[str, Field(max_length=40)] = "share"
    bounds: Annotated[tuple[_Bound, _Bound], Strict(False)] = Field(
        default=(0, 1), description="Lowest and highest possible value; null where there is none."
    )
    format: NumberFormat | None = Field(
        default=None, description="How scores are written; it changes no score and no hash."
    )


class Scorer(StrictModel, ABC):
    """Judges one output in time linear in its length.

    Its fields are the entry of a definition. `version` rises whenever some output would be judged
    differently. An exception from `score` is a bug of the scorer; the caller records the sample as
    unscored.
    """

    version: ClassVar[str] = "1"
    gives_share: ClassVar[bool] = True
    """Every score is 0 or 1, or between them, so that other bounds would misstate its meaning."""

    type: str
    name: Annotated[str, SCORER_NAME] = Field(
        default_factory=lambda entry: entry["type"],
        description="Its name among the scorers; the type where it is left out.",
    )
    metric: MetricEntry = Field(
        default_factory=lambda: MetricEntry(), description="What the score means."
    )

    @property
    def options(self) -> Mapping[str, object]:
        """All options of its type with defaults written out, as plain JSON.

        Two entries that mean the same have equal options. None is an option that is left out.
        """
        return self.model_dump(mode="json", by_alias=True, exclude={"type", "name", "metric"})

    def check(self) -> None:
        """Raise `ScorerSpecError` where an option cannot be met, or two contradict each other."""

    @abstractmethod
    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict: ...

    @abstractmethod
    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        """Return why `target` can never be met, so that the import refuses it; None if it can."""
        ...

    def target_warning(self, target: Target, context: ScorerContext) -> str | None:
        """Return what the author should know of a target that can be met; None for nothing."""
        return None


class ScorerSpecError(ValueError):
    """A scorer entry that cannot be built. `option` is the key at fault, empty for the whole."""

    def __init__(self, message: str, option: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.option = option


def parse_option_template(text: str, option: str, missing: str) -> Template:
    """Return a text with columns in braces; `missing` is the message if there is none."""
    if not text.strip():
        raise ScorerSpecError(missing, option)
    try:
        return parse_template(text)
    except BadTemplate as error:
        line = text[: error.offset].count("\n") + 1
        raise ScorerSpecError(f"in line {line} of the {option}, {error}", option) from None


def target_list(target: Target) -> list[Scalar]:
    """Return the targets, any of which is right; an empty list for None."""
    if target is None:
        return []
    if isinstance(target, str | int | float | bool):
        return [target]
    return list(target)


def target_text(target: Scalar) -> str:
    """Return a target as text: `true` and `false` as in JSON, whole floats without “.0”."""
    if isinstance(target, bool):
        return "true" if target else "false"
    if isinstance(target, float) and target.is_integer() and abs(target) < 2**53:
        return str(int(target))
    return str(target)


def find_blank_target(target: Target, steps: Sequence[str]) -> str | None:
    """Return why a target can never be equal to an answer, where one is blank."""
    if any(is_blank(normaliser(steps)(target_text(one))) for one in target_list(target)):
        return "the target is empty, and no answer is ever equal to an empty one"
    return None


def find_emptied_target(target: Target, steps: Sequence[str]) -> str | None:
    """Return what to know of a target of which a step of normalisation would leave nothing."""
    for one in target_list(target):
        if step := emptying_step(steps, target_text(one)):
            return (
                f"nothing of the target would be left after the step {step}, so it is left as it is"
            )
    return None


def list_targets(targets: Sequence[str]) -> str:
    """Format targets for an explanation."""
    shown = " or ".join(quote(target) for target in targets[:5])
    return shown if len(targets) <= 5 else f"{shown} or {len(targets) - 5} more"
