"""Jobs of the gateway, and the end of the worker's gateway with its process."""

from typing import Any

from celery import shared_task
from celery.signals import worker_process_shutdown, worker_shutdown
from django.conf import settings

from plumbmark.gateway.calls import runtime
from plumbmark.gateway.storage import exchanges, recovery, spool


@shared_task(name="gateway.jobs.sweep_leases")
def sweep_leases() -> int:
    """Replay the spools of dead processes on this host, then give back what nobody owns."""
    spool.prepare(settings.SPOOL_DIR)
    done = recovery.recover(settings.SPOOL_DIR)
    return done.calls + done.leases


@shared_task(name="gateway.jobs.sweep_exchange_objects")
def sweep_exchange_objects() -> int:
    """Let the bytes of erased exchanges go from the storage beside the database."""
    done = exchanges.sweep()
    return done.removed


@worker_process_shutdown.connect  # a child of a prefork pool, which ends without `atexit`
@worker_shutdown.connect  # a pool of threads, in the worker's own process
def _end_gateway(**_signal: Any) -> None:
    runtime.shutdown()
