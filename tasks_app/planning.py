"""From items to the requests that a run sends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from plumbmark.engine.plan import PlannedSample, SimulatedUser, key_of_turn
from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.models import Deployment
from tasks_app.definitions import (
    Definition,
    render_follow_ups,
    render_messages,
    render_user_instructions,
)
from tasks_app.definitions.render import Question, shown_choices
from tasks_app.models import Item, Run


@dataclass(frozen=True, slots=True)
class AskedItem:
    """What asking and marking need of an item: a row's object costs ten times as much."""

    id: int
    key: str
    input: Mapping[str, Any]
    target: Any
    choices: Sequence[str] | None
    attachments: Sequence[Mapping[str, Any]] = ()
    scorer_input: Mapping[str, Any] = field(default_factory=dict)
    """Only where it was asked for."""


_ASKED = ("position", "id", "key", "input", "target", "choices", "attachments")


def asked_items(
    version_id: int, first: int, last: int, *, for_scorers: bool = False
) -> dict[int, AskedItem]:
    """The version's items at the positions from `first` to `last`, by position. One query.

    `for_scorers` brings what the scorers' programs and rubrics use of them too.
    """
    fields = (*_ASKED, "scorer_input") if for_scorers else _ASKED
    rows = Item.objects.filter(
        version_id=version_id, position__gte=first, position__lte=last
    ).values_list(*fields)
    return {position: AskedItem(*rest) for position, *rest in rows}


_EFFORTS = {"none", "low", "medium", "high"}


class RequestPlanner:
    """Renders the samples of one run. The same run and ordinal always give the same request."""

    def __init__(self, run: Run) -> None:
        self._version_id = run.task_version_id
        self._definition = Definition.from_document(run.task_version.definition)
        self._repeats = run.repeats
        self._sampling = run.parameters
        schema = self._definition.prompt.output_schema
        self._output_schema = schema and {"name": "answer", "strict": True, "schema": schema}
        deployment = run.contender.deployment
        self._tells_choices = (
            deployment is not None and deployment.provider == Deployment.Provider.BASELINE
        )

    @property
    def sends_files(self) -> bool:
        """Some message holds an image or audio."""
        return bool(self._definition.prompt.media_parts)

    def key(self, ordinal: int) -> str:
        """Names the sample's first question within the run's grant."""
        return f"{ordinal}/0"

    def items(self, ordinals: Sequence[int]) -> Iterator[tuple[int, AskedItem]]:
        """Each ordinal with its item; one query for all."""
        if not ordinals:
            return
        found = asked_items(
            self._version_id, min(ordinals) // self._repeats, max(ordinals) // self._repeats
        )
        for ordinal in ordinals:
            yield ordinal, found[ordinal // self._repeats]

    def keys(self, ordinal: int) -> list[str]:
        """The keys of all its turns."""
        prompt, key = self._definition.prompt, self.key(ordinal)
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

    def planned(self, ordinal: int, item: Question) -> PlannedSample:
        return PlannedSample(
            ordinal,
            self.key(ordinal),
            self.request(ordinal, item),
            render_follow_ups(self._definition, item),
            self._user(item),
            self._definition.prompt.scored == "conversation",
        )

    def _user(self, item: Question) -> SimulatedUser | None:
        user = self._definition.prompt.simulated_user
        if user is None:
            return None
        return SimulatedUser(
            instructions=render_user_instructions(self._definition, item),
            stop=user.stop,
            most_turns=user.max_turns,
            max_output_tokens=user.max_output_tokens,
        )

    def turns(self, ordinal: int, item: Question) -> Iterator[tuple[ModelRequest, int]]:
        """What each turn sends, without the model's own answers, and how many of those precede."""
        sample = self.planned(ordinal, item)
        messages = list(sample.request.messages)
        yield sample.request, 0
        if sample.user is not None:
            for answers in range(1, sample.user.most_turns):
                # Of the user's turns as of the candidate's, only the length is known.
                yield sample.request, 2 * answers
        for answers, text in enumerate(sample.follow_ups, start=1):
            messages.append({"role": "user", "content": text})
            yield replace(sample.request, messages=tuple(messages)), answers

    def request(self, ordinal: int, item: Question) -> ModelRequest:
        """The request of one sample. Repeats differ in their seed alone, where one is set."""
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
            # A baseline picks among the options; a model sees them in its prompt alone.
            extra["choices"] = list(shown_choices(self._definition, item))
        return ModelRequest(
            messages=render_messages(self._definition, item),
            max_output_tokens=sampling["max_output_tokens"],
            temperature=sampling.get("temperature"),
            top_p=sampling.get("top_p"),
            seed=None if seed is None else seed + ordinal % self._repeats,
            stop=tuple(sampling.get("stop") or ()),
            extra=extra,
            reasoning_effort=effort,
            output_schema=self._output_schema,
        )
