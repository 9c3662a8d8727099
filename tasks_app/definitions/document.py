"""The definition as typed data. Made by `parse`, or from the stored document."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tasks_app.definitions.schema import DEFAULT_OUTPUT_TOKENS
from tasks_app.definitions.tool_schemas import (
    DEFAULT_RESULT_BYTES,
    DEFAULT_TOOL_CALLS,
)


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """The place of the right answer: one column, or any of several."""

    columns: tuple[str, ...]
    after: str = ""
    pattern: str = ""
    strip: bool = True


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
    format: str | None = None
    id: str | None = None
    target: TargetSpec | None = None
    cluster: str | None = None
    slices: tuple[str, ...] = ()
    split: SplitSpec | None = None
    choices: ChoicesSpec | None = None


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
    stop: str = "DONE"
    max_turns: int = 6
    max_output_tokens: int = 512


@dataclass(frozen=True, slots=True)
class PromptSpec:
    messages: tuple[Turn, ...]
    system: str = ""
    few_shot: tuple[FewShot, ...] = ()
    choice_order: str = "as-given"
    choice_seed: int = 0
    follow_ups: tuple[str, ...] = ()
    output_schema: Mapping[str, Any] | None = None
    simulated_user: SimulatedUserSpec | None = None
    scored: str = "last"
    """`last`: the last answer; `conversation`: all of it."""

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
    max_output_tokens: int = DEFAULT_OUTPUT_TOKENS
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        return {
            "max_output_tokens": self.max_output_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "stop": list(self.stop),
        }


@dataclass(frozen=True, slots=True)
class ToolSpec:
    type: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def as_spec(self) -> dict[str, Any]:
        """Return the specification that `plumbmark.engine.tools.build_tool` takes."""
        return {"type": self.type, "name": self.name, **self.options}


@dataclass(frozen=True, slots=True)
class LimitsSpec:
    """The limits of one sample; None: no limit of its own."""

    max_steps: int
    max_tool_calls: int = DEFAULT_TOOL_CALLS
    max_tool_result_bytes: int = DEFAULT_RESULT_BYTES
    max_output_tokens_total: int | None = None
    max_cost_usd: str | None = None
    """A decimal, as text."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    name: str = "accuracy"
    direction: str = "higher"
    unit: str = "share"
    lower: float | None = 0.0
    upper: float | None = 1.0


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    type: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    metric: MetricSpec = field(default_factory=MetricSpec)

    def as_spec(self) -> dict[str, Any]:
        """Return the specification that `plumbmark.scoring.scorers.build_scorer` takes."""
        return {"type": self.type, "name": self.name, **self.options}


@dataclass(frozen=True, slots=True)
class Definition:
    """A task definition with all defaults applied."""

    prompt: PromptSpec
    scorers: tuple[ScorerSpec, ...]
    main: str
    data: DataSpec = field(default_factory=DataSpec)
    sampling: SamplingSpec = field(default_factory=SamplingSpec)
    repeats: int = 1
    description: str = ""
    language: str = ""
    tools: tuple[ToolSpec, ...] = ()
    limits: LimitsSpec | None = None
    """Where there are tools or limits were given."""

    @property
    def metric(self) -> MetricSpec:
        """The main scorer's metric."""
        return next(scorer.metric for scorer in self.scorers if scorer.name == self.main)

    def as_document(self) -> dict[str, Any]:
        """Return a JSON-able document that `from_document` reads back to an equal definition."""
        document: dict[str, Any] = _plain(asdict(self))
        tools = document.pop("tools")
        if tools:
            # As text: PostgreSQL's JSON forgets the order of keys, in which models read them.
            document["tools"] = json.dumps(tools, ensure_ascii=False)
        if document["limits"] is None:
            del document["limits"]
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Definition":
        """Build the definition from a document of `as_document`."""
        data = document["data"]
        prompt = document["prompt"]
        sampling = document["sampling"]
        return cls(
            prompt=PromptSpec(
                messages=tuple(
                    Turn(turn["role"], _content(turn["content"])) for turn in prompt["messages"]
                ),
                system=prompt["system"],
                few_shot=tuple(
                    FewShot(_content(example["user"]), example["assistant"])
                    for example in prompt["few_shot"]
                ),
                choice_order=prompt["choice_order"],
                choice_seed=prompt["choice_seed"],
                follow_ups=tuple(prompt.get("follow_ups", ())),
                output_schema=prompt.get("output_schema"),
                simulated_user=prompt.get("simulated_user")
                and SimulatedUserSpec(**prompt["simulated_user"]),
                scored=prompt.get("scored", "last"),
            ),
            scorers=tuple(
                ScorerSpec(
                    type=scorer["type"],
                    name=scorer["name"],
                    options=scorer["options"],
                    metric=MetricSpec(**scorer["metric"]),
                )
                for scorer in document["scorers"]
            ),
            main=document["main"],
            data=DataSpec(
                format=data["format"],
                id=data["id"],
                target=_target(data["target"]),
                cluster=data["cluster"],
                slices=tuple(data["slices"]),
                split=data["split"]
                and SplitSpec(data["split"]["column"], tuple(data["split"]["private"])),
                choices=data["choices"]
                and ChoicesSpec(tuple(data["choices"]["columns"]), data["choices"]["is_list"]),
            ),
            sampling=SamplingSpec(**{**sampling, "stop": tuple(sampling["stop"])}),
            repeats=document["repeats"],
            description=document["description"],
            language=document["language"],
            tools=tuple(ToolSpec(**tool) for tool in json.loads(document.get("tools", "[]"))),
            limits=LimitsSpec(**document["limits"]) if "limits" in document else None,
        )


def _content(stored: str | Sequence[Mapping[str, Any]]) -> Content:
    return stored if isinstance(stored, str) else tuple(Part(**part) for part in stored)


def _target(stored: Mapping[str, Any] | None) -> TargetSpec | None:
    return TargetSpec(**{**stored, "columns": tuple(stored["columns"])}) if stored else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
