"""Scoring outputs with the scorers of a version."""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

from plumbmark.engine.values import value_object
from plumbmark.scoring import author_code
from plumbmark.scoring.author_code import CaseResult
from plumbmark.scoring.metrics import find_score_problem
from plumbmark.scoring.reasoning import SplitOutput, split_output
from plumbmark.scoring.scorers import (
    CodeExecution,
    Math,
    ModelJudge,
    PythonScorer,
    Scorer,
    ScorerContext,
    ToolUse,
    build_scorer,
    python,
)
from plumbmark.scoring.scorers.code_execution import ProgramResult
from plumbmark.scoring.scorers.model_judge import JudgeQuestion, JudgeReply
from plumbmark.scoring.tested_programs import UnreadableTests
from plumbmark.scoring.tool_calls import calls_made
from plumbmark.scoring.verdicts import Verdict
from tasks_app.definitions import Definition
from tasks_app.definitions.rendering import text_of

log = logging.getLogger(__name__)

Messages = Sequence[Mapping[str, Any]]
_MAX_CASES = 50
_MAX_CHARACTERS = 8_000_000
"""Of outputs that go into one start of the sandbox together."""
_START_SECONDS = 5.0
"""For the sandbox and the interpreter, beside an author's function's own time."""


@value_object
class ItemVerdict:
    """The verdict on one output. `value` is None if unscored; `explanation` then says why."""

    value: float | None
    answer: str
    explanation: str
    details: Mapping[str, Any] = field(default_factory=dict)


class ScoredItem(Protocol):
    """The part of an item that scoring needs."""

    @property
    def key(self) -> str: ...
    @property
    def target(self) -> Any: ...
    @property
    def choices(self) -> Sequence[str] | None: ...


class ScoredItemWithInput(ScoredItem, Protocol):
    """The part of an item that scoring by programs and judges needs."""

    @property
    def scorer_input(self) -> Mapping[str, Any]: ...


class ProgramPorts(Protocol):
    """The ports that scorers need which run a program."""

    async def run_tested_program(self, given: bytes, timeout_seconds: float) -> ProgramResult:
        """Run an answer with its tests in the sandbox, as `plumbmark.scoring.tested_programs`
        writes them down; raises where the sandbox itself fails.
        """
        ...

    async def call_author_code(
        self, given: bytes, timeout_seconds: float, *, preload: str = ""
    ) -> tuple[str, str]:
        """Call an author's function as `plumbmark.scoring.author_code` writes it down.

        `preload` is a module of the sandbox's environment that the function imports.

        Returns what was printed, and why it was ended where a limit did it. Raises where the
        sandbox itself fails.
        """
        ...


