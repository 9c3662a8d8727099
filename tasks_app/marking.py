"""Marking: what the scorers of a version say of an output."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from plumbmark.scoring.scorers import CodeExecution, ScorerContext, build_scorer
from plumbmark.scoring.scorers.code_execution import Ran
from plumbmark.scoring.verdicts import Verdict
from tasks_app.definitions import Definition
from tasks_app.definitions.render import text_of
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


class MarkedByProgram(Marked, Protocol):
    """What marking by programs needs of an item."""

    @property
    def scorer_input(self) -> Mapping[str, Any]: ...


RunProgram = Callable[[str, float], Awaitable[Ran]]
"""Runs a program in the sandbox within so many seconds; raises where the sandbox itself fails."""


class Marker:
    """The scorers of one version."""

    def __init__(self, version: TaskVersion) -> None:
        definition = Definition.from_document(version.definition)
        self._main = definition.main
        self._choice_seed = definition.prompt.shuffle_seed
        self._scorers = {spec.name: build_scorer(spec.as_spec()) for spec in definition.scorers}

    @property
    def versions(self) -> dict[str, str]:
        """Each scorer's own version by its name in the definition."""
        return {name: scorer.version for name, scorer in self._scorers.items()}

    @property
    def needs_sandbox(self) -> bool:
        """Some scorer runs a program, so that `mark_by_programs` is the way to mark."""
        return any(isinstance(scorer, CodeExecution) for scorer in self._scorers.values())

    def mark(self, output: str, item: Marked) -> Mark:
        """Never raises: a scorer's bug leaves the sample unscored, with the reason."""
        return self._together(self._pure_verdicts(output, item))

    async def mark_by_programs(
        self, output: str, item: MarkedByProgram, run_program: RunProgram
    ) -> Mark:
        """As `mark`, with the programs run. Never raises either."""
        verdicts = self._pure_verdicts(output, item)
        values = {name: text_of(value) for name, value in item.scorer_input.items()}
        for name, scorer in self._scorers.items():
            if isinstance(scorer, CodeExecution):
                token = secrets.token_hex(16)
                try:
                    ran = await run_program(
                        scorer.program(output, values, token=token), scorer.timeout_seconds
                    )
                    verdicts[name] = _mark(scorer.verdict(ran, token=token))
                except Exception as error:
                    log.exception("the program of scorer %s failed on item %s", name, item.key)
                    verdicts[name] = _not_the_models(f"The sandbox failed: {error}.")
        return self._together(verdicts)

    def _pure_verdicts(self, output: str, item: Marked) -> dict[str, Mark]:
        context = ScorerContext(item.key, item.choices or (), self._choice_seed)
        verdicts = {}
        for name, scorer in self._scorers.items():
            try:
                verdicts[name] = _mark(scorer.score(output, item.target, context))
            except Exception as error:
                log.exception("scorer %s failed on item %s", name, item.key)
                verdicts[name] = _not_the_models(f"The scorer failed: {type(error).__name__}.")
        return verdicts

    def _together(self, verdicts: dict[str, Mark]) -> Mark:
        """The main scorer's mark, with what the others said among its details."""
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


def _mark(verdict: Verdict) -> Mark:
    return Mark(verdict.value, verdict.answer or "", verdict.explanation, verdict.details)


def _not_the_models(why: str) -> Mark:
    return Mark(None, "", f"{why} This is not the model's.")
