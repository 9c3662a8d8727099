"""A run of a code task: the author's program in the sandbox, the gateway its only way out.

The job's thread prepares the folders, keeps the lease, stores what the program writes and looks
whether the run is still wanted; the program itself is waited for on the process's event loop. It is
run whole or not at all: one that was broken off starts anew, and what its calls cost stays charged.
"""

import asyncio
import codecs
import concurrent.futures
import logging
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum

from plumbmark.common.clock import now
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.http.grant_tokens import issue_grant_token
from plumbmark.gateway.models import Call
from plumbmark.sandbox import (
    BadJob,
    Ending,
    ExecutionReport,
    GatewayRelay,
    Sandbox,
    SandboxJob,
    probe,
)
from plumbmark.strict_json.texts import make_storable
from tasks_app.code_tasks import folders as code_folders
from tasks_app.code_tasks.definition import CodeDefinition
from tasks_app.code_tasks.queries import LOG_CHUNK
from tasks_app.code_tasks.result_storage import (
    ProgramOutput,
    candidate_problem,
    failure_of,
    note_lowered_limits,
    read_output,
    store_results,
)
from tasks_app.models import LogChunk, Run, Shard
from tasks_app.runs import states
from tasks_app.runs.claims import (
    MAX_ATTEMPTS,
    Lease,
    LeaseLost,
    finish_work,
    give_back,
    keep_leases,
)
from tasks_app.runs.completion import finish_run_if_done
from tasks_app.workers import sandbox as sandboxing
from tasks_app.workers.shutdown import shutting_down

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.2
_LOOK_SECONDS = 1.0
_KILL_SECONDS = 30.0
_FLUSH_SECONDS = 5.0
"""How long the gateway may take to record the last calls."""
_TOKEN_MARGIN = 600.0
_LOG_CHARACTERS = 4 * 1024 * 1024
"""Of all tries of a run together."""
_TAIL = 32_000
_REFUSED_FOR_QUOTA = 402


@dataclass(slots=True)
class _ProgramEnded(Exception):
    """The program was ended by us."""

    why: str


