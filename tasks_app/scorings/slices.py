"""Scoring stored outputs: re-scored versions, submitted runs, programs and judges."""

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import F

from plumbmark.common.clock import now
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.storage import bulk
from tasks_app.judges.calls import JudgeCaller, QuotaShort
from tasks_app.kinds import kind_of
from tasks_app.models import (
    Run,
    Sample,
    SampleCall,
    SampleScore,
    Scoring,
    ScoringShard,
)
from tasks_app.runs.batches import SCORE_FIELDS, score_values
from tasks_app.runs.claims import (
    MAX_ATTEMPTS,
    Lease,
    LeaseLost,
    finish_work,
    give_back,
    keep_leases,
)
from tasks_app.runs.planning import planned_items
from tasks_app.runs.states import change_scorings
from tasks_app.scorings.completion import fail_scoring, finish_scoring_if_done
from tasks_app.scorings.output_scorer import ItemVerdict, StoredAnswer
from tasks_app.workers.shutdown import shutting_down

_BATCH = 500
_OUTSIDE_BATCH = 32
"""Fewer if programs run and judges are asked: a batch's programs are lost with its worker."""
_AFTER_CANDIDATES = 1000
"""Positions of judges' calls among a sample's."""


def work_on_scoring(shard: ScoringShard, lease: Lease) -> None:
    """Score one shard of stored samples; the last one completes the scoring."""
    scoring = shard.scoring
    if shard.attempts > MAX_ATTEMPTS:
        fail_scoring(
            scoring,
            f"Workers died {MAX_ATTEMPTS} times while scoring the same "
            f"{shard.stop - shard.start} samples. Tell the administrator.",
        )
        give_back(ScoringShard.objects.all(), lease)
        return
    change_scorings(Scoring.objects.filter(pk=scoring.pk), "started")
    slice_ = _Slice(scoring, lease)
    try:
        is_done = slice_.score(shard.start, shard.stop)
    except LeaseLost:
        return
    except QuotaShort as short:
        give_back(ScoringShard.objects.all(), lease)
        _pause(scoring, short)
        return
    finally:
        slice_.close()
    if is_done:
        finish_work(ScoringShard.objects.all(), lease)
        finish_scoring_if_done(scoring)
    else:
        give_back(ScoringShard.objects.all(), lease)


def _pause(scoring: Scoring, short: QuotaShort) -> None:
    change_scorings(
        Scoring.objects.filter(pk=scoring.pk),
        "paused",
        pause_reason=Run.PauseReason.QUOTA,
        failure=str(short)[:1000],
        balance_needed=short.amount,
    )


class _Slice:
    """One worker's work on a shard of a scoring."""

    def __init__(self, scoring: Scoring, lease: Lease) -> None:
        self._scoring = scoring
        self._lease = lease
        self._scorer = kind_of(scoring.task_version).output_scorer
        self._outside = None if self._scorer.is_pure else JudgeCaller(scoring)
        self._repeats = scoring.run.repeats

    def score(self, start: int, stop: int) -> bool:
        """Score a range of ordinals; return False if it was stopped before their end."""
        size = _BATCH if self._outside is None else _OUTSIDE_BATCH
        for first in range(start, stop, size):
            self._score_range(first, min(first + size, stop))
            if shutting_down.is_set():
                return False
            state = Scoring.objects.filter(pk=self._scoring.pk).values_list("state", flat=True)
            if state.get() != Scoring.State.RUNNING:
                return False
        return True

    def close(self) -> None:
        if self._outside is not None:
            runtime.run(self._outside.close())

    def _score_range(self, start: int, stop: int) -> None:
        scoring, repeats = self._scoring, self._repeats
        scored = SampleScore.objects.filter(scoring=scoring).values("sample_id")
        fields = ["id", "ordinal", "is_scored", "output"]
        if self._scorer.reads_calls:
            fields.append("messages")
        samples = list(
            Sample.objects.filter(run_id=scoring.run_id, ordinal__gte=start, ordinal__lt=stop)
            .exclude(pk__in=scored)
            .values_list(*fields)
        )
        # The scoring version may differ from the one that asked: equal questions, in order.
        items = planned_items(
            scoring.task_version_id,
            start // repeats,
            (stop - 1) // repeats,
            for_scorers=self._outside is not None or self._scorer.needs_columns,
        )
        answers = {
            sample_id: StoredAnswer(ordinal, output, items[ordinal // repeats], *messages)
            for sample_id, ordinal, is_scored, output, *messages in samples
            if is_scored
        }
        verdicts = self._score_answers(list(answers.values()))
        scores = [
            score_values(scoring.pk, sample_id, verdict)
            for sample_id, verdict in zip(answers, verdicts, strict=True)
        ]
        with transaction.atomic():
            keep_leases(ScoringShard.objects.all(), [self._lease])
            bulk.insert(SampleScore, SCORE_FIELDS, scores)
            charged = self._keep_calls({one.ordinal: id_ for id_, one in answers.items()})
            Scoring.objects.filter(pk=scoring.pk).update(
                samples_done=F("samples_done") + len(samples),
                charged=F("charged") + charged,
                heartbeat_at=now(),
            )
        if self._outside is not None:
            self._outside.forget()

    def _keep_calls(self, samples: Mapping[int, int]) -> int:
        """Note the judges' calls beside the candidate's; returns what they were charged."""
        if self._outside is None:
            return 0
        SampleCall.objects.bulk_create(
            SampleCall(sample_id=samples[ordinal], call_id=call_id, role="judge", position=position)
            for ordinal, calls in self._outside.calls.items()
            for position, call_id in enumerate(calls, start=_AFTER_CANDIDATES)
        )
        return self._outside.charged

    def _score_answers(self, answers: Sequence[StoredAnswer]) -> list[ItemVerdict]:
        outside = self._outside
        if outside is None:
            return [self._scorer.score(one.output, one.item, one.messages) for one in answers]
        outside.remember([key for one in answers for key in self._scorer.judge_keys(one.ordinal)])
        marking = self._scorer.score_with_ports(answers, outside)
        # On the process's loop; the lease is kept meanwhile.
        future = runtime.submit(marking)
        try:
            while True:
                try:
                    return future.result(timeout=settings.WORK_LEASE_SECONDS / 3)
                except TimeoutError:
                    with transaction.atomic():
                        keep_leases(ScoringShard.objects.all(), [self._lease])
        finally:
            future.cancel()
