"""The two hashes of a version: what is asked, and how it is marked.

Both are over canonical JSON (`plumbmark.manifests`) of the definition's part and the ordered hashes
of the items' parts. Parts of private items are salted, so that nobody can confirm a guess.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from plumbmark.engine.tools import to_openai_tool
from plumbmark.manifests import content_hash
from plumbmark.scoring.scorers import build_scorer
from tasks_app.definitions.document import Content, Definition
from tasks_app.definitions.rendering import (
    Question,
    ordered_choices,
    render_follow_ups,
    render_messages,
    render_user_instructions,
    tool_input,
    tools_of,
)

SOLVER = "generate"


class HashedItem(Question, Protocol):
    """The part of an item that hashing needs."""

    @property
    def split(self) -> str: ...
    @property
    def target(self) -> Any: ...
    @property
    def cluster(self) -> str: ...
    @property
    def slices(self) -> Mapping[str, str]: ...
    @property
    def scorer_input(self) -> Mapping[str, Any]: ...


class VersionHashes:
    """Takes the items in order, one by one, and knows both hashes at the end."""

    def __init__(self, definition: Definition, *, salt: str) -> None:
        self._definition = definition
        self._salt = salt
        self._questions: list[str] = []
        self._markings: list[str] = []
        self._tools = tools_of(definition)

    def add(self, item: HashedItem) -> str:
        """Take the next item; returns its own hash."""
        salt = self._salt if item.split == "private" else None
        question = content_hash(self.question_of(item), salt=salt)
        marking = content_hash(self.marking_of(item), salt=salt)
        self._questions.append(question)
        self._markings.append(marking)
        return content_hash([question, marking])

    def question_of(self, item: HashedItem) -> dict[str, Any]:
        """Return what is hashed of what an item asks."""
        content: dict[str, Any] = {
            "key": item.key,
            "messages": [_hashed_message(one) for one in render_messages(self._definition, item)],
            "choices": None
            if item.choices is None
            else list(ordered_choices(self._definition, item)),
            "attachments": [one["sha256"] for one in item.attachments],
            "split": item.split,
        }
        if follow_ups := render_follow_ups(self._definition, item):
            content["follow_ups"] = list(follow_ups)
        if instructions := render_user_instructions(self._definition, item):
            content["simulated_user"] = instructions
        if known := tool_input(self._definition, item, self._tools):
            content["tool_input"] = known
        return content

    def marking_of(self, item: HashedItem) -> dict[str, Any]:
        """Return what is hashed of how an item is marked."""
        marked = {
            "key": item.key,
            "target": item.target,
            "cluster": item.cluster,
            "slices": dict(item.slices),
        }
        if item.scorer_input:
            marked["scorer_input"] = dict(item.scorer_input)
        return marked

    @property
    def question(self) -> str:
        return content_hash(self.question_document())

    def question_document(self) -> dict[str, Any]:
        """Return what the question hash is the hash of."""
        definition = self._definition
        side: dict[str, Any] = {
            "solver": SOLVER,
            "few_shot": [
                [_hashed_example(shot.user), shot.assistant] for shot in definition.prompt.few_shot
            ],
            "sampling": _numbers_as_text(definition.sampling.as_document()),
            "repeats": definition.repeats,
            "items": self._questions,
        }
        if (user := definition.prompt.simulated_user) is not None:
            side["simulated_user"] = {
                "model": user.model,
                "stop": user.stop,
                "max_turns": user.max_turns,
                "max_output_tokens": user.max_output_tokens,
            }
        if definition.prompt.scored != "last":
            side["scored"] = definition.prompt.scored
        if definition.prompt.output_schema is not None:
            # As its text: the order of its properties is the order that models write them in.
            side["output_schema"] = json.dumps(definition.prompt.output_schema, ensure_ascii=False)
        if self._tools:
            # As text too, and with defaults written out.
            tools = [{**to_openai_tool(tool)["function"], **tool.options} for tool in self._tools]
            kinds = [spec.type for spec in definition.tools]
            side["tools"] = json.dumps([kinds, tools], ensure_ascii=False)
        if definition.limits is not None:
            side["limits"] = asdict(definition.limits)
        return side

    @property
    def marking(self) -> str:
        return content_hash(self.marking_document())

    def marking_document(self) -> dict[str, Any]:
        """Return what the marking hash is the hash of."""
        definition = self._definition
        reasoning = {} if definition.prompt.separates_reasoning else {"reasoning": "keep"}
        metrics = {"metrics": list(map(asdict, definition.metrics))} if definition.metrics else {}
        return {
            **reasoning,
            "scorers": [
                {
                    "type": scorer.type,
                    "name": scorer.name,
                    # With defaults written out, so that a default that is spelt out, or a list
                    # in another order, is no other marking.
                    "options": dict(build_scorer(scorer.as_spec()).options),
                    "metric": {
                        "name": scorer.metric.name,
                        "direction": scorer.metric.direction,
                        "unit": scorer.metric.unit,
                        "bounds": [scorer.metric.lower, scorer.metric.upper],
                    },
                }
                for scorer in definition.scorers
            ],
            **metrics,
            "main": definition.main,
            "items": self._markings,
        }


def _hashed_message(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message as it is hashed: of a file its content counts, not its name."""
    if isinstance(message["content"], str):
        return message
    parts = [
        {"type": part["type"], "sha256": part["sha256"]} if "sha256" in part else part
        for part in message["content"]
    ]
    return {**message, "content": parts}


def _hashed_example(content: Content) -> Any:
    """Return a worked example as it is hashed; its files are in every item's messages."""
    if isinstance(content, str):
        return content
    return [
        {"type": part.kind, **({"text": part.template} if part.kind == "text" else {})}
        for part in content
    ]


def _numbers_as_text(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sampling with numbers as text of the float: `0` and `0.0` are the same
    temperature.
    """
    return {
        # Adding nothing turns -0.0 into 0.0.
        name: repr(float(value) + 0.0)
        if name in {"temperature", "top_p"} and value is not None
        else value
        for name, value in sampling.items()
    }


__all__: Sequence[str] = ["HashedItem", "VersionHashes"]
