"""Solvers: how a planned sample becomes an output.

`generate` asks and takes the answer; where the plan holds further turns it says each of them after
the answer before, and the last answer is the output. A solver never raises for a provider's
trouble; it says so in the outcome.
"""

from dataclasses import replace

from plumbmark.engine.plan import PlannedSample, SampleResult
from plumbmark.engine.ports import CallResult, FinishReason, Message, ModelCaller, ModelResponse
from plumbmark.scoring.outcomes import Outcome

_OUTCOMES = {
    FinishReason.LENGTH: Outcome.LENGTH_LIMIT,
    FinishReason.CONTENT_FILTER: Outcome.CONTENT_FILTER,
    FinishReason.REFUSAL: Outcome.REFUSAL,
}


async def generate(sample: PlannedSample, caller: ModelCaller) -> SampleResult:
    if sample.follow_ups:
        return await converse(sample, caller)
    result = await caller.call(sample.request, key=sample.key, role="candidate")
    return result_of(sample, result)


async def converse(sample: PlannedSample, caller: ModelCaller) -> SampleResult:
    """Say the turns of a script one after another.

    A turn without an answer ends it: an empty one too, because a conversation cannot go on from
    nothing. A refusal or an answer that was cut off does not: the script's next turn may help.
    """
    messages: list[Message] = list(sample.request.messages)
    calls: list[CallResult] = []
    for turn, follow_up in enumerate((*sample.follow_ups, None)):
        request = replace(sample.request, messages=tuple(messages))
        call = await caller.call(request, key=sample.key_of(turn), role="candidate")
        calls.append(call)
        if call.response is None or follow_up is None or not call.response.text.strip():
            break
        messages.append({"role": "assistant", "content": call.response.text})
        messages.append({"role": "user", "content": follow_up})
    ended = result_of(sample, calls[-1])
    return replace(ended, calls=tuple(calls), messages=messages)


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
