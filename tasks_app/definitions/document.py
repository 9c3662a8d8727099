"""The definition as typed data. Made by `parse`, or from the stored document."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """The place of the right answer: one column, or any of several."""

    columns: tuple[str, ...]
    after: str
    pattern: str
    strip: bool


@dataclass(frozen=True, slots=True)
class SplitSpec:
    column: str
    private: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChoicesSpec:
    """Options: a list in one column (`is_list`), or one column each."""

    columns: tuple[str, ...]
    is_list: bool


@dataclass(frozen=True, slots=True)
class DataSpec:
    format: str | None
    id: str | None
    target: TargetSpec | None
    cluster: str | None
    slices: tuple[str, ...]
    split: SplitSpec | None
    choices: ChoicesSpec | None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message: text, or the name of an attached file."""

    kind: str
    """`text`, `image` or `audio`."""
    template: str
    """The text, or what the file's name is made of."""
    optional: bool = False
    """Left out of items that name no file."""


Content = str | tuple[Part, ...]


def parts_of(content: Content) -> tuple[Part, ...]:
    return (Part("text", content),) if isinstance(content, str) else content


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    content: Content


@dataclass(frozen=True, slots=True)
class FewShot:
    user: Content
    assistant: str


@dataclass(frozen=True, slots=True)
class SimulatedUserSpec:
    """Another model that plays the user, by a template of instructions."""

    model: str
    instructions: str
    stop: str
    max_turns: int
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class PromptSpec:
    messages: tuple[Turn, ...]
    system: str
    few_shot: tuple[FewShot, ...]
    choice_order: str
    choice_seed: int
    follow_ups: tuple[str, ...]
    output_schema: Mapping[str, Any] | None
    simulated_user: SimulatedUserSpec | None
    scored: str
    """`last`: the last answer; `conversation`: all of it."""
    reasoning: str = "separate"
    """`separate`: scorers do not see reasoning that stands in an answer; `keep`: they do."""
    message_columns: tuple[str, ...] = ()
    """Columns whose messages are sent as such; known once the data have been read."""

    @property
    def separates_reasoning(self) -> bool:
        return self.reasoning == "separate"

    @property
    def media_parts(self) -> tuple[Part, ...]:
        """The images and audio of its messages and worked examples."""
        contents = [*(turn.content for turn in self.messages), *(one.user for one in self.few_shot)]
        return tuple(
            part for content in contents for part in parts_of(content) if part.kind != "text"
        )

    @property
    def shuffle_seed(self) -> int | None:
        """The seed of the options' order; None: as the data has them."""
        return self.choice_seed if self.choice_order == "shuffled" else None


@dataclass(frozen=True, slots=True)
class SamplingSpec:
    max_output_tokens: int
    temperature: int | float | None
    top_p: int | float | None
    seed: int | None
    stop: tuple[str, ...]

    def as_document(self) -> dict[str, Any]:
        return {**asdict(self), "stop": list(self.stop)}


@dataclass(frozen=True, slots=True)
class ToolSpec:
    type: str
    name: str
    options: Mapping[str, Any]

    def as_spec(self) -> dict[str, Any]:
        """Return the specification that `plumbmark.engine.tools.build_tool` takes."""
        return {"type": self.type, "name": self.name, **self.options}


@dataclass(frozen=True, slots=True)
class LimitsSpec:
    """The limits of one sample; None: no limit of its own."""

    max_steps: int
    max_tool_calls: int
    max_tool_result_bytes: int
    max_output_tokens_total: int | None
    max_cost_usd: str | None
    """A decimal, as text."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    name: str = "accuracy"
    direction: str = "higher"
    unit: str = "share"
    lower: float | None = 0.0
    upper: float | None = 1.0
    format: str | None = None
    """How scores are written: one of `scoring.metrics.NUMBER_FORMATS`; None: by the unit."""


def omit_unset_format(metric: dict[str, Any]) -> None:
    """Take the key `format` out of a stored metric that has none.

    A draft is known by its document, and this key is younger than the others.
    """
    if metric["format"] is None:
        del metric["format"]


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    type: str
    name: str
    options: Mapping[str, Any]
    metric: MetricSpec

    def as_spec(self) -> dict[str, Any]:
        """Return the specification that `plumbmark.scoring.scorers.build_scorer` takes."""
        return {"type": self.type, "name": self.name, **self.options}


@dataclass(frozen=True, slots=True)
class RunMetricSpec:
    """A metric of the whole run, from the answers of one scorer."""

    type: str
    name: str
    scorer: str
    confidence: str
    """The pattern that reads a confidence; empty for metrics that need none."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A task definition with all defaults applied."""

    prompt: PromptSpec
    scorers: tuple[ScorerSpec, ...]
    main: str
    data: DataSpec
    sampling: SamplingSpec
    repeats: int
    description: str
    language: str
    tools: tuple[ToolSpec, ...]
    limits: LimitsSpec | None = None
    """Where there are tools or limits were given."""
    metrics: tuple[RunMetricSpec, ...] = ()

    @property
    def metric(self) -> MetricSpec:
        """The main scorer's metric."""
        return next(scorer.metric for scorer in self.scorers if scorer.name == self.main)

    def as_document(self) -> dict[str, Any]:
        """Return a JSON-able document that `from_document` reads back to an equal definition."""
        document: dict[str, Any] = _STORED.dump_python(self, mode="json")
        for scorer in document["scorers"]:
            omit_unset_format(scorer["metric"])
        tools = document.pop("tools")
        if tools:
            # As text: PostgreSQL's JSON forgets the order of keys, in which models read them.
            document["tools"] = json.dumps(tools, ensure_ascii=False)
        if document["limits"] is None:
            del document["limits"]
        if not self.metrics:
            # A draft is known by its document, and this key is younger than the others.
            del document["metrics"]
        if self.prompt.separates_reasoning:
            # A draft is known by its document, and this key is younger than the others.
            del document["prompt"]["reasoning"]
        if not self.prompt.message_columns:
            del document["prompt"]["message_columns"]
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Definition":
        """Build the definition from a document of `as_document`."""
        tools = json.loads(document.get("tools", "[]"))
        return _STORED.validate_python({**document, "tools": tools})


_STORED = TypeAdapter(Definition)
"""Reads what was once taken: the rules for new definitions do not hold for it."""
