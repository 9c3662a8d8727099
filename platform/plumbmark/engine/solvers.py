"""Solvers: how a planned sample becomes an output.

`generate` sends the question and takes the answer; if the plan has further turns, or a user played
by another model, it continues turn by turn, and the last answer or the whole conversation is the
output. With tools, a turn takes as many steps as the model makes tool calls. A solver never raises
for a provider's failure, nor for what a model writes: the outcome says so.
"""

from collections.abc import Sequence
from dataclasses import replace

from plumbmark.engine.media import in_words
from plumbmark.engine.plan import PlannedSample, SampleResult
from plumbmark.engine.ports import (
    CallResult,
    CannotExecute,
    Executor,
    FinishReason,
    Message,
    ModelCaller,
    ModelRequest,
    ModelResponse,
    ToolCall,
)
from plumbmark.engine.tools import ToolAnswer, Toolbox, ToolContext
from plumbmark.scoring.outcomes import Outcome
from plumbmark.scoring.reasoning import split_output

CANDIDATE = "candidate"
SIMULATED_USER = "simulated_user"
_OPENING = "(The conversation begins. You speak first.)"

_MAX_RECORDED_CALLS = 50
"""Of calls that went beyond the limit, in the transcript."""

_OUTCOMES = {
    FinishReason.LENGTH: Outcome.LENGTH_LIMIT,
    FinishReason.CONTENT_FILTER: Outcome.CONTENT_FILTER,
    FinishReason.REFUSAL: Outcome.REFUSAL,
    FinishReason.MALFORMED: Outcome.MALFORMED,
    FinishReason.OTHER: Outcome.PROVIDER_ERROR,
}


async def generate(
    sample: PlannedSample,
    caller: ModelCaller,
    user: ModelCaller | None = None,
    executor: Executor | None = None,
) -> SampleResult:
    if sample.follow_ups or sample.user is not None or sample.toolbox is not None:
        return await _Conversation(sample, caller, user, executor).hold()
    result = await caller.call(sample.request, key=sample.key, role=CANDIDATE)
    return result_of(sample, result)


