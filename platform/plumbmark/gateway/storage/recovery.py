"""Recovery after a crash: replay the spools of dead processes, then release leases without an
owner.

The order matters. A lease that is swept before its owner's spool is replayed would let the money
be spent twice, so the sweep comes second, and never touches an owner that lives on this host.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError, InterfaceError, OperationalError

from plumbmark.common.attempts import attempt_each
from plumbmark.gateway.budget import ledger
from plumbmark.gateway.models import Call
from plumbmark.gateway.storage import exchanges, spool
from plumbmark.gateway.storage.records import CallRecord
from plumbmark.gateway.storage.spool import AbandonedSpool

log = logging.getLogger(__name__)

_BATCH = 500


@dataclass(frozen=True, slots=True)
class RecoveryCounts:
    """The counts of a recovery."""

    spools: int = 0
    calls: int = 0
    leases: int = 0


def recover(folder: Path) -> RecoveryCounts:
    """Replay every spool on this host that nobody holds, then sweep silent leases.

    Idempotent: a call is known by its id, and a lease goes back once. A spool that cannot be
    replayed keeps no other from it. It is never given up, because it holds answers that were paid.
    """
    replayed = attempt_each(
        "replay a spool",
        spool.find_abandoned(folder),
        _replay_whole,
        key=lambda abandoned: abandoned.owner,
        max_attempts=None,
    )
    calls = sum(one.calls for one in replayed)
    leases = sum(one.leases for one in replayed)
    # The owner of a spool that is left is silent as well, but its calls are not counted yet.
    leases += ledger.sweep_silent(living=spool.owners(folder))
    if replayed or leases:
        log.info(
            "recovered %d spools with %d calls; %d leases given back", len(replayed), calls, leases
        )
    return RecoveryCounts(len(replayed), calls, leases)


def _replay_whole(abandoned: AbandonedSpool) -> RecoveryCounts:
    calls = _replay(abandoned)
    leases = ledger.release_owner(owner=abandoned.owner, reason="its process died")
    abandoned.remove()
    return RecoveryCounts(1, calls, leases)


def _replay(abandoned: AbandonedSpool) -> int:
    count = 0
    batch: list[CallRecord] = []
    for record in abandoned.records():
        if not record.status:
            _mark_lost(record)
        batch.append(record)
        if len(batch) == _BATCH:
            _store(abandoned, batch)
            count += len(batch)
            batch = []
    _store(abandoned, batch)
    return count + len(batch)


def _store(abandoned: AbandonedSpool, batch: list[CallRecord]) -> None:
    exchanges.put_away(batch)
    try:
        ledger.settle(owner=abandoned.owner, records=batch, may_be_stored=True)
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        if len(batch) > 1:
            for record in batch:
                _store(abandoned, [record])
            return
        # One record that the database refuses must not keep all others from being replayed.
        log.exception("call %s cannot be stored; it is kept in a .rejected file", batch[0].id)
        abandoned.reject(batch[0])


def _mark_lost(record: CallRecord) -> None:
    """Mark a call in flight when its process died: the provider may bill it, the payer is not
    charged.
    """
    record.status = Call.Status.LOST
    record.error_code = "process-died"
    record.error_message = "The process died while the call was in flight."
    record.provider_cost = record.hold
