"""Claiming, renewing and returning leased work.

The database is the truth: a claim is a conditional update, a lease ends by the database's clock,
and every writer proves in the same transaction that the lease is still its own.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Case, Count, F, Min, Q, QuerySet, When

from plumbmark.common.clock import database_now
from plumbmark.web.compiled_queries import CompiledModelQuery, CompiledRowsQuery
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
    queries = _queries_of_claim(takes_code, has_sandbox, len(not_of))
    left_aside = queries.left_aside(not_of)
    groups = sorted(queries.groups.rows(**left_aside), key=_fair_order(_busy_namespaces()))
    for namespace, urgency, _ in groups:
        wanted = {**left_aside, "namespace": namespace, "urgency": urgency}
        for shard_id, held_at in queries.shards.rows(**wanted):
            lease = _take(Shard.objects.all(), shard_id, is_first=held_at is None)
            if lease is not None:
                shard = _CLAIMED.first(pk=shard_id)
                assert shard is not None
                return shard, lease
    return None


_CLAIMED = CompiledModelQuery(
    lambda pk: Shard.objects.select_related(
        "run__task_version", "run__contender__deployment"
    ).filter(pk=pk),
    numbers=("pk",),
)


@dataclass(frozen=True, slots=True)
class _ClaimQueries:
    """The queries of a claim, compiled once for each kind of worker."""

    groups: CompiledRowsQuery
    """Namespace, urgency and first run of what is due."""
    shards: CompiledRowsQuery
    """The first shards of one namespace and urgency, with the time they were held at."""
    places: int
    """Of runs that are left aside."""

    def left_aside(self, runs: Collection[int]) -> dict[str, int]:
        ids = [*runs, *([0] * (self.places - len(runs)))]
        return {f"run{number}": run_id for number, run_id in enumerate(ids)}


@cache
def _compiled_queries(takes_code: bool, has_sandbox: bool, places: int) -> _ClaimQueries:
    runs = [f"run{number}" for number in range(places)]

    def due(left_aside: Mapping[str, int]) -> Any:
        found = _due_of_runs(has_sandbox=has_sandbox).annotate(
            urgency=Case(When(run__purpose=Run.Purpose.TRY, then=0), default=1)
        )
        if not takes_code:
            found = found.exclude(run__task_version__kind=TaskVersion.Kind.CODE)
        return found.exclude(run_id__in=list(left_aside.values()))

    def groups(**left_aside: int) -> Any:
        of_namespaces = due(left_aside).order_by().values("run__namespace_id", "urgency")
        return of_namespaces.annotate(first=Min("run_id")).values_list(
            "run__namespace_id", "urgency", "first"
        )

    def shards(namespace: int, urgency: int, **left_aside: int) -> Any:
        return (
            due(left_aside)
            .filter(run__namespace_id=namespace, urgency=urgency)
            .order_by("run_id", "index")
            .values_list("id", "heartbeat_at")
        )

    return _ClaimQueries(
        CompiledRowsQuery(groups, *runs),
        CompiledRowsQuery(shards, "namespace", "urgency", *runs, most=_CANDIDATES),
        places,
    )


def _queries_of_claim(takes_code: bool, has_sandbox: bool, left_aside: int) -> _ClaimQueries:
    # Few different numbers of places, so that few queries are compiled.
    places = max(4, 1 << (left_aside - 1).bit_length()) if left_aside else 4
    return _compiled_queries(takes_code, has_sandbox, places)


def _fair_order(busy: Mapping[int, int]) -> Callable[[tuple[Any, ...]], tuple[int, ...]]:
    def order(group: tuple[Any, ...]) -> tuple[int, ...]:
        namespace, urgency, first_run = group
        return busy.get(namespace, 0), urgency, first_run

    return order


def _busy_of_all() -> "QuerySet[Any, Any]":
    leased = Shard.objects.filter(state=Shard.State.LEASED).order_by()
    counts = leased.values("run__namespace_id").annotate(n=Count("id"))
    return counts.values_list("run__namespace_id", "n")


_BUSY = CompiledRowsQuery(_busy_of_all)


def _busy_namespaces() -> dict[int, int]:
    """Return how many shards of each namespace are being worked on.

    Counted once for a claim. In the query of what is due, it would be counted for each shard there.
    """
    return dict(_BUSY.rows())


def claim_further_shard(run_id: int, *, has_sandbox: bool) -> tuple[Shard, Lease] | None:
    """Take the next shard of a run that the caller works on already, or None."""
    due = _due_of_runs(has_sandbox=has_sandbox).filter(run_id=run_id).order_by("index")
    return _first_taken(due, Shard.objects.all())


def something_is_due() -> bool:
    """Return whether any shard is due, for whichever worker."""
    return _due_of_runs(has_sandbox=True).exists() or _due_of_scorings(has_sandbox=True).exists()


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
    for (shard_id,) in _SCORINGS_DUE[has_sandbox].rows():
        lease = _take(ScoringShard.objects.all(), shard_id)
        if lease is not None:
            shard = ScoringShard.objects.select_related("scoring__run", "scoring__task_version")
            return shard.get(pk=shard_id), lease
    return None


def _due_of_scorings(*, has_sandbox: bool) -> "QuerySet[ScoringShard]":
    due: QuerySet[ScoringShard] = _due(ScoringShard.objects.all()).filter(
        scoring__state__in=[Scoring.State.QUEUED, Scoring.State.RUNNING]
    )
    return due if has_sandbox else due.filter(scoring__needs_sandbox=False)


def _first_due_of_scorings(has_sandbox: bool) -> CompiledRowsQuery:
    def due() -> "QuerySet[Any, Any]":
        found = _due_of_scorings(has_sandbox=has_sandbox).order_by("scoring_id", "index")
        return found.values_list("id")

    return CompiledRowsQuery(due, most=_CANDIDATES)


_SCORINGS_DUE = {has_sandbox: _first_due_of_scorings(has_sandbox) for has_sandbox in (True, False)}


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
        renewed = _valid(work, lease).update(
            lease_expires_at=database_now(lease_duration()),
            heartbeat_at=database_now(),
        )
        if not renewed:
            raise LeaseLost(f"lease on {work.model.__name__} {lease.id} is gone")


def finish_leases(work: "QuerySet[Any]", leases: Collection[Lease]) -> None:
    """Prove every lease and set its work to done, inside the transaction that stores the last of
    it; `LeaseLost` otherwise.
    """
    for lease in leases:
        if not change_shards(_valid(work, lease), "finished", heartbeat_at=database_now()):
            raise LeaseLost(f"lease on {work.model.__name__} {lease.id} is gone")


def _valid(work: "QuerySet[Any]", lease: Lease) -> "QuerySet[Any]":
    return work.filter(
        pk=lease.id,
        lease_token=lease.token,
        state=LeasedWork.State.LEASED,
        lease_expires_at__gt=database_now(),
    )


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