class _Conversation:
    """Several calls: turns of a script or of a user played by another model, and steps of tools.

    A turn without an answer ends it: an empty one too, because a conversation cannot continue from
    nothing. A refusal or an answer that was cut off does not: the next turn may help.
    """

    def __init__(
        self,
        sample: PlannedSample,
        caller: ModelCaller,
        user: ModelCaller | None,
        executor: Executor | None,
    ) -> None:
        self._sample = sample
        self._caller = caller
        self._user = user
        self._situation = ToolContext(sample.item, executor)
        self._messages: list[Message] = list(sample.request.messages)
        self._calls: list[CallResult] = []
        self._roles: list[str] = []
        self._steps = 0
        self._tool_calls = 0
        self._call_ids: set[str] = set()
        self._failed_ids: set[str] = set()
        """Tool calls that were answered with an error."""
        self._output_tokens = 0
        self._cost = 0
        self._is_narrowed = False
        """The last answer could not be as long as others, for the limit of them all."""

    async def hold(self) -> SampleResult:
        turn = 0
        while True:
            call = await self._answer()
            if isinstance(call, SampleResult):
                return call
            if call.response is None or not call.response.text.strip():
                return self._result_of_end(call)
            turn_text = await self._next_turn(turn, call.response.text)
            if isinstance(turn_text, CallResult):
                return self._without_user(turn_text)
            if turn_text is None:
                return self._result_of_end(call)
            self._messages.append({"role": "assistant", "content": call.response.text})
            self._messages.append({"role": "user", "content": turn_text})
            turn += 1

    async def _answer(self) -> CallResult | SampleResult:
        """Return the model's answer once it calls no more tools; the sample's end where a limit or
        the sandbox ended it before."""
        while True:
            if reached := self._limit_reached():
                return self._at_limit(reached)
            call = await self._caller.call(
                self._request(), key=self._sample.key_of(self._steps), role=CANDIDATE
            )
            self._steps += 1
            self._note(call, CANDIDATE)
            toolbox, response = self._sample.toolbox, call.response
            if toolbox is None or response is None or not response.tool_calls:
                return call
            if response.finish_reason in {FinishReason.REFUSAL, FinishReason.CONTENT_FILTER}:
                return call
            ended = await self._use_tools(toolbox, response)
            if ended is not None:
                return ended

    def _request(self) -> ModelRequest:
        request = replace(self._sample.request, messages=tuple(self._messages))
        limits = self._sample.limits
        if limits is not None and limits.max_output_tokens_total is not None:
            left = limits.max_output_tokens_total - self._output_tokens
            self._is_narrowed = left < request.max_output_tokens
            if self._is_narrowed:
                request = replace(request, max_output_tokens=left)
        return request

    def _limit_reached(self) -> str:
        """Return the name of the limit that allows no further call; an empty text if none is
        reached.
        """
        limits = self._sample.limits
        if limits is None:
            return ""
        if self._steps >= limits.max_steps:
            return f"{limits.max_steps} model calls (max_steps)"
        tokens, cost = limits.max_output_tokens_total, limits.max_cost
        if tokens is not None and self._output_tokens >= tokens:
            return _all_tokens(tokens)
        if cost is not None and self._cost >= cost:
            return f"${cost / 10**9:.6g} (max_cost_usd)"
        return ""

    def _at_limit(self, reached: str) -> SampleResult:
        return _end_at_limit(self._result_of_end(self._calls[-1]), reached)

    async def _use_tools(self, toolbox: Toolbox, response: ModelResponse) -> SampleResult | None:
        """Answer the calls of one response; the sample's end where they cannot be."""
        calls = self._with_own_ids(response.tool_calls)
        limits = self._sample.limits
        if limits is not None and self._tool_calls + len(calls) > limits.max_tool_calls:
            self._say_calls(response, calls[:_MAX_RECORDED_CALLS])
            return self._at_limit(f"{limits.max_tool_calls} tool calls (max_tool_calls)")
        self._tool_calls += len(calls)
        answered: list[ToolAnswer] = []
        try:
            for call in calls:
                answered.append(await toolbox.answer(call, self._situation))
        except CannotExecute as error:
            self._say_calls(response, calls)
            ended = self._result_of_end(self._calls[-1])
            return replace(
                ended,
                outcome=Outcome.SANDBOX_INFRASTRUCTURE,
                error=f"The sandbox failed when a tool was called: {error}",
            )
        self._say_calls(response, [one.call for one in answered])
        for one in answered:
            self._messages.append(
                {"role": "tool", "tool_call_id": one.call.id, "content": one.result.text}
            )
            if one.result.is_error:
                self._failed_ids.add(one.call.id)
        return None

    def _say_calls(self, response: ModelResponse, calls: Sequence[ToolCall]) -> None:
        self._messages.append(
            {
                "role": "assistant",
                "content": response.text or None,
                "tool_calls": [call.as_message_part() for call in calls],
            }
        )

    def _with_own_ids(self, calls: Sequence[ToolCall]) -> list[ToolCall]:
        """Return the calls with ids that are unique within the sample, whatever the provider
        sent.
        """
        found = []
        for number, call in enumerate(calls):
            if not call.id or call.id in self._call_ids:
                call = replace(call, id=f"call_{self._steps}_{number}")
            self._call_ids.add(call.id)
            found.append(call)
        return found

    async def _next_turn(self, turn: int, answer: str) -> str | CallResult | None:
        """Return the user's next message, None for no more, or the failed call of its model."""
        sample = self._sample
        if sample.user is None:
            return sample.follow_ups[turn] if turn < len(sample.follow_ups) else None
        if turn + 1 >= sample.user.max_turns:
            return None
        assert self._user is not None
        call = await self._user.call(
            self._as_the_user_sees_it(answer), key=sample.key_of_user(turn), role=SIMULATED_USER
        )
        self._note(call, SIMULATED_USER)
        if call.response is None:
            return call
        answer_text = call.response.text
        if not answer_text.strip() or sample.user.stop in answer_text:
            return None
        return answer_text

    def _as_the_user_sees_it(self, answer: str) -> ModelRequest:
        """Return the conversation with the roles swapped: the candidate's answers are said to the
        user.
        """
        user = self._sample.user
        assert user is not None
        swapped = {"user": "assistant", "assistant": "user"}
        messages: list[Message] = [{"role": "system", "content": user.instructions}]
        # The tools are none of the user's business.
        conversation = [
            one for one in self._messages if one["role"] in swapped and "tool_calls" not in one
        ]
        # Models want to be spoken to first.
        messages.append({"role": "user", "content": _OPENING})
        # Providers accept files only from the user, so here they are named.
        messages += [
            {"role": swapped[one["role"]], "content": in_words(one["content"])}
            for one in conversation
        ]
        messages.append({"role": "user", "content": answer})
        return ModelRequest(messages=messages, max_output_tokens=user.max_output_tokens)

    def _note(self, call: CallResult, role: str) -> None:
        self._calls.append(call)
        self._roles.append(role)
        # What a provider bills for answers that it broke off does not count against the model.
        self._cost += max(call.charged, call.provider_cost - call.cost_before_answer)
        if role == CANDIDATE and call.response is not None:
            self._output_tokens += call.response.usage.output_tokens

    def _without_user(self, failed: CallResult) -> SampleResult:
        """Return the result if the model of the user failed, which is not the candidate's fault."""
        ended = self._result_of_end(failed)
        if ended.outcome.is_scored:
            ended = replace(ended, outcome=Outcome.PROVIDER_ERROR)
        return replace(ended, error=f"The model that plays the user: {ended.error}")

    def _result_of_end(self, last: CallResult) -> SampleResult:
        ended = result_of(self._sample, last)
        if ended.outcome is Outcome.LENGTH_LIMIT and self._is_narrowed:
            limits = self._sample.limits
            assert limits is not None
            assert limits.max_output_tokens_total is not None
            ended = _end_at_limit(ended, _all_tokens(limits.max_output_tokens_total))
        output = ended.output
        if self._sample.keeps_conversation and last.response is not None:
            messages = list(self._messages)
            if not (messages and "tool_calls" in messages[-1]):
                messages.append({"role": "assistant", "content": output})
            output = "\n\n".join(
                _format_message(one, without_reasoning=self._sample.separates_reasoning)
                for one in messages
                if one["role"] != "system"
            )
        return replace(
            ended,
            output=output,
            calls=tuple(self._calls),
            roles=tuple(self._roles),
            messages=[
                {**one, "is_error": True} if one.get("tool_call_id") in self._failed_ids else one
                for one in self._messages
            ],
        )


def _end_at_limit(ended: SampleResult, reached: str) -> SampleResult:
    reason = f"The task's limit for a sample was reached: {reached}."
    return replace(ended, outcome=Outcome.OWN_LIMIT, error=reason)


def _all_tokens(most: int) -> str:
    return f"{most:,} output tokens (max_output_tokens_total)"


def _format_message(message: Message, *, without_reasoning: bool) -> str:
    """Format a message for a conversation that is scored as a whole."""
    text = in_words(message["content"]) if message["content"] else ""
    if without_reasoning and message["role"] == "assistant":
        text = split_output(text).answer
    parts = [text] if text else []
    parts += [
        f"[calls {call['function']['name']} with {call['function']['arguments']}]"
        for call in message.get("tool_calls", ())
    ]
    return f"{str(message['role']).capitalize()}: {' '.join(parts)}"


def result_of(sample: PlannedSample, call: CallResult) -> SampleResult:
    """Return the sample result of a single call."""
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
