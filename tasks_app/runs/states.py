"""The states of runs, scorings and shards, and every way from one to another.

Nothing else writes a state. Each change is one conditional update, so that of two who try, one
wins; for runs the winner writes the log line and the outbox event in the same transaction.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from plumbmark.common.clock import now
from plumbmark.common.outbox import record_event
from tasks_app.models import Run, Scoring
from tasks_app.models.leased_work import LeasedWork

MAX_LOG_DETAIL = 500
MAX_FAILURE = 1000


class Transition(NamedTuple):
    """A change of state: where it may begin, and where it leads."""

    sources: frozenset[str]
    target: str


def _from(*sources: str, to: str) -> Transition:
    return Transition(frozenset(sources), to)


_R, _S, _W = Run.State, Scoring.State, LeasedWork.State

RUN_TRANSITIONS: Mapping[str, Transition] = {
    "started": _from(_R.QUEUED, to=_R.RUNNING),
    "paused": _from(_R.QUEUED, _R.RUNNING, to=_R.PAUSED),
    "resumed": _from(_R.PAUSED, _R.FAILED, to=_R.QUEUED),
    "completed": _from(_R.QUEUED, _R.RUNNING, to=_R.COMPLETED),
    "failed": _from(_R.QUEUED, _R.RUNNING, _R.PAUSED, to=_R.FAILED),
    "cancelled": _from(_R.QUEUED, _R.RUNNING, _R.PAUSED, to=_R.CANCELLED),
    "retried": _from(_R.COMPLETED, to=_R.QUEUED),
}
"""By event: the word in the run's log, and `run.<event>` in the outbox.

A queued run can be completed: one that was paused while its last samples came, and resumed.
"""

SCORING_TRANSITIONS: Mapping[str, Transition] = {
    "started": _from(_S.QUEUED, to=_S.RUNNING),
    "paused": _from(_S.RUNNING, to=_S.PAUSED),
    "resumed": _from(_S.PAUSED, to=_S.QUEUED),
    "completed": _from(_S.QUEUED, _S.RUNNING, to=_S.COMPLETED),
    "failed": _from(_S.QUEUED, _S.RUNNING, _S.PAUSED, to=_S.FAILED),
    "cancelled": _from(_S.QUEUED, _S.RUNNING, _S.PAUSED, to=_S.CANCELLED),
    "reopened": _from(_S.FAILED, to=_S.RUNNING),
}

SHARD_TRANSITIONS: Mapping[str, Transition] = {
    "claimed": _from(_W.QUEUED, to=_W.LEASED),
    "finished": _from(_W.LEASED, to=_W.DONE),
    "requeued": _from(_W.LEASED, to=_W.QUEUED),
}

_INLINE = Q(is_inline=True)
_EVERY = Q()
_SCORINGS_THAT_FOLLOW: Mapping[str, tuple[str, Q]] = {
    "started": ("started", _INLINE),
    "failed": ("failed", _INLINE),
    "resumed": ("reopened", _INLINE & Q(revision=F("run__revision"))),
    "cancelled": ("cancelled", _EVERY),
}
"""By the run's event: the event of its scorings, and which of them follow. Inline scorings are the
work of the run's own slices."""


def change_run(
    run_id: int,
    event: str,
    *,
    sources: Collection[str] | None = None,
    detail: str = "",
    **fields: Any,
) -> bool:
    """Move a run along the transition `event`, and its scorings with it.

    `sources` narrows the states that it may come from. `fields` are written with the state. Return
    False, with nothing written, where the run is in none of those states.
    """
    transition = RUN_TRANSITIONS[event]
    with transaction.atomic():
        run = Run.objects.select_for_update().only("id", "state", "log").get(pk=run_id)
        if run.state not in (transition.sources if sources is None else sources):
            return False
        at = now()
        line = {
            "at": at.isoformat(timespec="seconds"),
            "event": event,
            "detail": detail[:MAX_LOG_DETAIL],
        }
        Run.objects.filter(pk=run_id).update(
            state=transition.target, log=[*run.log, line], **fields
        )
        if event in _SCORINGS_THAT_FOLLOW:
            scoring_event, which = _SCORINGS_THAT_FOLLOW[event]
            failure = {"failure": fields["failure"]} if event == "failed" else {}
            change_scorings(Scoring.objects.filter(which, run=run_id), scoring_event, **failure)
        record_event(f"run.{event}", run_id=run_id)
        return True


def start(run_id: int) -> None:
    """Note that a worker has begun on a queued run; nothing is written if it is in another
    state.
    """
    at = now()
    change_run(run_id, "started", heartbeat_at=at, started_at=Coalesce(F("started_at"), at))


def complete(run_id: int, **fields: Any) -> bool:
    """End a run all of whose samples are stored."""
    return change_run(run_id, "completed", finished_at=now(), **fields)


def fail(run_id: int, why: str) -> bool:
    """End a run that cannot go on. What it has stays, and it can be resumed."""
    return change_run(
        run_id,
        "failed",
        detail=why,
        failure=why[:MAX_FAILURE],
        pause_reason="",
        finished_at=now(),
    )


def change_scorings(scorings: "QuerySet[Scoring]", event: str, **fields: Any) -> int:
    """Move scorings along the transition `event`; return how many were in a state for it."""
    transition = SCORING_TRANSITIONS[event]
    if transition.target in {_S.COMPLETED, _S.FAILED, _S.CANCELLED}:
        fields.setdefault("finished_at", now())
    elif event == "started":
        fields.setdefault("started_at", now())
    elif event == "reopened":
        fields |= {"failure": "", "finished_at": None}
    return scorings.filter(state__in=transition.sources).update(state=transition.target, **fields)


def change_shards(shards: "QuerySet[Any]", event: str, **fields: Any) -> int:
    """Move shards of runs or of scorings along the transition `event`; return how many moved.

    Whoever lets go of a lease gives its token and its end up with it.
    """
    transition = SHARD_TRANSITIONS[event]
    if transition.target != LeasedWork.State.LEASED:
        fields |= {"lease_token": None, "lease_expires_at": None}
    return shards.filter(state__in=transition.sources).update(state=transition.target, **fields)
