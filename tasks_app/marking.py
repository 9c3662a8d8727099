"""Marking: what the scorers of a version say of an output."""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from plumbmark.scoring.scorers import CodeExecution, ModelJudge, ScorerContext, build_scorer
from plumbmark.scoring.scorers.code_execution import Ran
from plumbmark.scoring.scorers.model_judge import Question as JudgeQuestion
from plumbmark.scoring.scorers.model_judge import Reply
from plumbmark.scoring.verdicts import Verdict
from tasks_app.code.definition import READER_VERSION
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


class MarkedOutside(Marked, Protocol):
    """What marking by programs and judges needs of an item."""

    @property
    def scorer_input(self) -> Mapping[str, Any]: ...


class Outside(Protocol):
    """What marking by more than a look at the text needs of the world."""

    async def run_program(self, program: str, timeout_seconds: float) -> Ran:
        """Run a program in the sandbox; raises where the sandbox itself fails."""
        ...

    async def ask_judge(self, question: JudgeQuestion, *, key: str, most_tokens: int) -> Reply:
        """Ask a judge; `key` names the question within the scoring, so it is paid for once."""
        ...


class Marker:
    """The scorers of one version."""

    def __init__(self, version: TaskVersion) -> None:
        self._is_code = version.is_code
        if version.is_code:
            # The program itself says what it came to: there is nothing to mark.
            self._scorers: dict[str, Any] = {}
            return
        definition = Definition.from_document(version.definition)
        self._main = definition.main
        self._choice_seed = definition.prompt.shuffle_seed
        self._secret = version.salt
        self._scorers = {spec.name: build_scorer(spec.as_spec()) for spec in definition.scorers}

    @property
    def versions(self) -> dict[str, str]:
        """Each scorer's own version by its name in the definition."""
        if self._is_code:
            return {"program": READER_VERSION}
        return {name: scorer.version for name, scorer in self._scorers.items()}

    @property
    def needs_sandbox(self) -> bool:
        """Some scorer runs a program."""
        return any(isinstance(scorer, CodeExecution) for scorer in self._scorers.values())

    @property
    def judging(self) -> dict[str, ModelJudge]:
        """The scorers that ask models, by name."""
        return {
            name: scorer for name, scorer in self._scorers.items() if isinstance(scorer, ModelJudge)
        }

    @property
    def judges(self) -> list[str]:
        """The deployments that judge, by their names."""
        return sorted({judge for scorer in self.judging.values() for judge in scorer.judges})

    @property
    def is_pure(self) -> bool:
        """Whether `mark` says all; otherwise `mark_outside` is the way to mark."""
        return not self.needs_sandbox and not self.judges

    def mark(self, output: str, item: Marked) -> Mark:
        """Never raises: a scorer's bug leaves the sample unscored, with the reason."""
        return self._together(self._pure_verdicts(output, item))

    async def mark_outside(
        self, output: str, item: MarkedOutside, outside: Outside, *, ordinal: int
    ) -> Mark:
        """As `mark`, with programs run and judges asked.

        Raises what `outside` raises for reasons that are no sample's own, as an exhausted quota.
        """
        verdicts = self._pure_verdicts(output, item)
        values = {name: text_of(value) for name, value in item.scorer_input.items()}
        for name, scorer in self._scorers.items():
            if isinstance(scorer, CodeExecution):
                verdicts[name] = await _by_program(scorer, output, values, outside, item.key)
            elif isinstance(scorer, ModelJudge):
                verdicts[name] = await self._by_judges(
                    scorer, output, values, item, outside, ordinal
                )
        return self._together(verdicts)

    def judge_keys(self, ordinal: int) -> list[str]:
        """The keys of every question that the judges of a sample are asked."""
        return [
            _judge_key(ordinal, name, number)
            for name, scorer in self._scorers.items()
            if isinstance(scorer, ModelJudge)
            for number in range(len(scorer.judges) * (2 if scorer.mode == "pairwise" else 1))
        ]

    async def _by_judges(
        self,
        scorer: ModelJudge,
        output: str,
        values: Mapping[str, str],
        item: MarkedOutside,
        outside: Outside,
        ordinal: int,
    ) -> Mark:
        # The same after a crash, so that an answer on record is found again; unknown to candidates.
        told = f"{self._secret}/{scorer.name}/{ordinal}"
        mark = hashlib.sha256(told.encode()).hexdigest()[:16]
        questions = scorer.questions(output, item.target, values, mark=mark)
        replies = await asyncio.gather(
            *(
                outside.ask_judge(
                    question,
                    key=_judge_key(ordinal, scorer.name, number),
                    most_tokens=scorer.max_output_tokens,
                )
                for number, question in enumerate(questions)
            )
        )
        return _mark(scorer.verdict(questions, replies, mark=mark))

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
            # What each judge said, for the panel of judges.
            | ({"judges": mark.details["judges"]} if "judges" in mark.details else {})
            for name, mark in verdicts.items()
        }
        details = dict(main.details)
        if others:
            details["scorers"] = others
        return Mark(main.value, main.answer, main.explanation, details)


async def _by_program(
    scorer: CodeExecution, output: str, values: Mapping[str, str], outside: Outside, key: str
) -> Mark:
    token = secrets.token_hex(16)
    try:
        ran = await outside.run_program(
            scorer.program(output, values, token=token), scorer.timeout_seconds
        )
        return _mark(scorer.verdict(ran, token=token))
    except Exception as error:
        log.exception("the program of scorer %s failed on item %s", scorer.name, key)
        return _not_the_models(f"The sandbox failed: {error}.")


def _judge_key(ordinal: int, scorer: str, number: int) -> str:
    return f"{ordinal}/{scorer}/{number}"


def _mark(verdict: Verdict) -> Mark:
    return Mark(verdict.value, verdict.answer or "", verdict.explanation, verdict.details)


def _not_the_models(why: str) -> Mark:
    return Mark(None, "", f"{why} This is not the model's.")
