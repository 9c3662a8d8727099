"""Solvers: how a planned sample becomes an output.

`generate` asks and takes the answer; where the plan holds further turns, or a user whom another
model plays, it goes on in turns, and the last answer or the whole conversation is the output. A
solver never raises for a provider's trouble; it says so in the outcome.
"""

from dataclasses import replace

from plumbmark.engine.media import in_words
from plumbmark.engine.plan import PlannedSample, SampleResult
from plumbmark.engine.ports import (
    CallResult,
    FinishReason,
    Message,
    ModelCaller,
    ModelRequest,
    ModelResponse,
)
from plumbmark.scoring.outcomes import Outcome

CANDIDATE = "candidate"
SIMULATED_USER = "simulated_user"
_OPENING = "(The conversation begins. You speak first.)"

_OUTCOMES = {
    FinishReason.LENGTH: Outcome.LENGTH_LIMIT,
    FinishReason.CONTENT_FILTER: Outcome.CONTENT_FILTER,
    FinishReason.REFUSAL: Outcome.REFUSAL,
}


async def generate(
    sample: PlannedSample, caller: ModelCaller, user: ModelCaller | None = None
) -> SampleResult:
    if sample.follow_ups or sample.user is not None:
        return await _Conversation(sample, caller, user).hold()
    result = await caller.call(sample.request, key=sample.key, role=CANDIDATE)
    return result_of(sample, result)


class _Conversation:
    """Several turns: of a script, or of a user whom another model plays.

    A turn without an answer ends it: an empty one too, because a conversation cannot go on from
    nothing. A refusal or an answer that was cut off does not: the next turn may help.
    """

    def __init__(
        self, sample: PlannedSample, caller: ModelCaller, user: ModelCaller | None
    ) -> None:
        self._sample = sample
        self._caller = caller
        self._user = user
        self._messages: list[Message] = list(sample.request.messages)
        self._calls: list[CallResult] = []
        self._roles: list[str] = []

    async def hold(self) -> SampleResult:
        turn = 0
        while True:
            request = replace(self._sample.request, messages=tuple(self._messages))
            call = await self._caller.call(request, key=self._sample.key_of(turn), role=CANDIDATE)
            self._note(call, CANDIDATE)
            if call.response is None or not call.response.text.strip():
                return self._ended(call)
            said = await self._next_turn(turn, call.response.text)
            if isinstance(said, CallResult):
                return self._without_user(said)
            if said is None:
                return self._ended(call)
            self._messages.append({"role": "assistant", "content": call.response.text})
            self._messages.append({"role": "user", "content": said})
            turn += 1

    async def _next_turn(self, turn: int, answer: str) -> str | CallResult | None:
        """What the user says; None: nothing more; the failed call where the user's model failed."""
        sample = self._sample
        if sample.user is None:
            return sample.follow_ups[turn] if turn < len(sample.follow_ups) else None
        if turn + 1 >= sample.user.most_turns:
            return None
        assert self._user is not None
        call = await self._user.call(
            self._as_the_user_sees_it(answer), key=sample.key_of_user(turn), role=SIMULATED_USER
        )
        self._note(call, SIMULATED_USER)
        if call.response is None:
            return call
        said = call.response.text
        if not said.strip() or sample.user.stop in said:
            return None
        return said

    def _as_the_user_sees_it(self, answer: str) -> ModelRequest:
        """The conversation with the parts swapped: what the candidate says is said to the user."""
        user = self._sample.user
        assert user is not None
        swapped = {"user": "assistant", "assistant": "user"}
        messages: list[Message] = [{"role": "system", "content": user.instructions}]
        said = [one for one in self._messages if one["role"] in swapped]
        # Models want to be spoken to first.
        messages.append({"role": "user", "content": _OPENING})
        # Providers take files from the side of the user alone, so here they are named.
        messages += [
            {"role": swapped[one["role"]], "content": in_words(one["content"])} for one in said
        ]
        messages.append({"role": "user", "content": answer})
        return ModelRequest(messages=messages, max_output_tokens=user.max_output_tokens)

    def _note(self, call: CallResult, role: str) -> None:
        self._calls.append(call)
        self._roles.append(role)

    def _without_user(self, failed: CallResult) -> SampleResult:
        """The user's model failed, for which no answer of the candidate is to blame."""
        ended = self._ended(failed)
        if ended.outcome.is_scored:
            ended = replace(ended, outcome=Outcome.PROVIDER_ERROR)
        return replace(ended, error=f"The model that plays the user: {ended.error}")

    def _ended(self, last: CallResult) -> SampleResult:
        ended = result_of(self._sample, last)
        output = ended.output
        if self._sample.keeps_conversation and last.response is not None:
            said = [*self._messages, {"role": "assistant", "content": output}]
            output = "\n\n".join(
                f"{one['role'].capitalize()}: {in_words(one['content'])}"
                for one in said
                if one["role"] != "system"
            )
        return replace(
            ended,
            output=output,
            calls=tuple(self._calls),
            roles=tuple(self._roles),
            messages=self._messages,
        )


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
