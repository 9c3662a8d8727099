"""The definition as an author writes it, with its rules, and the published JSON Schema.

It is served at `/schemas/task-definition.json` and documented in docs/authors/definitions.md.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field

from plumbmark.engine.tools import ToolEntry
from plumbmark.scoring.run_metrics.confidence import CONFIDENCE_PATTERN
from plumbmark.scoring.run_metrics.measures import (
    CALIBRATION_METRICS,
    LABEL_METRICS,
    NUMBER_METRICS,
)
from plumbmark.scoring.scorers import ScorerEntry
from plumbmark.scoring.scorers.base import SCORER_NAME
from plumbmark.shapes import (
    AS_WRITTEN,
    UNIQUE,
    Forms,
    ListOf,
    Matching,
    Optionally,
    StrictModel,
    problem,
    published_schema,
)
from tasks_app.definitions.document import (
    ChoicesSpec,
    Content,
    FewShot,
    Part,
    SimulatedUserSpec,
    SplitSpec,
    TargetSpec,
    Turn,
)

DEFAULT_STEPS = 10
"""Calls of the model in one sample, before further turns are added."""
PART_KINDS = ("text", "image", "audio")

_Column = Annotated[str, Field(min_length=1, max_length=200)]
_Columns = Annotated[ListOf[_Column], Field(min_length=1, max_length=50), UNIQUE]
_Text = Annotated[str, Field(max_length=100_000)]
_FilledText = Annotated[_Text, Field(min_length=1)]
_ShortText = Annotated[str, Field(min_length=1, max_length=100)]
_FileName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1000,
        description="The name of an attached file, usually `{column}`.",
    ),
]
_Seed = Annotated[int, Field(ge=0, le=2**31)]


Spec = TypeVar("Spec")


def _into(spec: Callable[..., Spec]) -> Callable[[StrictModel], Spec]:
    """Return what makes the typed data of an entry that has the same fields."""
    return lambda entry: spec(**dict(entry))


class TargetEntry(StrictModel):
    """The place of an item's right answer."""

    column: Optionally[_Column] = Field(default=None, description="The column that holds it.")
    columns: Optionally[_Columns] = Field(
        default=None, description="Several columns, each holding an answer that counts as right."
    )
    after: _ShortText = Field(
        default_factory=str,
        description="Take only the text after the last occurrence of this mark.",
    )
    pattern: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        default_factory=str,
        description="An RE2 pattern; its first group (or the whole match) is the answer.",
    )
    strip: bool = Field(default=True, description="Remove white space around it.")


def _target(entry: str | TargetEntry) -> TargetSpec:
    if isinstance(entry, str):
        return TargetSpec((entry,), after="", pattern="", strip=True)
    columns = entry.columns or ((entry.column,) if entry.column else ())
    return TargetSpec(columns, entry.after, entry.pattern, entry.strip)


def _choices(entry: str | tuple[str, ...]) -> ChoicesSpec:
    if isinstance(entry, str):
        return ChoicesSpec((entry,), is_list=True)
    return ChoicesSpec(entry, is_list=False)


class SplitEntry(StrictModel):
    """Which items stay private."""

    column: _Column
    private: Annotated[
        ListOf[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=50)
    ] = Field(description="Values of the column that make an item private.")


class DataEntry(StrictModel):
    format: Optionally[Literal["jsonl", "csv"]] = Field(
        default=None, description="Guessed from the file's name where it is left out."
    )
    id: Optionally[_Column] = Field(
        default=None, description="The column of unique ids. Without it, items are numbered."
    )
    target: Annotated[
        TargetSpec | None,
        Forms(
            _Column
            | Annotated[TargetEntry, Field(description="The place of an item's right answer.")],
            becomes=_target,
            description="The column of the right answer, or the place of the answer in it.",
        ),
    ] = None
    cluster: Optionally[_Column] = Field(
        default=None,
        description="Items with the same value here belong together (one passage, one source): "
        "intervals take it into account.",
    )
    slices: _Columns = Field(
        default_factory=tuple, description="Columns by which scores may be broken down."
    )
    split: Annotated[SplitSpec | None, Forms(SplitEntry, becomes=_into(SplitSpec))] = None
    choices: Annotated[
        ChoicesSpec | None,
        Forms(
            _Column | _Columns,
            becomes=_choices,
            description="The options of multiple-choice items: a column with a list, or one "
            "column per option.",
        ),
    ] = None


