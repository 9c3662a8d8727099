"""The loop of the engine against callers in memory: it knows neither network nor database."""

import asyncio
from collections.abc import Callable, Iterable
from uuid import uuid4

import pytest

from plumbmark.engine.evaluation import Evaluation
from plumbmark.engine.plan import (
    EvaluationEnd,
    PlannedSample,
    SampleResult,
    StopReason,
)
from plumbmark.engine.ports import (
    CallFailure,
    CallResult,
    FailureKind,
    FinishReason,
    ModelRequest,
    ModelResponse,
    Usage,
)
from plumbmark.scoring.outcomes import Outcome

Answer = ModelResponse | CallFailure


def said(text: str = "4", finish: FinishReason = FinishReason.STOP) -> ModelResponse:
    return ModelResponse(text, finish, "some-model", Usage(3, 1))


def failed(
    kind: FailureKind = FailureKind.PROVIDER_ERROR, code: str = "bad-key", *, fatal: bool = False
) -> CallFailure:
    return CallFailure(kind, code, f"said {code}", fatal)


class Caller:
    """Answers by a rule after a pause, and keeps how many calls were in flight."""

    def __init__(self, rule: Callable[[int], Answer], pause: float = 0.0) -> None:
        self._rule = rule
        self._pause = pause
        self.asked: list[str] = []
        self.in_flight = self.most = 0

    async def call(self, request: ModelRequest, *, key: str, role: str) -> CallResult:
        self.asked.append(key)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        await asyncio.sleep(self._pause)
        self.in_flight -= 1
        answer = self._rule(int(key.partition("/")[0]))
        if isinstance(answer, ModelResponse):
            return CallResult(uuid4(), answer, None, 1, 1, 5, 1)
        return CallResult(uuid4(), None, answer, 0, 0, 5, 1)


def planned(ordinals: Iterable[int]) -> list[PlannedSample]:
    return [PlannedSample(n, str(n), ModelRequest([], 16)) for n in ordinals]


def evaluate(
    caller: Caller, count: int, *, window: int = 8, stop_after: int | None = None
) -> tuple[EvaluationEnd, list[SampleResult]]:
    results: list[SampleResult] = []

    async def work() -> EvaluationEnd:
        def emit(result: SampleResult) -> None:
            results.append(result)
            if stop_after is not None and len(results) == stop_after:
                evaluation.stop(StopReason.ASKED, "enough")

        evaluation = Evaluation(caller, emit, window=window)
        evaluation.plan.add(planned(range(count)))
        evaluation.plan.close()
        ending = await evaluation.run()
        assert evaluation.in_flight == 0
        return ending

    return asyncio.run(work()), results


def test_every_planned_sample_is_asked_once_and_emitted_once() -> None:
    caller = Caller(lambda n: said(str(n)), pause=0.001)
    ending, results = evaluate(caller, 100)
    assert ending.reason is StopReason.EXHAUSTED
    assert sorted(caller.asked, key=int) == [str(n) for n in range(100)]
    assert {result.ordinal: result.output for result in results} == {n: str(n) for n in range(100)}


def test_the_window_is_full_and_never_overfull_while_the_plan_lasts() -> None:
    seen: list[int] = []
    caller = Caller(lambda n: said(), pause=0.002)

    def rule(n: int) -> Answer:
        seen.append(caller.in_flight)
        return said()

    caller._rule = rule
    evaluate(caller, 200, window=10)
    assert caller.most == 10
    # An answer's own call has ended; the nine others are in flight until the plan runs out.
    assert sum(count >= 8 for count in seen) > 150


def test_samples_may_be_added_while_it_works() -> None:
    caller = Caller(lambda n: said(), pause=0.001)
    results: list[SampleResult] = []

    async def work() -> EvaluationEnd:
        evaluation = Evaluation(caller, results.append, window=4)
        running = asyncio.create_task(evaluation.run())
        for first in range(0, 30, 10):
            evaluation.plan.add(planned(range(first, first + 10)))
            async with asyncio.timeout(300):
                while len(results) < first + 10:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0)
            assert evaluation.in_flight == 0
        assert evaluation.plan.taken == 30
        evaluation.plan.close()
        return await running

    assert asyncio.run(work()).reason is StopReason.EXHAUSTED


def test_a_stop_takes_nothing_new_and_keeps_what_is_in_flight() -> None:
    caller = Caller(lambda n: said(), pause=0.002)
    ending, results = evaluate(caller, 100, window=5, stop_after=10)
    assert ending == EvaluationEnd(StopReason.ASKED, "enough")
    assert len(results) == len(caller.asked)
    assert 10 <= len(results) <= 15


def test_five_equal_fatal_failures_trip_the_breaker_and_are_no_outcomes() -> None:
    caller = Caller(lambda n: failed(fatal=True))
    ending, results = evaluate(caller, 100, window=1)
    assert ending.reason is StopReason.BREAKER
    assert ending.code == "bad-key"
    assert "said bad-key" in ending.detail
    assert len(caller.asked) == 5
    assert results == []


