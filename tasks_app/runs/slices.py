"""A slice of work on a run: the thread that loads, scores and writes around the engine's loop.

The job's thread talks to the database and renders and scores; the process's event loop makes the
calls. They meet in two places: the evaluation's plan, fed with `call_soon_threadsafe`, and a deque
of results that the loop appends to and this thread drains.
"""

import logging
import time
from collections import deque
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from plumbmark.engine.evaluation import Evaluation, Solver
from plumbmark.engine.media import AttachingCaller
from plumbmark.engine.plan import (
    EvaluationEnd,
    PlannedSample,
    SampleResult,
    StopReason,
)
from plumbmark.engine.ports import (
    CallResult,
    Executor,
    ModelCaller,
    ModelRequest,
)
from plumbmark.engine.solvers import generate
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.calls.gateway import GatewayCaller
from plumbmark.gateway.models import Deployment
from plumbmark.gateway.queries import recorded_answers
from tasks_app.datasets.media.storage import StoredFiles
from tasks_app.definitions import Definition
from tasks_app.models import Run, Shard
from tasks_app.runs import states
from tasks_app.runs.batches import BatchWriter, done_ordinals
from tasks_app.runs.claims import (
    MAX_ATTEMPTS,
    Lease,
    LeaseLost,
    claim_further_shard,
    finish_leases,
    finish_work,
    give_back,
    keep_leases,
)
from tasks_app.runs.completion import KnownRun, finish_run_if_done
from tasks_app.runs.planning import PlannedItem, RequestPlanner
from tasks_app.workers import reports, sandbox
from tasks_app.workers.shutdown import shutting_down
from tasks_app.workers.wake import remind_workers

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.04
_SHUTDOWN_GRACE_SECONDS = 5.0
_LOAD = 256
_FIRST_LOAD = 64
"""The first load is small, so that the first calls go out before the rest is rendered."""
_WINDOWS_AHEAD = 8
_WINDOWS_KEPT = 2
"""So much is planned at least, where other workers could take a run's further shards."""
_BATCH = 250
_WRITE_SECONDS = 0.25
"""A batch is written when it is full, or when the last one was so long ago."""
_QUOTA_PAUSE = timedelta(seconds=2)


@dataclass(slots=True)
class _ClaimedShard:
    """A claimed shard and its remaining work."""

    shard: Shard
    lease: Lease
    next_ordinal: int
    done: set[int]
    """Ordinals in its range that were stored before."""
    outstanding: set[int] = field(default_factory=set)
    """Planned, and not yet written."""

    @property
    def is_planned(self) -> bool:
        return self.next_ordinal >= self.shard.stop

    @property
    def is_finished(self) -> bool:
        return self.is_planned and not self.outstanding


async def _caller(grant_id: int, deployment_id: int, is_private: bool) -> GatewayCaller:
    return await runtime.gateway().caller(
        grant_id=grant_id, deployment_id=deployment_id, is_private=is_private
    )


async def _executor() -> Executor:
    return sandbox.executor()


async def _release(
    candidate: GatewayCaller, user: GatewayCaller | None, *, keeps_ample: bool
) -> None:
    if user is not None:
        await user.release(keeps_ample=keeps_ample)
    await candidate.release(keeps_ample=keeps_ample)


class ReplayingCaller:
    """A caller that first searches answers that were recorded but never stored.

    A killed worker left them: asked, answered, charged, and not to be asked again.
    """

    def __init__(self, caller: ModelCaller, beside: "ReplayingCaller | None" = None) -> None:
        self._caller = caller
        self._recorded: dict[str, CallResult] = beside._recorded if beside else {}

    def remember(self, recorded: dict[str, CallResult]) -> None:
        self._recorded.update(recorded)

    async def call(self, request: ModelRequest, *, key: str, role: str) -> CallResult:
        if self._recorded and (known := self._recorded.pop(key, None)) is not None:
            return known
        return await self._caller.call(request, key=key, role=role)


