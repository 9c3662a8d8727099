"""Solvers: how a planned sample becomes an output.

So far there is one, `generate`: ask once, take the answer. A solver never raises for a provider's
trouble; it says so in the outcome.
"""

from plumbmark.engine.plan import PlannedSample, SampleResult
from plumbmark.engine.ports import CallResult, FinishReason, ModelCaller, ModelResponse
from plumbmark.scoring.outcomes import Outcome

_OUTCOMES = {
    FinishReason.LENGTH: Outcome.LENGTH_LIMIT,
    FinishReason.CONTENT_FILTER: Outcome.CONTENT_FILTER,
    FinishReason.REFUSAL: Outcome.REFUSAL,
}


async def generate(sample: PlannedSample, caller: ModelCaller) -> SampleResult:
    result = await caller.call(sample.request, key=sample.key, role="candidate")
    return result_of(sample, result)


def result_of(sample: PlannedSample, call: CallResult) -> SampleResult:
    """The sample result that a single call amounts to."""
    if call.response is not None:
        return SampleResult(
            sample.ordinal, outcome_of(call.response), call.response.text, "", (call,)
        )
    assert call.failure is not None
    return SampleResult(
        sample.ordinal, Outcome(call.failure.kind.value), "", call.failure.message, (call,)
    )


def outcome_of(response: ModelResponse) -> Outcome:
    outcome = _OUTCOMES.get(response.finish_reason)
    if outcome is not None:
        return outcome
    return Outcome.ANSWERED if response.text.strip() else Outcome.EMPTY