class ScoringPorts(ProgramPorts, Protocol):
    """The ports that scoring needs if the text alone is not enough."""

    async def ask_judge(self, question: JudgeQuestion, *, key: str, max_tokens: int) -> JudgeReply:
        """Ask a judge; `key` names the question within the scoring, so it is paid for once."""
        ...


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An output to be scored, with its item."""

    ordinal: int
    output: str
    item: ScoredItemWithInput
    messages: Messages | None = None


class OutputScorer:
    """The scorers of one version."""

    def __init__(
        self,
        scorers: Mapping[str, Scorer],
        *,
        versions: Mapping[str, str],
        main: str = "",
        bounds: Mapping[str, tuple[float | None, float | None]] = MappingProxyType({}),
        choice_seed: int | None = None,
        separates_reasoning: bool = False,
        secret: str = "",
    ) -> None:
        self._scorers = scorers
        self.versions = dict(versions)
        """Each scorer's own version by its name in the definition."""
        self._main = main
        self._bounds = bounds
        self._choice_seed = choice_seed
        self._separates_reasoning = separates_reasoning
        self._secret = secret
        self.reads_calls = any(isinstance(one, ToolUse) for one in self._scorers.values())
        """Some scorer looks at the messages of a sample, for its tool calls."""
        self.needs_columns = any(
            isinstance(one, ToolUse) and one.columns for one in self._scorers.values()
        )
        """`score` needs items with what their scorers use."""

    @classmethod
    def of_definition(cls, definition: Definition, *, secret: str) -> "OutputScorer":
        """Build the scorers of a definition; `secret` salts what judges are shown."""
        scorers = {spec.name: build_scorer(spec.as_spec()) for spec in definition.scorers}
        return cls(
            scorers,
            versions={name: scorer.version for name, scorer in scorers.items()},
            main=definition.main,
            bounds={
                spec.name: (spec.metric.lower, spec.metric.upper) for spec in definition.scorers
            },
            choice_seed=definition.prompt.shuffle_seed,
            # In a whole conversation, the solver separates it answer by answer.
            separates_reasoning=definition.prompt.separates_reasoning
            and definition.prompt.scored == "last",
            secret=secret,
        )

    @property
    def needs_sandbox(self) -> bool:
        """Some scorer runs a program."""
        return any(
            isinstance(scorer, CodeExecution | PythonScorer | Math)
            for scorer in self._scorers.values()
        )

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
        """Return whether `score` is enough; otherwise use `score_with_ports`."""
        return not self.needs_sandbox and not self.judges

    def score(
        self, output: str, item: ScoredItemWithInput, messages: Messages | None = None
    ) -> ItemVerdict:
        """Score an output. Never raises: a scorer's bug leaves the sample unscored, with the
        reason.

        `messages` are the sample's, None if none are recorded.
        """
        split = self.split(output)
        verdicts = self._pure_verdicts(split.answer, item, messages)
        return _verdict_on(split, self._together(verdicts))

    def explain(self, output: str, item: ScoredItemWithInput) -> dict[str, ItemVerdict]:
        """Return each scorer's own verdict by name, in their order, for authors who try them.

        Scorers that need more than the output and its item say so and have no value, as do those
        that cannot take the target. Never raises.
        """
        split = self.split(output)
        pure = self._pure_verdicts(split.answer, item, None)
        context = ScorerContext(
            item.key, item.choices or (), self._choice_seed, None, item.scorer_input
        )
        verdicts = {}
        for name, scorer in self._scorers.items():
            if needs := _needs_of(scorer):
                verdicts[name] = ItemVerdict(None, "", needs)
            elif problem := scorer.target_problem(item.target, context):
                verdicts[name] = ItemVerdict(None, "", f"It cannot be scored: {problem}.")
            else:
                verdicts[name] = _verdict_on(split, pure[name])
        return verdicts

    async def explain_with_programs(
        self, answers: Sequence["StoredAnswer"], outside: ProgramPorts
    ) -> list[dict[str, ItemVerdict]]:
        """Return for each answer what `explain` does, with programs run and authors' functions
        called. No model is asked.
        """
        splits = [self.split(answer.output) for answer in answers]
        seen = [
            replace(answer, output=split.answer)
            for answer, split in zip(answers, splits, strict=True)
        ]
        called = await self._by_author_code(seen, outside)
        results = []
        for answer, one, split, by_author in zip(answers, seen, splits, called, strict=True):
            verdicts = self.explain(answer.output, answer.item)
            item = one.item
            values = {name: text_of(value) for name, value in item.scorer_input.items()}
            context = ScorerContext(
                item.key, item.choices or (), self._choice_seed, None, item.scorer_input
            )
            for name, scorer in self._scorers.items():
                if not isinstance(scorer, CodeExecution | PythonScorer | Math):
                    continue
                if problem := scorer.target_problem(item.target, context):
                    verdicts[name] = ItemVerdict(None, "", f"It cannot be scored: {problem}.")
                    continue
                found = by_author.get(name)
                if isinstance(scorer, CodeExecution):
                    found = await _by_program(scorer, one.output, values, outside, item.key)
                assert found is not None
                verdicts[name] = _verdict_on(split, found)
            results.append(verdicts)
        return results

    def split(self, output: str) -> SplitOutput:
        """Return the answer that scorers see, and the reasoning that is kept from them."""
        if self._separates_reasoning:
            return split_output(output)
        return SplitOutput(output, "", ((0, len(output)),))

    async def score_with_ports(
        self, answers: Sequence["StoredAnswer"], outside: ScoringPorts
    ) -> list[ItemVerdict]:
        """Score like `score`, with programs run, authors' functions called and judges asked.

        Raises what `outside` raises for reasons outside a sample, such as an exhausted quota.
        """
        splits = [self.split(answer.output) for answer in answers]
        answers = [
            replace(answer, output=split.answer)
            for answer, split in zip(answers, splits, strict=True)
        ]
        called = await self._by_author_code(answers, outside)
        verdicts = await asyncio.gather(
            *(
                self._score_with_ports(answer, outside, by_author)
                for answer, by_author in zip(answers, called, strict=True)
            )
        )
        return [_verdict_on(*pair) for pair in zip(splits, verdicts, strict=True)]

    async def _score_with_ports(
        self, answer: "StoredAnswer", outside: ScoringPorts, called: Mapping[str, ItemVerdict]
    ) -> ItemVerdict:
        output, item = answer.output, answer.item
        verdicts = {**self._pure_verdicts(output, item, answer.messages), **called}
        values = {name: text_of(value) for name, value in item.scorer_input.items()}
        for name, scorer in self._scorers.items():
            if isinstance(scorer, CodeExecution):
                verdicts[name] = await _by_program(scorer, output, values, outside, item.key)
            elif isinstance(scorer, ModelJudge):
                verdicts[name] = await self._by_judges(
                    scorer, output, values, item, outside, answer.ordinal
                )
        return self._together(verdicts)

    async def _by_author_code(
        self, answers: Sequence["StoredAnswer"], outside: ProgramPorts
    ) -> list[dict[str, ItemVerdict]]:
        """Return the verdicts of the authors' functions on each answer, many in one start."""
        verdicts: list[dict[str, ItemVerdict]] = [{} for _ in answers]
        for name, scorer in self._scorers.items():
            if not isinstance(scorer, PythonScorer | Math):
                continue
            lower, upper = self._bounds[name]
            for numbers in _portions(answers):
                cases = [
                    scorer.case(one.output, one.item.target, one.item.scorer_input)
                    for one in (answers[number] for number in numbers)
                ]
                try:
                    found = await _call_function(scorer, cases, outside)
                except Exception as error:
                    log.exception("the function of scorer %s could not be called", name)
                    failed = _unscored_verdict(f"The sandbox failed: {error}.")
                    for number in numbers:
                        verdicts[number][name] = failed
                else:
                    for number, one in zip(numbers, found, strict=True):
                        verdicts[number][name] = _author_verdict(scorer, one, lower, upper)
        return verdicts

    def judge_keys(self, ordinal: int) -> list[str]:
        """Return the keys of every question that a sample's judges are asked."""
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
        item: ScoredItemWithInput,
        outside: ScoringPorts,
        ordinal: int,
    ) -> ItemVerdict:
        # The same after a crash, so that an answer on record is found again; unknown to candidates.
        delimiter_source = f"{self._secret}/{scorer.name}/{ordinal}"
        delimiter = hashlib.sha256(delimiter_source.encode()).hexdigest()[:16]
        questions = scorer.questions(output, item.target, values, delimiter=delimiter)
        replies = await asyncio.gather(
            *(
                outside.ask_judge(
                    question,
                    key=_judge_key(ordinal, scorer.name, number),
                    max_tokens=scorer.max_output_tokens,
                )
                for number, question in enumerate(questions)
            )
        )
        return _item_verdict(scorer.verdict(questions, replies, delimiter=delimiter))

    def _pure_verdicts(
        self, output: str, item: ScoredItemWithInput, messages: Messages | None
    ) -> dict[str, ItemVerdict]:
        if self.reads_calls:
            context = ScorerContext(
                item.key,
                item.choices or (),
                self._choice_seed,
                None if messages is None else calls_made(messages),
                item.scorer_input,
            )
        else:
            context = ScorerContext(item.key, item.choices or (), self._choice_seed)
        verdicts = {}
        for name, scorer in self._scorers.items():
            try:
                verdicts[name] = _item_verdict(scorer.score(output, item.target, context))
            except Exception as error:
                log.exception("scorer %s failed on item %s", name, item.key)
                verdicts[name] = _unscored_verdict(f"The scorer failed: {type(error).__name__}.")
        return verdicts

    def _together(self, verdicts: dict[str, ItemVerdict]) -> ItemVerdict:
        """Return the main scorer's verdict, with the others among its details."""
        main = verdicts.pop(self._main)
        if not verdicts and not main.details:
            return main
        others = {
            name: {
                "value": verdict.value,
                "answer": verdict.answer,
                "explanation": verdict.explanation,
            }
            # Each judge's verdict, for the panel of judges.
            | ({"judges": verdict.details["judges"]} if "judges" in verdict.details else {})
            for name, verdict in verdicts.items()
        }
        details = dict(main.details)
        if others:
            details["scorers"] = others
        return ItemVerdict(main.value, main.answer, main.explanation, details)


