"""Asking judges for a scoring, at its payer's expense, each question once."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from plumbmark.engine.ports import CallResult, FailureKind, ModelRequest
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.calls.gateway import GatewayCaller
from plumbmark.gateway.queries import recorded_answers
from plumbmark.scoring.scorers.code_execution import ProgramResult
from plumbmark.scoring.scorers.model_judge import JudgeQuestion, JudgeReply
from tasks_app.models import Scoring
from tasks_app.workers import sandbox as sandboxing


class QuotaShort(Exception):
    """The payer's quota does not cover a judge's call: the scoring waits, no sample is unscored."""

    def __init__(self, message: str, amount: int) -> None:
        super().__init__(message)
        self.amount = amount


class JudgeCaller:
    """A scoring's way to the sandbox and to its judges: the scorer's `Outside`."""

    def __init__(self, scoring: Scoring) -> None:
        self._grant_id = scoring.grant_id
        self._is_private = scoring.task_version.private_item_count > 0
        self._deployments: dict[str, int] = (
            dict(scoring.grant.deployments.values_list("slug", "id")) if scoring.grant else {}
        )
        self._callers: dict[str, GatewayCaller] = {}
        self._opening = asyncio.Lock()
        self._recorded: dict[str, CallResult] = {}
        self.calls: dict[int, list[UUID]] = {}
        """Calls made for each sample's ordinal since the last `forget`."""
        self.charged = 0
        """Nanodollars since the last `forget`."""

    def remember(self, keys: Sequence[str]) -> None:
        """Look up which of these questions were answered before a crash."""
        if self._grant_id is not None and keys:
            self._recorded = dict(recorded_answers(grant_id=self._grant_id, keys=keys))

    def forget(self) -> None:
        """Drop the questions so far: their answers are stored."""
        self.calls, self.charged = {}, 0

    async def run_tested_program(self, given: bytes, timeout_seconds: float) -> ProgramResult:
        return await sandboxing.run_tested_program(given, timeout_seconds)

    async def call_author_code(
        self, given: bytes, timeout_seconds: float, *, preload: str = ""
    ) -> tuple[str, str]:
        if not preload:
            return await sandboxing.call_author_code(given, timeout_seconds)
        return await sandboxing.call_author_code(given, timeout_seconds, preload=preload)

    async def ask_judge(self, question: JudgeQuestion, *, key: str, max_tokens: int) -> JudgeReply:
        result = self._recorded.pop(key, None)
        if result is None:
            if question.judge not in self._deployments:
                return JudgeReply(
                    "",
                    f"{question.judge} cannot be asked: it is not there any more, or the task's "
                    "owner has not allowed private items to be sent there.",
                )
            caller = await self._caller(question.judge)
            request = ModelRequest(
                messages=question.messages, max_output_tokens=max_tokens, temperature=0.0
            )
            result = await caller.call(request, key=key, role="judge")
        if result.failure is not None and result.failure.kind is FailureKind.QUOTA:
            raise QuotaShort(result.failure.message, result.failure.amount)
        if result.attempts:
            self.calls.setdefault(int(key.partition("/")[0]), []).append(result.call_id)
            self.charged += result.charged
        if result.response is None:
            assert result.failure is not None
            return JudgeReply("", result.failure.message)
        return JudgeReply(result.response.text)

    async def _caller(self, judge: str) -> GatewayCaller:
        async with self._opening:
            if judge not in self._callers:
                assert self._grant_id is not None
                self._callers[judge] = await runtime.gateway().caller(
                    grant_id=self._grant_id,
                    deployment_id=self._deployments[judge],
                    is_private=self._is_private,
                )
            return self._callers[judge]

    async def close(self) -> None:
        """Store the last calls and give the leases back."""
        for caller in self._callers.values():
            await caller.release()