class CodeSlice:
    """One worker's work on the one shard of a code run: to its end."""

    def __init__(self, shard: Shard, lease: Lease, definition: CodeDefinition) -> None:
        self.run: Run = shard.run
        self._shard = shard
        self._lease = lease
        self._definition = definition
        self._pieces: deque[bytes] = deque()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._log_position = 0
        self._log_left = _LOG_CHARACTERS
        self._tail = ""
        self._relay: GatewayRelay | None = None
        self._task: asyncio.Task[ExecutionReport] | None = None
        self._kept_at = time.monotonic()
        self._began_at = now()

    def work(self) -> str:
        """Run the program and store what came of it; returns how it ended."""
        if self._shard.attempts > MAX_ATTEMPTS:
            return self._fail(
                f"Workers died {MAX_ATTEMPTS} times while running this program. Resume the "
                "run; if it happens again, tell the administrator."
            )
        if self.run.state == Run.State.QUEUED:
            states.start(self.run.pk)
        sandbox = probe().sandbox
        if sandbox is None:
            return self._fail(f"Code tasks cannot be run here. {sandboxing.reason()}")
        try:
            with code_folders.prepared_folders(self.run, self._definition) as folders:
                return self._work_in(folders, sandbox)
        except LeaseLost:
            log.warning("run %s: lost its lease; leaving it to the new holder", self.run.pk)
            return "lease lost"
        except (BadJob, code_folders.CannotPrepare) as error:
            return self._fail(f"The program could not be started: {error}")

    def _work_in(self, folders: code_folders.Folders, sandbox: Sandbox) -> str:
        self._begin_log()
        calls_before = self._call_count()
        job = folders.job(sandbox)
        token = self._token(job.limits.wall_seconds)
        future = runtime.submit(self._execute(sandbox, job, token))
        try:
            report = self._pump(future)
        except _ProgramEnded as stopped:
            return self._stop(stopped.why)
        finally:
            self._end(future)
        if self._was_refused():
            return self._stop("quota")
        if report.ending is Ending.FAILED_TO_START:
            return self._fail(f"The sandbox could not start the program: {report.detail}")
        self._await_calls(calls_before)
        left = read_output(folders.work, job.limits, self._definition, log=self._tail)
        return self._finish(report, left)

    # --- on the event loop ------------------------------------------------------------------

    async def _execute(self, sandbox: Sandbox, job: SandboxJob, token: str) -> ExecutionReport:
        self._task = asyncio.current_task()
        host, _, port = settings.GATEWAY_ADDRESS.rpartition(":")
        async with GatewayRelay(target=(host, int(port)), token=token) as relay:
            self._relay = relay
            return await sandbox.run(
                code_folders.with_socket(job, relay.socket), on_output=self._pieces.append
            )

    def _token(self, seconds: float) -> str:
        assert self.run.grant is not None
        return issue_grant_token(
            self.run.grant,
            lives_seconds=seconds + _TOKEN_MARGIN,
            is_private=self._definition.is_private,
        )

    # --- in the job's thread ----------------------------------------------------------------

    def _pump(self, future: "Future[ExecutionReport]") -> ExecutionReport:
        looked_at = time.monotonic()
        while True:
            done, _ = concurrent.futures.wait([future], timeout=_TICK_SECONDS)
            self._store_log(is_over=bool(done))
            if done:
                return future.result()
            at = time.monotonic()
            if at - self._kept_at > settings.WORK_LEASE_SECONDS / 3:
                self._keep()
            if at - looked_at > _LOOK_SECONDS:
                looked_at = at
                state = Run.objects.filter(pk=self.run.pk).values_list("state", flat=True).first()
                if state != Run.State.RUNNING:
                    raise _ProgramEnded("run stopped")
            if shutting_down.is_set():
                raise _ProgramEnded("worker ends")
            if self._was_refused():
                # What a program makes of refused calls would be no score.
                raise _ProgramEnded("quota")

    def _end(self, future: "Future[ExecutionReport]") -> None:
        """Kill what still runs, and wait until it is gone: its folder goes next."""
        if future.done():
            return
        if self._task is None:
            future.cancel()
        else:
            runtime.call_soon(self._task.cancel)
        concurrent.futures.wait([future], timeout=_KILL_SECONDS)

    def _was_refused(self) -> bool:
        return self._relay is not None and self._relay.statuses[_REFUSED_FOR_QUOTA] > 0

    def _stop(self, why: str) -> str:
        self._store_log(is_over=True)
        give_back(Shard.objects.all(), self._lease)
        if why == "quota":
            states.change_run(
                self.run.pk,
                "paused",
                detail=(
                    "A call was refused because the spend limit or the quota is used up. "
                    "With a higher limit the program starts again."
                ),
                pause_reason=Run.PauseReason.LIMIT,
                balance_needed=0,
            )
        return why

    def _fail(self, why: str) -> str:
        with transaction.atomic():
            if states.fail(self.run.pk, make_storable(why)):
                # Not done: after a resume it is run again.
                give_back(Shard.objects.all(), self._lease)
                return "failed"
        give_back(Shard.objects.all(), self._lease)
        return "no longer wanted"

    def _finish(self, report: ExecutionReport, left: ProgramOutput) -> str:
        failure = failure_of(report, left.outcome, self._definition, log=self._tail)
        failure = failure or candidate_problem(self.run, since=self._began_at)
        stored = left.store_files(self.run)
        try:
            with transaction.atomic():
                keep_leases(Shard.objects.all(), [self._lease])
                run = Run.objects.select_for_update().get(pk=self.run.pk)
                is_wanted = run.state == Run.State.RUNNING
                if is_wanted:
                    stored.write_rows()
                    left.write_report(self.run, report, relay=self._relay)
                    note_lowered_limits(self.run, since=self._began_at)
                    if not failure:
                        store_results(self.run, left.outcome.items, since=self._began_at)
                        finish_work(Shard.objects.all(), self._lease)
        except BaseException:
            stored.forget()
            raise
        if not is_wanted:
            stored.forget()
            give_back(Shard.objects.all(), self._lease)
            return "run stopped"
        stored.forget_replaced()
        if failure:
            self._note_costs()
            return self._fail(failure)
        finish_run_if_done(self.run.pk)
        return f"exhausted {report.detail}".strip()

    # --- the lease, the log, the costs ------------------------------------------------------

    def _keep(self) -> None:
        with transaction.atomic():
            keep_leases(Shard.objects.all(), [self._lease])
        self._kept_at = time.monotonic()
        self._note_costs()

    def _note_costs(self) -> None:
        """Store what the run's calls cost so far, for its status."""
        sums = Call.objects.filter(grant=self.run.grant_id).aggregate(
            charged=Sum("charged"),
            provider_cost=Sum("provider_cost"),
            input_tokens=Sum("input_tokens"),
            output_tokens=Sum("output_tokens"),
        )
        values = {name: value or 0 for name, value in sums.items()}
        Run.objects.filter(pk=self.run.pk).update(heartbeat_at=now(), **values)

    def _call_count(self) -> int:
        found = Call.objects.filter(grant=self.run.grant_id).aggregate(n=Count("id"))["n"]
        return int(found)

    def _await_calls(self, before: int) -> None:
        """Wait for the calls, which the gateway records in batches: the samples refer to them."""
        assert self._relay is not None
        # Those that a provider failed are recorded too.
        answered = self._relay.statuses.items()
        expected = before + sum(n for status, n in answered if status == 200 or status >= 500)
        ends = time.monotonic() + _FLUSH_SECONDS
        while self._call_count() < expected and time.monotonic() < ends:
            time.sleep(_TICK_SECONDS)

    def _begin_log(self) -> None:
        chunks = LogChunk.objects.filter(run=self.run)
        last = chunks.order_by("-position").values_list("position", flat=True).first()
        if last is None:
            return
        self._log_position = last + 1
        self._log_left -= sum(len(text) for text in chunks.values_list("text", flat=True))
        self._write_log("\n--- The program starts again. ---\n")

    def _store_log(self, *, is_over: bool) -> None:
        data = b"".join(self._pieces.popleft() for _ in range(len(self._pieces)))
        text = self._decoder.decode(data, final=is_over)
        if text:
            self._write_log(text)

    def _write_log(self, text: str) -> None:
        text = make_storable(text)
        self._tail = (self._tail + text)[-_TAIL:]
        part = text[: max(0, self._log_left)]
        if not part:
            return
        self._log_left -= len(part)
        with transaction.atomic():
            keep_leases(Shard.objects.all(), [self._lease])
            chunks = LogChunk.objects.bulk_create(
                LogChunk(
                    run=self.run,
                    position=self._log_position + number,
                    text=part[start : start + LOG_CHUNK],
                )
                for number, start in enumerate(range(0, len(part), LOG_CHUNK))
            )
        self._log_position += len(chunks)
        self._kept_at = time.monotonic()