def _needs_of(scorer: Scorer) -> str:
    """Return what a scorer needs besides an output and its item; empty for nothing."""
    if isinstance(scorer, ModelJudge):
        return "This scorer asks a model, so it is not tried here; a run shows its verdicts."
    if isinstance(scorer, ToolUse):
        return "This scorer looks at the tools that a model called; a run shows its verdicts."
    if isinstance(scorer, CodeExecution | PythonScorer | Math):
        return "This scorer runs a program in the sandbox, so it is tried there alone."
    return ""


def _verdict_on(split: SplitOutput, verdict: ItemVerdict) -> ItemVerdict:
    """Return the verdict on an answer as one on the whole output."""
    if not split.reasoning:
        return verdict
    details = dict(verdict.details)
    for name in ("start", "end"):
        if isinstance(position := details.get(name), int):
            # The end is the place after the last character.
            offset = 1 if name == "end" and position else 0
            details[name] = split.place_in_output(position - offset) + offset
    explanation = verdict.explanation
    if split.is_reasoning_alone:
        explanation = f"The output is reasoning without an answer. {explanation}".strip()
    return replace(verdict, details=details, explanation=explanation)


def _portions(answers: Sequence[StoredAnswer]) -> Iterator[list[int]]:
    """Yield the places of answers that share one start of the sandbox."""
    portion: list[int] = []
    characters = 0
    for number, answer in enumerate(answers):
        size = len(answer.output)
        if portion and (len(portion) == _MAX_CASES or characters + size > _MAX_CHARACTERS):
            yield portion
            portion, characters = [], 0
        portion.append(number)
        characters += size
    if portion:
        yield portion