class PartEntry(StrictModel):
    """A part: text, or the name of an attached file."""

    text: Optionally[_FilledText] = None
    image: Optionally[_FileName] = None
    audio: Optionally[_FileName] = None
    optional: bool = Field(
        default=False,
        description="Leave the part out where the name is empty; otherwise that is an error.",
    )


def _content(entry: str | tuple[PartEntry, ...]) -> Content:
    """Keep text alone as text, however it was written."""
    if isinstance(entry, str):
        return entry
    parts = tuple(
        Part(kind, named, one.optional)
        for one in entry
        for kind in PART_KINDS
        if (named := getattr(one, kind)) is not None
    )
    if len(parts) == 1 and parts[0].kind == "text":
        return parts[0].template
    return parts


_ContentEntry = Annotated[
    Content,
    Forms(
        _FilledText | Annotated[ListOf[PartEntry], Field(min_length=1, max_length=50)],
        becomes=_content,
        description="Content is text, or a list of parts, each {text: …}, {image: …} or "
        "{audio: …}.",
    ),
]


class TurnEntry(StrictModel):
    """A message template."""

    role: Literal["user", "assistant", "system"]
    content: _ContentEntry


class FewShotEntry(StrictModel):
    """An example."""

    user: _ContentEntry
    assistant: _FilledText


class SimulatedUserEntry(StrictModel):
    """Another model that plays the user: it answers the candidate until it is done."""

    model: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Its deployment, pinned by name."
    )
    instructions: _FilledText = Field(
        description="Who it is and what it wants: a template like messages, whose columns the "
        "candidate need not see."
    )
    stop: _ShortText = Field(
        default="DONE", description="What it says when it is done; its message is not passed on."
    )
    max_turns: int = Field(default=6, ge=1, le=30, description="Answers of the candidate at most.")
    max_output_tokens: int = Field(default=512, ge=16, le=32_768)


class PromptEntry(StrictModel):
    system: _Text = Field(default_factory=str, description="The system prompt; may use columns.")
    messages: Annotated[
        ListOf[Annotated[Turn, Forms(TurnEntry, becomes=_into(Turn))]],
        Field(min_length=1, max_length=50),
    ]
    few_shot: Annotated[
        ListOf[Annotated[FewShot, Forms(FewShotEntry, becomes=_into(FewShot))]],
        Field(max_length=100),
    ] = Field(
        default_factory=tuple,
        description="Worked examples, before the item's own messages. Taken literally.",
    )
    follow_ups: Annotated[ListOf[_FilledText], Field(max_length=20)] = Field(
        default_factory=tuple,
        description="The user's further turns, each said after the model's answer to the one "
        "before; templates like messages. The last answer is scored.",
    )
    simulated_user: Annotated[
        SimulatedUserSpec | None, Forms(SimulatedUserEntry, becomes=_into(SimulatedUserSpec))
    ] = None
    scored: Literal["last", "conversation"] = Field(
        default="last", description="What scorers see as the output: the last answer, or all of it."
    )
    reasoning: Literal["separate", "keep"] = Field(
        default="separate",
        description="Reasoning between tags such as <think> and </think> in an answer: separate it "
        "from what scorers see, or keep it.",
    )
    output_schema: Optionally[dict[str, Any]] = Field(
        default=None,
        description="A JSON Schema (of type object) that the answer is to follow. Providers that "
        "can are held to it; the `json` scorer checks it.",
    )
    choice_order: Literal["as-given", "shuffled"] = Field(
        default="as-given",
        description="Shuffled: the order of options differs from item to item, by the seed.",
    )
    choice_seed: _Seed = 0


class SamplingEntry(StrictModel):
    temperature: Optionally[Annotated[float, Field(ge=0, le=2), AS_WRITTEN]] = None
    top_p: Optionally[Annotated[float, Field(gt=0, le=1), AS_WRITTEN]] = None
    seed: Optionally[_Seed] = None
    stop: Annotated[ListOf[_ShortText], Field(max_length=4)] = Field(default_factory=tuple)
    max_output_tokens: int = Field(default=4096, ge=1, le=1_000_000)