def test_an_answer_in_between_keeps_the_breaker_closed() -> None:
    caller = Caller(lambda n: said() if n % 5 == 4 else failed(fatal=True))
    ending, results = evaluate(caller, 50, window=1)
    assert ending.reason is StopReason.EXHAUSTED
    assert [result.ordinal for result in results] == list(range(50))


def test_different_fatal_failures_do_not_trip_it() -> None:
    caller = Caller(lambda n: failed(code=f"code-{n % 2}", fatal=True))
    ending, results = evaluate(caller, 20, window=1)
    assert ending.reason is StopReason.EXHAUSTED
    assert len(results) == 20


def test_failures_that_may_pass_do_not_trip_it() -> None:
    caller = Caller(lambda n: failed(FailureKind.NETWORK, "network"))
    ending, results = evaluate(caller, 20)
    assert ending.reason is StopReason.EXHAUSTED
    assert {result.outcome for result in results} == {Outcome.NETWORK}


def test_fatal_failures_too_few_to_trip_are_outcomes_at_the_end() -> None:
    _, results = evaluate(Caller(lambda n: failed(fatal=True)), 3)
    assert [result.outcome for result in results] == [Outcome.PROVIDER_ERROR] * 3


def test_an_exhausted_quota_stops_and_is_nobodys_outcome() -> None:
    refusal = CallFailure(FailureKind.QUOTA, "quota-exhausted", "The day is over.", amount=700)
    caller = Caller(lambda n: said() if n < 10 else refusal)
    ending, results = evaluate(caller, 100, window=4)
    assert ending == EvaluationEnd(StopReason.QUOTA, "The day is over.", "quota-exhausted", 700)
    assert sorted(result.ordinal for result in results) == list(range(10))
    assert len(caller.asked) < 20


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if kind is not FailureKind.QUOTA])
def test_a_failure_becomes_the_outcome_of_its_kind(kind: FailureKind) -> None:
    _, [result] = evaluate(Caller(lambda n: failed(kind, "some-code")), 1)
    assert result.outcome == kind.value
    assert result.error == "said some-code"
    scored = {FailureKind.CONTEXT_OVERFLOW, FailureKind.CONTENT_FILTER, FailureKind.MALFORMED}
    assert result.outcome.is_scored == (kind in scored)


@pytest.mark.parametrize(
    ("finish", "outcome"),
    [
        (FinishReason.STOP, Outcome.ANSWERED),
        (FinishReason.LENGTH, Outcome.LENGTH_LIMIT),
        (FinishReason.CONTENT_FILTER, Outcome.CONTENT_FILTER),
        (FinishReason.REFUSAL, Outcome.REFUSAL),
        (FinishReason.TOOL_CALLS, Outcome.ANSWERED),
        (FinishReason.MALFORMED, Outcome.MALFORMED),
    ],
)
def test_what_the_model_brings_about_is_scored(finish: FinishReason, outcome: Outcome) -> None:
    _, [result] = evaluate(Caller(lambda n: said("4", finish)), 1)
    assert result.outcome is outcome
    assert result.outcome.is_scored


def test_an_ending_that_is_not_the_models_own_is_not_scored() -> None:
    _, [result] = evaluate(Caller(lambda n: said("4", FinishReason.OTHER)), 1)
    assert result.outcome is Outcome.PROVIDER_ERROR
    assert not result.outcome.is_scored


def test_an_answer_of_nothing_but_space_is_empty() -> None:
    _, [result] = evaluate(Caller(lambda n: said(" \n")), 1)
    assert result.outcome is Outcome.EMPTY
    assert result.outcome.is_scored


def test_a_fault_of_ours_is_raised_and_not_taken_for_an_outcome() -> None:
    def rule(n: int) -> Answer:
        raise RuntimeError("a bug")

    with pytest.raises(ExceptionGroup):
        evaluate(Caller(rule), 3)


@pytest.mark.parametrize(
    ("separates", "output"),
    [
        (True, "User: Hi\n\nAssistant: 4\n\nUser: Sure?\n\nAssistant: 4"),
        (
            False,
            "User: Hi\n\nAssistant: <think>or 5</think>4\n\n"
            "User: Sure?\n\nAssistant: <think>or 5</think>4",
        ),
    ],
)
def test_a_conversation_is_written_down_without_the_reasoning_in_its_answers(
    separates: bool, output: str
) -> None:
    results: list[SampleResult] = []
    caller = Caller(lambda n: said("<think>or 5</think>4"))
    sample = PlannedSample(
        0,
        "0/0",
        ModelRequest([{"role": "user", "content": "Hi"}], 16),
        follow_ups=["Sure?"],
        keeps_conversation=True,
        separates_reasoning=separates,
    )

    async def work() -> None:
        evaluation = Evaluation(caller, results.append, window=1)
        evaluation.plan.add([sample])
        evaluation.plan.close()
        await evaluation.run()

    asyncio.run(work())

    assert [result.output for result in results] == [output]
