"""Marking: what the scorers of a version say of an output."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from plumbmark.scoring.scorers import ScorerContext, build_scorer
from tasks_app.definitions import Definition
from tasks_app.models import TaskVersion

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """The verdict on one output. `value` None: unscored, and `explanation` says why."""

    value: float | None
    answer: str
    explanation: str
    details: Mapping[str, Any] = field(default_factory=dict)


class Marked(Protocol):
    """What marking needs of an item."""

    @property
    def key(self) -> str: ...
    @property
    def target(self) -> Any: ...
    @property
    def choices(self) -> Sequence[str] | None: ...


class Marker:
    """The scorers of one version. All of them are pure so far."""

    def __init__(self, version: TaskVersion) -> None:
        definition = Definition.from_document(version.definition)
        self._main = definition.main
        self._choice_seed = definition.prompt.shuffle_seed
        self._scorers = {spec.name: build_scorer(spec.as_spec()) for spec in definition.scorers}

    @property
    def versions(self) -> dict[str, str]:
        """Each scorer's own version by its name in the definition."""
        return {name: scorer.version for name, scorer in self._scorers.items()}

    def mark(self, output: str, item: Marked) -> Mark:
        """Never raises: a scorer's bug leaves the sample unscored, with the reason."""
        context = ScorerContext(item.key, item.choices or (), self._choice_seed)
        verdicts = {}
        for name, scorer in self._scorers.items():
            try:
                verdict = scorer.score(output, item.target, context)
                verdicts[name] = Mark(
                    verdict.value, verdict.answer or "", verdict.explanation, verdict.details
                )
            except Exception as error:
                log.exception("scorer %s failed on item %s", name, item.key)
                verdicts[name] = Mark(
                    None, "", f"The scorer failed: {type(error).__name__}. This is not the model's."
                )
        main = verdicts.pop(self._main)
        if not verdicts and not main.details:
            return main
        others = {
            name: {"value": mark.value, "answer": mark.answer, "explanation": mark.explanation}
            for name, mark in verdicts.items()
        }
        details = dict(main.details)
        if others:
            details["scorers"] = others
        return Mark(main.value, main.answer, main.explanation, details)