class LimitsEntry(StrictModel):
    max_steps: Optionally[Annotated[int, Field(ge=1, le=200)]] = Field(
        default=None,
        description=f"Calls of the model: {DEFAULT_STEPS}, and one more for each further turn, "
        "where it is left out.",
    )
    max_tool_calls: int = Field(default=20, ge=1, le=1000)
    max_tool_result_bytes: int = Field(
        default=4096, ge=256, le=65_536, description="The middle of a longer result is left out."
    )
    max_output_tokens_total: Optionally[Annotated[int, Field(ge=1, le=10_000_000)]] = Field(
        default=None, description="Of all answers of a sample together."
    )
    max_cost_usd: Annotated[
        str | None,
        Forms(
            Annotated[float, Field(gt=0, le=1_000_000), AS_WRITTEN]
            | Annotated[
                str,
                Matching(r"^[0-9]{1,6}(\.[0-9]{1,9})?$", "an amount of US dollars, as 0.05"),
            ],
            # 0.05 and "0.050" are the same limit.
            becomes=lambda amount: f"{Decimal(str(amount)).normalize():f}",
            kinds="a number or string",
        ),
    ] = Field(
        default=None,
        description="US dollars of all calls of a sample: none is made once they are spent.",
    )


def _refuse_flag(version: object) -> object:
    # To Python, true equals 1.
    if version is True:
        raise problem("must be 1, not true")
    return version


class RunMetricEntry(StrictModel):
    """A metric of the whole run, from what one scorer read in each output."""

    type: Literal[(*LABEL_METRICS, *NUMBER_METRICS, *CALIBRATION_METRICS)] = Field(  # type: ignore[valid-type]
        description="`macro_f1`, `macro_precision`, `macro_recall` and `matthews` are of labels, "
        "`pearson` and `spearman` of numbers, `brier` and `ece` of stated confidences."
    )
    name: Annotated[str, SCORER_NAME] = Field(
        default_factory=lambda entry: entry["type"],
        description="Its name among scorers and metrics; the type where it is left out.",
    )
    scorer: Optionally[str] = Field(
        default=None,
        description="The scorer whose answers count; the main one where it is left out.",
    )
    confidence: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        default=CONFIDENCE_PATTERN,
        description="For `brier` and `ece`: an RE2 pattern whose first group is the confidence, "
        "from 0 to 1 or in percent. The last match in the output counts.",
    )


class DefinitionEntry(StrictModel):
    plumbmark: Annotated[Literal[1], BeforeValidator(_refuse_flag)] = Field(
        description="The version of this format."
    )
    description: _Text = Field(default_factory=str, description="For readers, in Markdown.")
    language: Annotated[str, Field(max_length=35)] = Field(
        default_factory=str, description="The items' language, as a BCP 47 tag."
    )
    data: DataEntry = Field(
        default_factory=lambda: DataEntry(),
        description="How the columns of the data file are used.",
    )
    prompt: PromptEntry = Field(
        description="What is asked. `{column}` is replaced by the item's value, `{{` and `}}` are "
        "literal braces, and `{choices}` is the list of options."
    )
    tools: Annotated[ListOf[ToolEntry], Field(min_length=1, max_length=32)] = Field(
        default_factory=tuple, description="What the model may call before it answers."
    )
    limits: Optionally[LimitsEntry] = Field(
        default=None,
        description="What one sample may use. Reaching a limit ends it: it is scored as it is.",
    )
    sampling: SamplingEntry = Field(
        default_factory=lambda: SamplingEntry(),
        description="How the answer is drawn. What is left out is left to the provider.",
    )
    repeats: int = Field(default=1, ge=1, le=100, description="How often each item is asked.")
    scorers: Annotated[ListOf[ScorerEntry], Field(min_length=1, max_length=10)]
    metrics: Annotated[ListOf[RunMetricEntry], Field(max_length=10)] = Field(
        default_factory=tuple,
        description="Metrics of the whole run beside the scorers' means, with bootstrap intervals.",
    )
    main: Optionally[str] = Field(
        default=None,
        description="The name of the scorer that counts; the first where it is left out.",
    )


DEFINITION_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "/schemas/task-definition.json",
    "title": "Plumbmark task definition",
    **published_schema(DefinitionEntry),
}