class RunSlice:
    """One worker's bounded work on the shards of one run."""

    def __init__(self, shard: Shard, lease: Lease, definition: Definition) -> None:
        self.run: Run = shard.run
        self._first = (shard, lease)
        self._shards: list[_ClaimedShard] = []
        self._results: deque[SampleResult] = deque()
        self._items: dict[int, PlannedItem] = {}
        """Items of planned samples by ordinal, until they are written."""
        self._planner = RequestPlanner(self.run, definition)
        self._writer = BatchWriter(self.run)
        self._is_try = self.run.purpose == Run.Purpose.TRY
        self._is_whole = shard.start == 0 and shard.stop >= self.run.samples_total
        """The first shard is the whole run: there is no other to claim."""
        self._no_more_shards = False
        self._fed = 0
        """How many samples went into the evaluation's plan."""
        self._wrote_at = time.monotonic()

    def work(self) -> str:
        """Work until the slice is over or nothing is left; return why it ended."""
        if self._first[0].attempts > MAX_ATTEMPTS:
            states.fail(
                self.run.pk,
                f"Workers died {MAX_ATTEMPTS} times while working on the same "
                f"{self._first[0].stop - self._first[0].start} samples. Retry the run; if it "
                "happens again, tell the administrator.",
            )
            # Not done: after a resume it is tried again.
            give_back(Shard.objects.all(), self._first[1])
            return "poisoned"
        if self.run.state == Run.State.QUEUED:
            states.start(self.run.pk)
        deployment = self.run.contender.deployment
        assert deployment is not None
        assert self.run.grant_id is not None
        metered = runtime.run(
            _caller(self.run.grant_id, deployment.pk, self.run.task_version.private_item_count > 0)
        )
        self._metered = metered
        self._files = StoredFiles()
        sending = AttachingCaller(metered, self._files.load) if self._planner.sends_files else None
        self._caller = ReplayingCaller(sending or metered)
        solver, user = self._solver()
        self._hold(*self._first)
        evaluation = Evaluation(
            self._caller,
            self._results.append,
            window=min(settings.WORKER_WINDOW, deployment.max_concurrency, self.run.samples_total),
            solver=solver,
        )
        future = runtime.submit(evaluation.run())
        is_exhausted = False
        try:
            ending = self._pump(evaluation, future)
            is_exhausted = ending.reason is StopReason.EXHAUSTED
        except LeaseLost:
            log.warning("run %s: lost a lease; leaving its work to the new holder", self.run.pk)
            ending = EvaluationEnd(StopReason.ASKED, "lease lost")
        finally:
            if not future.done():
                runtime.call_soon(evaluation.stop, StopReason.ASKED)
                future.cancel()
            # The remaining work needs neither the last flush nor the lease's return, so they run in
            # parallel.
            released = runtime.submit(_release(metered, user, keeps_ample=is_exhausted))
        self._end(ending, released)
        return f"{ending.reason} {ending.detail}".strip()

    def _solver(self) -> tuple[Solver, GatewayCaller | None]:
        """Return the solver of the samples, and the caller of whoever plays the user."""
        executor = runtime.run(_executor()) if self._planner.needs_sandbox else None
        name = self._planner.user_model
        if not name:
            return (partial(generate, executor=executor) if executor else generate), None
        assert self.run.grant_id is not None
        deployment_id = Deployment.objects.only("id").get(slug=name).pk
        user = runtime.run(
            _caller(self.run.grant_id, deployment_id, self.run.task_version.private_item_count > 0)
        )
        # The same answers on record serve both: their keys differ.
        remembering = ReplayingCaller(user, self._caller)
        return partial(generate, user=remembering, executor=executor), user

    # --- the pump ---------------------------------------------------------------------------

    def _pump(self, evaluation: Evaluation, future: "Future[EvaluationEnd]") -> EvaluationEnd:
        ends_at = time.monotonic() + settings.WORK_SLICE_SECONDS
        keep_every = settings.WORK_LEASE_SECONDS / 3
        kept_at = time.monotonic()
        is_stopping = False
        is_flushed = False
        gives_up_at = float("inf")
        while True:
            # Read before draining: whatever the loop emitted before it ended is then drained.
            is_over = future.done()
            now = time.monotonic()
            if shutting_down.is_set() and gives_up_at == float("inf"):
                gives_up_at = now + _SHUTDOWN_GRACE_SECONDS
            if now > gives_up_at and not is_over:
                # What is in flight still is recorded as the platform's loss.
                return EvaluationEnd(StopReason.ASKED, "worker ends")
            if not is_stopping and not is_over:
                if now > ends_at or shutting_down.is_set():
                    is_stopping = True
                    runtime.call_soon(evaluation.stop, StopReason.ASKED, "slice over")
                else:
                    self._feed(evaluation)
            is_closing = not is_flushed and self._is_all_asked(evaluation)
            if is_closing:
                # Stored while the last calls are in flight, so that little is left to do after, and
                # no call waits meanwhile to go out.
                is_flushed = True
                runtime.submit(self._metered.flush())
            wrote = self._write(is_over=is_over or is_closing)
            if wrote:
                kept_at = now
                if not self._writer.run_goes_on and not is_stopping:
                    is_stopping = True
                    runtime.call_soon(evaluation.stop, StopReason.ASKED, "run stopped")
            elif now - kept_at > keep_every:
                self._keep()
                kept_at = now
                if not self._writer.check_run_goes_on() and not is_stopping:
                    is_stopping = True
                    runtime.call_soon(evaluation.stop, StopReason.ASKED, "run stopped")
            if is_over and not self._results:
                return future.result()
            if not wrote:
                wait([future], timeout=_TICK_SECONDS)

    def _is_all_asked(self, evaluation: Evaluation) -> bool:
        return self._no_more_shards and evaluation.plan.taken == self._fed

    def _feed(self, evaluation: Evaluation) -> None:
        """Keep enough planned ahead of the lanes to last through a slow write."""
        window = settings.WORKER_WINDOW
        while (ahead := self._fed - evaluation.plan.taken) < _WINDOWS_AHEAD * window:
            if not self._may_plan_more(ahead):
                return
            planned = self._plan_more()
            if planned is None:
                if not self._no_more_shards:
                    self._no_more_shards = True
                    runtime.call_soon(evaluation.plan.close)
                return
            if planned:
                self._fed += len(planned)
                runtime.call_soon(evaluation.plan.add, planned)

    def _may_plan_more(self, ahead: int) -> bool:
        """Return whether to continue with a shard in hand, or to claim another now: where there are
        other workers, what is not needed soon is left to them.
        """
        return (
            reports.known_workers() == 1
            or ahead < _WINDOWS_KEPT * settings.WORKER_WINDOW
            or any(not shard.is_planned for shard in self._shards)
        )

    def _plan_more(self) -> list[PlannedSample] | None:
        """Return the next planned samples (a range may have none); None when all are planned."""
        current = next((current for current in self._shards if not current.is_planned), None)
        if current is None:
            if self._is_whole or self._no_more_shards:
                return None
            claimed = claim_further_shard(self.run.pk, has_sandbox=self._planner.needs_sandbox)
            if claimed is None:
                return None
            if reports.known_workers() > 1:
                remind_workers()
            current = self._hold(*claimed)
        start = current.next_ordinal
        stop = min(start + (_LOAD if self._fed else _FIRST_LOAD), current.shard.stop)
        current.next_ordinal = stop
        ordinals = [ordinal for ordinal in range(start, stop) if ordinal not in current.done]
        planned = []
        for ordinal, item in self._planner.items(ordinals, for_scorers=self._writer.needs_columns):
            self._items[ordinal] = item
            self._files.note(item.attachments)
            planned.append(self._planner.plan_sample(ordinal, item))
        self._files.look_up()
        current.outstanding.update(sample.ordinal for sample in planned)
        return planned

    def _hold(self, shard: Shard, lease: Lease) -> _ClaimedShard:
        if lease.is_first and shard.revision == 1:
            claimed_shard = _ClaimedShard(shard, lease, shard.start, set())
            self._shards.append(claimed_shard)
            return claimed_shard
        claimed_shard = _ClaimedShard(shard, lease, shard.start, done_ordinals(self.run, shard))
        self._shards.append(claimed_shard)
        # The worker that had it before may have died or slept: its answers are recorded, though not
        # stored.
        keys = [
            key
            for ordinal in range(shard.start, shard.stop)
            if ordinal not in claimed_shard.done
            for key in self._planner.keys(ordinal)
        ]
        assert self.run.grant_id is not None
        self._caller.remember(dict(recorded_answers(grant_id=self.run.grant_id, keys=keys)))
        return claimed_shard

    # --- writing ----------------------------------------------------------------------------

    def _write(self, *, is_over: bool) -> bool:
        """Store a batch of what came back, once it is worth it; whether something was stored."""
        # Somebody looks at a try's page, and it has few samples.
        is_due = self._is_try or time.monotonic() - self._wrote_at >= _WRITE_SECONDS
        if not (is_over or is_due or len(self._results) >= _BATCH):
            return False
        batch: list[SampleResult] = []
        while self._results and len(batch) < _BATCH:
            batch.append(self._results.popleft())
        if not batch:
            return False
        self._wrote_at = time.monotonic()
        rows = self._writer.prepare(batch, self._items)
        ordinals = {result.ordinal for result in batch}
        concerned = [shard for shard in self._shards if not shard.outstanding.isdisjoint(ordinals)]
        over = [one for one in concerned if one.is_planned and one.outstanding <= ordinals]
        with transaction.atomic():
            kept = [shard.lease for shard in concerned if shard not in over]
            keep_leases(Shard.objects.all(), kept)
            finish_leases(Shard.objects.all(), [shard.lease for shard in over])
            self._writer.write(rows)
        for shard in concerned:
            shard.outstanding -= ordinals
        for ordinal in ordinals:
            del self._items[ordinal]
        for shard in over:
            self._shards.remove(shard)
        for shard in [shard for shard in self._shards if shard.is_finished]:
            # All of it was stored before.
            finish_work(Shard.objects.all(), shard.lease)
            self._shards.remove(shard)
        return True

    def _keep(self) -> None:
        with transaction.atomic():
            keep_leases(Shard.objects.all(), [shard.lease for shard in self._shards])

    # --- the end ----------------------------------------------------------------------------

    def _end(self, ending: EvaluationEnd, released: "Future[None]") -> None:
        if ending.reason is not StopReason.EXHAUSTED:
            # A reader of a paused run's balance must find the lease returned.
            released.result()
        pause = _QUOTA_PAUSE if ending.reason is StopReason.QUOTA else None
        for shard in self._shards:
            if shard.is_finished:
                finish_work(Shard.objects.all(), shard.lease)
            else:
                give_back(Shard.objects.all(), shard.lease, not_before=pause)
        if ending.reason is StopReason.QUOTA:
            # A spend limit does not renew: only the owner can resume such a run.
            is_own = ending.code == "grant-exhausted"
            reason = Run.PauseReason.LIMIT if is_own else Run.PauseReason.QUOTA
            states.change_run(
                self.run.pk,
                "paused",
                detail=ending.detail,
                pause_reason=reason,
                balance_needed=ending.amount,
            )
        elif ending.reason is StopReason.BREAKER:
            states.fail(self.run.pk, f"Every call returned the same error: {ending.detail}")
        known = KnownRun(self.run, self._writer.scorings)
        finish_run_if_done(self.run.pk, known=known, calls_stored=released.result)
