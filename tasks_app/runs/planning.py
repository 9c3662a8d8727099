"""From items to the requests that a run sends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from plumbmark.engine.plan import (
    PlannedSample,
    SampleLimits,
    SimulatedUser,
    key_of_turn,
)
from plumbmark.engine.ports import ModelRequest
from plumbmark.engine.tools import Toolbox
from plumbmark.engine.values import value_object
from plumbmark.gateway.budget.money import nanodollars
from plumbmark.gateway.models import Deployment
from tasks_app.definitions import (
    Definition,
    render_follow_ups,
    render_messages,
    render_user_instructions,
)
from tasks_app.definitions.rendering import (
    Question,
    ordered_choices,
    tool_input,
    tools_of,
)
from tasks_app.models import Item, Run


@value_object
class PlannedItem:
    """The part of an item that asking and scoring need: a row's object costs ten times as much."""

    id: int
    key: str
    input: Mapping[str, Any]
    target: Any
    choices: Sequence[str] | None
    attachments: Sequence[Mapping[str, Any]] = ()
    scorer_input: Mapping[str, Any] = field(default_factory=dict)
    """Only if requested."""


_ASKED = ("position", "id", "key", "input", "target", "choices", "attachments")


def planned_items(
    version_id: int, first: int, last: int, *, for_scorers: bool = False
) -> dict[int, PlannedItem]:
    """Return the version's items at the positions from `first` to `last`, by position. One query.

    `for_scorers` adds what the scorers' programs and rubrics use of them.
    """
    fields = (*_ASKED, "scorer_input") if for_scorers else _ASKED
    rows = Item.objects.filter(
        version_id=version_id, position__gte=first, position__lte=last
    ).values_list(*fields)
    return {position: PlannedItem(*rest) for position, *rest in rows}


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the candidate as known in advance, for its cost."""

    request: ModelRequest
    """Without what was answered before."""
    answers: int
    """The candidate's earlier answers, which are sent again."""
    user_turns: int = 0
    """Those of a simulated user."""
    tool_bytes: int = 0
    """Of results of tools, at most."""


_BYTES_AROUND_A_RESULT = 256
"""Roles, ids and the parts of the call that are not among the answer's tokens."""
_NO_ITEM: Mapping[str, Any] = MappingProxyType({})
_EFFORTS = {"none", "low", "medium", "high"}


