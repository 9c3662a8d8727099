"""Claiming, renewing and returning leased work.

The database is the truth: a claim is a conditional update, a lease ends by the database's clock,
and every writer proves in the same transaction that the lease is still its own.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from plumbmark.common.clock import database_now
from tasks_app.models import Run, Scoring, ScoringShard, Shard, TaskVersion
from tasks_app.models.leased_work import LeasedWork
from tasks_app.runs.states import change_shards

MAX_ATTEMPTS = 5
"""Claims of one shard that end without a word before its run is failed."""

_CANDIDATES = 8


class LeaseLost(Exception):
    """Another worker has the work by now: write nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Proof that this worker has the lease of a piece of work."""

    id: int
    token: UUID
    is_first: bool = False
    """No worker had it before: none of it can have been asked or stored."""


def lease_duration() -> timedelta:
    return timedelta(seconds=settings.WORK_LEASE_SECONDS)


def claim_shard(
    *,
    not_of: Collection[int] = (),
    takes_code: bool = False,
    has_sandbox: bool = False,
) -> tuple[Shard, Lease] | None:
    """Take the next shard of a run by the fair policy, or None where nothing is due.

    `not_of` names runs to leave aside. Programs are left to others unless it `takes_code`, and runs
    whose tools run code unless it `has_sandbox`.

    Fair: namespaces with the fewest shards being worked on come first, then tries (somebody is
    waiting at the page), then the older run.
    """
    due = _due_of_runs(has_sandbox=has_sandbox)
    if not takes_code:
        due = due.exclude(run__task_version__kind=TaskVersion.Kind.CODE)
    if not_of:
        due = due.exclude(run_id__in=not_of)
    busy = (
        Shard.objects.filter(
            run__namespace_id=OuterRef("run__namespace_id"), state=Shard.State.LEASED
        )
        .order_by()
        .values("run__namespace_id")
        .annotate(n=Count("id"))
        .values("n")
    )
    due = due.annotate(
        busy=Coalesce(Subquery(busy, output_field=IntegerField()), 0),
        urgency=Case(When(run__purpose=Run.Purpose.TRY, then=0), default=1),
    ).order_by("busy", "urgency", "run_id", "index")
    of_run = Shard.objects.select_related("run__task_version", "run__contender__deployment")
    return _first_taken(due, of_run)


def claim_further_shard(run_id: int, *, has_sandbox: bool) -> tuple[Shard, Lease] | None:
    """Take the next shard of a run that the caller works on already, or None."""
    due = _due_of_runs(has_sandbox=has_sandbox).filter(run_id=run_id).order_by("index")
    return _first_taken(due, Shard.objects.all())


def _due_of_runs(*, has_sandbox: bool) -> "QuerySet[Shard]":
    due: QuerySet[Shard] = _due(Shard.objects.all()).filter(
        run__state__in=[Run.State.QUEUED, Run.State.RUNNING], revision=F("run__revision")
    )
    return due if has_sandbox else due.filter(run__needs_sandbox=False)


def _first_taken(due: "QuerySet[Shard]", found: "QuerySet[Shard]") -> tuple[Shard, Lease] | None:
    """Take the first of those due that no one else takes meanwhile, as `found` reads it."""
    for shard_id, held_at in due.values_list("id", "heartbeat_at")[:_CANDIDATES]:
        lease = _take(Shard.objects.all(), shard_id, is_first=held_at is None)
        if lease is not None:
            return found.get(pk=shard_id), lease
    return None


def claim_scoring_shard(*, has_sandbox: bool) -> tuple[ScoringShard, Lease] | None:
    """Take the next shard of a scoring: the oldest scoring first.

    Without a sandbox, what needs one is left to other workers.
    """
    due = _due(ScoringShard.objects.all()).filter(
        scoring__state__in=[Scoring.State.QUEUED, Scoring.State.RUNNING]
    )
    if not has_sandbox:
        due = due.filter(scoring__needs_sandbox=False)
    for shard_id in due.order_by("scoring_id", "index").values_list("id", flat=True)[:_CANDIDATES]:
        lease = _take(ScoringShard.objects.all(), shard_id)
        if lease is not None:
            shard = ScoringShard.objects.select_related("scoring__run", "scoring__task_version")
            return shard.get(pk=shard_id), lease
    return None


def _due(work: "QuerySet[Any]") -> "QuerySet[Any]":
    return work.filter(state=LeasedWork.State.QUEUED).filter(
        Q(not_before__isnull=True) | Q(not_before__lte=database_now())
    )


def _take(work: "QuerySet[Any]", work_id: int, *, is_first: bool = False) -> Lease | None:
    token = uuid4()
    shard = work.filter(pk=work_id)
    if is_first:
        # Another worker may have had it and returned it since the query.
        shard = shard.filter(heartbeat_at=None)
    taken = change_shards(
        shard,
        "claimed",
        lease_token=token,
        lease_expires_at=database_now(lease_duration()),
        heartbeat_at=database_now(),
        attempts=F("attempts") + 1,
    )
    return Lease(work_id, token, is_first) if taken else None


def keep_leases(work: "QuerySet[Any]", leases: Collection[Lease]) -> None:
    """Prove and prolong every lease, inside the caller's transaction; `LeaseLost` otherwise."""
    for lease in leases:
        renewed = work.filter(
            pk=lease.id,
            lease_token=lease.token,
            state=LeasedWork.State.LEASED,
            lease_expires_at__gt=database_now(),
        ).update(
            lease_expires_at=database_now(lease_duration()),
            heartbeat_at=database_now(),
        )
        if not renewed:
            raise LeaseLost(f"lease on {work.model.__name__} {lease.id} is gone")


def finish_work(work: "QuerySet[Any]", lease: Lease) -> bool:
    """Set the work to done if it is still ours; return whether it was."""
    return bool(change_shards(work.filter(pk=lease.id, lease_token=lease.token), "finished"))


def give_back(work: "QuerySet[Any]", lease: Lease, *, not_before: timedelta | None = None) -> None:
    """Put unfinished work back in order: this was no failed attempt."""
    change_shards(
        work.filter(pk=lease.id, lease_token=lease.token),
        "requeued",
        attempts=0,
        not_before=database_now(not_before) if not_before else None,
    )


def requeue_expired(work: "QuerySet[Any]") -> int:
    """Put back work whose holder fell silent; returns how much."""
    return change_shards(work.filter(lease_expires_at__lte=database_now()), "requeued")