async def _call_function(
    scorer: PythonScorer | Math, cases: Sequence[Sequence[Any]], outside: ProgramPorts
) -> list[CaseResult]:
    """Return the function's result for each case; cases that a shared start broke off run alone."""
    found, ended = await _call_function_once(scorer, cases, outside)
    results: list[CaseResult] = []
    for case, result in zip(cases, found, strict=True):
        if result is None and len(cases) > 1:
            (result,), ended = await _call_function_once(scorer, [case], outside)
        results.append(result or CaseResult(error=ended or "it gave no result"))
    return results


async def _call_function_once(
    scorer: PythonScorer | Math, cases: Sequence[Sequence[Any]], outside: ProgramPorts
) -> tuple[list[CaseResult | None], str]:
    delimiter = secrets.token_hex(16)
    given = author_code.program_input(
        source=scorer.source,
        function=python.FUNCTION,
        cases=cases,
        seconds=scorer.timeout_seconds,
        delimiter=delimiter,
    )
    most = _START_SECONDS + scorer.timeout_seconds * len(cases)
    preload = scorer.preload if isinstance(scorer, Math) else ""
    if preload:
        output, ended = await outside.call_author_code(given, most, preload=preload)
    else:
        output, ended = await outside.call_author_code(given, most)
    return author_code.results(output, delimiter=delimiter, count=len(cases)), ended


def _author_verdict(
    scorer: PythonScorer | Math, found: CaseResult, lower: float | None, upper: float | None
) -> ItemVerdict:
    try:
        return _item_verdict(scorer.verdict(found, lower=lower, upper=upper))
    except Exception as error:
        # The function may have returned anything; it speaks for its own sample alone.
        log.exception("the result of scorer %s could not be read", scorer.name)
        return _unscored_verdict(f"The scorer failed: {type(error).__name__}.")


async def _by_program(
    scorer: CodeExecution, output: str, values: Mapping[str, str], outside: ProgramPorts, key: str
) -> ItemVerdict:
    token = secrets.token_hex(16)
    try:
        given = scorer.program_input(output, values, token=token)
    except UnreadableTests as error:
        return _unscored_verdict(f"The scorer failed: {error}.")
    try:
        ran = await outside.run_tested_program(given, scorer.timeout_seconds)
        return _item_verdict(scorer.verdict(ran, token=token, output=output))
    except Exception as error:
        log.exception("the program of scorer %s failed on item %s", scorer.name, key)
        return _unscored_verdict(f"The sandbox failed: {error}.")


def _judge_key(ordinal: int, scorer: str, number: int) -> str:
    return f"{ordinal}/{scorer}/{number}"


def _item_verdict(verdict: Verdict) -> ItemVerdict:
    """Return the verdict as it is stored, with no score that could break the statistics."""
    if verdict.value is not None and (problem := find_score_problem(verdict.value)):
        return _unscored_verdict(f"The scorer failed: its score {problem}.")
    return ItemVerdict(verdict.value, verdict.answer or "", verdict.explanation, verdict.details)


def _unscored_verdict(why: str) -> ItemVerdict:
    return ItemVerdict(None, "", f"{why} This is not the model's.")