class RequestPlanner:
    """Renders the samples of one run. The same run and ordinal always give the same request."""

    def __init__(self, run: Run, definition: Definition) -> None:
        self._version_id = run.task_version_id
        self._definition = definition
        self._repeats = run.repeats
        self._sampling = run.parameters
        schema = self._definition.prompt.output_schema
        self._output_schema = schema and {"name": "answer", "strict": True, "schema": schema}
        self._tools = tools_of(self._definition)
        self._limits = _limits(self._definition)
        spec = self._definition.limits
        self._toolbox = (
            Toolbox(self._tools, max_result_bytes=spec.max_tool_result_bytes)
            if self._tools and spec
            else None
        )
        deployment = run.contender.deployment
        self._tells_choices = (
            deployment is not None and deployment.provider == Deployment.Provider.BASELINE
        )

    @property
    def sends_files(self) -> bool:
        """Some message holds an image or audio."""
        return bool(self._definition.prompt.media_parts)

    def key(self, ordinal: int) -> str:
        """Return the name of the sample's first question within the run's grant."""
        return f"{ordinal}/0"

    def items(
        self, ordinals: Sequence[int], *, for_scorers: bool = False
    ) -> Iterator[tuple[int, PlannedItem]]:
        """Yield each ordinal with its item; one query for all."""
        if not ordinals:
            return
        found = planned_items(
            self._version_id,
            min(ordinals) // self._repeats,
            max(ordinals) // self._repeats,
            for_scorers=for_scorers,
        )
        for ordinal in ordinals:
            yield ordinal, found[ordinal // self._repeats]

    def keys(self, ordinal: int) -> list[str]:
        """Return the keys of all its turns."""
        prompt, key = self._definition.prompt, self.key(ordinal)
        if self._toolbox is not None and self._limits is not None:
            keys = [key_of_turn(key, step) for step in range(self._limits.max_steps)]
            user_turns = prompt.simulated_user.max_turns if prompt.simulated_user else 0
            return keys + [key_of_turn(key, turn, of_user=True) for turn in range(user_turns)]
        if prompt.simulated_user is not None:
            turns = range(prompt.simulated_user.max_turns)
            keys = [key_of_turn(key, turn) for turn in turns]
            return keys + [key_of_turn(key, turn, of_user=True) for turn in turns]
        return [key_of_turn(key, turn) for turn in range(len(prompt.follow_ups) + 1)]

    @property
    def user_model(self) -> str:
        """The deployment that plays the user; empty where none does."""
        user = self._definition.prompt.simulated_user
        return user.model if user else ""

    def plan_sample(self, ordinal: int, item: Question) -> PlannedSample:
        return PlannedSample(
            ordinal,
            self.key(ordinal),
            self.request(ordinal, item),
            render_follow_ups(self._definition, item),
            self._user(item),
            self._definition.prompt.scored == "conversation",
            self._definition.prompt.separates_reasoning,
            self._toolbox,
            tool_input(self._definition, item, self._tools) if self._tools else _NO_ITEM,
            self._limits,
        )

    def _user(self, item: Question) -> SimulatedUser | None:
        user = self._definition.prompt.simulated_user
        if user is None:
            return None
        return SimulatedUser(
            instructions=render_user_instructions(self._definition, item),
            stop=user.stop,
            max_turns=user.max_turns,
            max_output_tokens=user.max_output_tokens,
        )

    def steps(self, ordinal: int, item: Question) -> Iterator["Step"]:
        """Yield what each call of the candidate sends at most, in order."""
        sample = self.plan_sample(ordinal, item)
        limits = sample.limits
        if not (sample.toolbox or sample.follow_ups or sample.user):
            yield Step(sample.request, answers=0)
            return
        messages = [
            *sample.request.messages,
            *({"role": "user", "content": text} for text in sample.follow_ups),
        ]
        turns = sample.user.max_turns if sample.user else len(sample.follow_ups) + 1
        steps = turns
        if limits is not None:
            steps = limits.max_steps if sample.toolbox else min(turns, limits.max_steps)
        left = None if limits is None else limits.max_output_tokens_total
        for step in range(steps):
            sent = messages
            if not sample.toolbox:
                # Later turns have not been said yet.
                sent = messages[: len(sample.request.messages) + step]
            elif step == 0:
                sent = list(sample.request.messages)
            request = replace(sample.request, messages=tuple(sent))
            if left is not None:
                most = max(1, min(request.max_output_tokens, left))
                request = replace(request, max_output_tokens=most)
                left -= most
            yield Step(
                request,
                answers=step,
                # Of the user's turns as of the candidate's, only the length is known.
                user_turns=min(step, turns - 1) if sample.user else 0,
                tool_bytes=self._most_tool_bytes if step else 0,
            )

    @property
    def max_cost(self) -> int | None:
        """Nanodollars after which a sample makes no further call; None: no such limit."""
        return self._limits.max_cost if self._limits else None

    @property
    def max_answer_tokens(self) -> int | None:
        """Of all of a sample's answers together; None: no such limit."""
        return self._limits.max_output_tokens_total if self._limits else None

    @property
    def _most_tool_bytes(self) -> int:
        """Of all results of a sample together, with the format around them."""
        limits = self._definition.limits
        if self._toolbox is None or limits is None:
            return 0
        return limits.max_tool_calls * (limits.max_tool_result_bytes + _BYTES_AROUND_A_RESULT)

    @property
    def needs_sandbox(self) -> bool:
        """Some tool runs code."""
        return self._toolbox is not None and self._toolbox.needs_sandbox

    def request(self, ordinal: int, item: Question) -> ModelRequest:
        """Return the request of one sample. Repeats differ only in their seed, if one is set."""
        sampling = self._sampling
        seed = sampling.get("seed")
        extra = dict(sampling.get("extra") or {})
        effort = extra.get("reasoning_effort")
        if effort in _EFFORTS:
            # A word that every provider's format has an equivalent of.
            del extra["reasoning_effort"]
        else:
            effort = None
        if self._tells_choices and item.choices is not None:
            # A baseline picks among the options; a model sees them only in its prompt.
            extra["choices"] = list(ordered_choices(self._definition, item))
        return ModelRequest(
            messages=render_messages(self._definition, item),
            max_output_tokens=sampling["max_output_tokens"],
            temperature=sampling.get("temperature"),
            top_p=sampling.get("top_p"),
            seed=None if seed is None else seed + ordinal % self._repeats,
            stop=tuple(sampling.get("stop") or ()),
            extra=extra,
            reasoning_effort=effort,
            extra_body=sampling.get("extra_body") or {},
            output_schema=self._output_schema,
            tools=self._toolbox.sent if self._toolbox is not None else (),
        )


def _limits(definition: Definition) -> SampleLimits | None:
    spec = definition.limits
    if spec is None:
        return None
    return SampleLimits(
        max_steps=spec.max_steps,
        max_tool_calls=spec.max_tool_calls,
        max_output_tokens_total=spec.max_output_tokens_total,
        max_cost=None if spec.max_cost_usd is None else nanodollars(spec.max_cost_usd),
    )


def tools_need_sandbox(definition: Definition) -> bool:
    """Return whether a run of the definition needs a worker that runs code."""
    return any(tool.needs_sandbox for tool in tools_of(definition))
