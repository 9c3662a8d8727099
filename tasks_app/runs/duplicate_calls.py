"""Samples based on a duplicate answer to a question.

A worker that slept through its lease may store, when it wakes, an answer to a question that its
successor asked again. If it is stored first, it is the one that is paid, and the successor's, which
the sample uses, is a duplicate that costs nothing. The sample then refers to both calls, so that
its cost is what was charged and every paid call is found from a sample.
"""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Sum

from plumbmark.common.attempts import attempt_each
from plumbmark.common.clock import now
from plumbmark.gateway.models import Call
from tasks_app.models import Run, Sample, SampleCall, Shard

_LOOKED_AT_FOR = timedelta(minutes=2)
"""So long after a run's end; records follow their answers within seconds."""


def account_for_recent_ones() -> None:
    """Look at runs that ended just now and of which a shard had more than one holder."""
    held_again = Shard.objects.filter(run=OuterRef("pk"), attempts__gt=1)
    recent = Run.objects.filter(Exists(held_again), finished_at__gte=now() - _LOOKED_AT_FOR)
    attempt_each(
        "account for second answers",
        list(recent.values_list("pk", flat=True)),
        account_for_second_answers,
    )


def account_for_second_answers(run_id: int) -> int:
    """Link the paid answers to the samples that rest on duplicates; returns how many samples."""
    with transaction.atomic():
        # Two concurrent readers would count the difference twice.
        run = Run.objects.select_for_update().only("id", "grant").get(pk=run_id)
        linked = SampleCall.objects.filter(
            sample__run=run, call__is_duplicate=True, call__status=Call.Status.ANSWERED
        )
        keys = dict(linked.values_list("call__key", "sample_id"))
        first = Call.objects.filter(
            grant=run.grant_id,
            key__in=list(keys),
            status=Call.Status.ANSWERED,
            is_duplicate=False,
        ).exclude(pk__in=SampleCall.objects.filter(sample__run=run).values("call_id"))
        found = 0
        for call_id, key in first.values_list("pk", "key"):
            _link(run.pk, keys[key], call_id)
            found += 1
    return found


def _link(run_id: int, sample_id: int, call_id: UUID) -> None:
    calls = SampleCall.objects.filter(sample=sample_id)
    last = calls.aggregate(last=Max("position"))["last"]
    SampleCall.objects.create(
        sample_id=sample_id,
        call_id=call_id,
        role=SampleCall.EARLIER_TRY,
        position=(last or 0) + 1,
    )
    before = Sample.objects.values_list("charged", flat=True).get(pk=sample_id)
    charged = calls.aggregate(charged=Sum("call__charged"))["charged"] or 0
    Sample.objects.filter(pk=sample_id).update(charged=charged)
    Run.objects.filter(pk=run_id).update(charged=F("charged") + charged - before)
