"""A reader's weights as an address has them: `weights=task-1:2,tag-reading:0.5`.

`task-N` is the weight of the task with this number on the board. A task without one keeps the
author's weight, on the scale where the smallest of these is 1. `tag-…` is a
factor on the weights of all tasks with this tag. The weights are divided by their sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.common.errors import InvalidInput, Problem

PARAMETER = "weights"
MAX_LENGTH = 6000
"""Of the parameter: two hundred tasks fit."""
MAX_WEIGHT = 1000
_TASK, _TAG = "task-", "tag-"


@dataclass(frozen=True, slots=True)
class ReaderWeights:
    """The weights and factors that a reader chose, without those that change nothing."""

    tasks: Mapping[int, float] = field(default_factory=dict)
    """By the task's number, from 1."""
    tags: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_chosen(self) -> bool:
        return bool(self.tasks or self.tags)

    def as_text(self) -> str:
        """Return the value of the parameter that has these weights."""
        parts = [f"{_TASK}{number}:{value:g}" for number, value in sorted(self.tasks.items())]
        parts += [f"{_TAG}{tag}:{value:g}" for tag, value in sorted(self.tags.items())]
        return ",".join(parts)


def default_weights(content: Mapping[str, Any]) -> list[float]:
    """Return the author's weights so that the task with the smallest one has 1."""
    weights = [float(task["weight"]) for task in content["tasks"]]
    least = min(weight for weight in weights if weight > 0)
    return [weight / least for weight in weights]


def read_weights(
    text: str, content: Mapping[str, Any], tags: Sequence[Sequence[str]]
) -> ReaderWeights:
    """Read the parameter; `InvalidInput` names the part that is wrong. Empty text chooses none."""
    if not text.strip():
        return ReaderWeights()
    named = []
    problems = []
    for part in text.split(","):
        name, colon, value = part.strip().rpartition(":")
        if not colon:
            problems.append(
                Problem(
                    _("%(part)r has no weight: write task-1:2") % {"part": part[:60]}, PARAMETER
                )
            )
            continue
        named.append((name.strip(), value))
    found = weights_of(named, content, tags, problems)
    if problems:
        raise InvalidInput(problems)
    return found


def read_fields(
    fields: Mapping[str, str], content: Mapping[str, Any], tags: Sequence[Sequence[str]]
) -> ReaderWeights:
    """Read the weights from the fields of a form, `task-1` and `tag-reading`; empty ones are as the
    author has them.
    """
    problems: list[Problem] = []
    named = [
        (name, value)
        for name, value in fields.items()
        if name.startswith((_TASK, _TAG)) and value.strip()
    ]
    found = weights_of(named, content, tags, problems)
    if problems:
        raise InvalidInput(problems)
    return found


def weights_of(
    named: Sequence[tuple[str, str]],
    content: Mapping[str, Any],
    tags: Sequence[Sequence[str]],
    problems: list[Problem],
) -> ReaderWeights:
    """Return the weights of named values; what is wrong is added to `problems`."""
    known_tags = {tag for one in tags for tag in one}
    tasks: dict[int, float] = {}
    factors: dict[str, float] = {}
    for name, text in named:
        value = _number(text)
        if value is None:
            problems.append(
                Problem(
                    _("%(text)r is no weight: use a number from 0 to %(most)s")
                    % {"text": text[:40], "most": f"{MAX_WEIGHT:,}"},
                    name[:60],
                )
            )
        elif name.startswith(_TAG) and name.removeprefix(_TAG) in known_tags:
            factors[name.removeprefix(_TAG)] = value
        elif (number := _task_number(name, content)) is not None:
            tasks[number] = value
        else:
            count = len(content["tasks"])
            message = _("the board has no %(name)r: it has task-1 to task-%(count)s") % {
                "name": name[:60],
                "count": count,
            }
            if known_tags:
                message += _(" and the tags %(tags)s") % {"tags": ", ".join(sorted(known_tags))}
            problems.append(Problem(message, PARAMETER))
    found = _without_defaults(tasks, factors, content)
    if not problems and not any(task_weights(found, content, tags)):
        problems.append(Problem(_("one weight at least must be above 0"), PARAMETER))
    return found


def task_weights(
    chosen: ReaderWeights, content: Mapping[str, Any], tags: Sequence[Sequence[str]]
) -> list[float]:
    """Return the weight of each task, not divided by their sum."""
    found = []
    for number, weight in enumerate(default_weights(content), start=1):
        own = chosen.tasks.get(number, weight)
        for tag in tags[number - 1] if number <= len(tags) else ():
            own *= chosen.tags.get(tag, 1.0)
        found.append(own)
    return found


def _without_defaults(
    tasks: Mapping[int, float], factors: Mapping[str, float], content: Mapping[str, Any]
) -> ReaderWeights:
    defaults = default_weights(content)
    return ReaderWeights(
        {
            number: value
            for number, value in tasks.items()
            # Forms show the defaults with four digits.
            if f"{value:.4g}" != f"{defaults[number - 1]:.4g}"
        },
        {tag: value for tag, value in factors.items() if value != 1},
    )


def _task_number(name: str, content: Mapping[str, Any]) -> int | None:
    text = name.removeprefix(_TASK)
    if not name.startswith(_TASK) or not (text.isascii() and text.isdecimal() and len(text) < 5):
        return None
    return int(text) if 1 <= int(text) <= len(content["tasks"]) else None


def _number(text: str) -> float | None:
    try:
        value = float(text.strip())
    except ValueError:
        return None
    return value if 0 <= value <= MAX_WEIGHT else None
