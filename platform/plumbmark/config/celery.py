"""The Celery app. Jobs are found in each app's `jobs` module."""

import gc
import os
import sys
from typing import Any

from celery import Celery, Task
from celery.signals import task_postrun, task_prerun, worker_init, worker_ready
from django.db import close_old_connections

from plumbmark.common.call_stack import call_on_long_stack
from plumbmark.common.queue import enqueue
from plumbmark.config import file_queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")


class LongStackTask(Task):  # type: ignore[type-arg]
    """A job with memory of its own for the frames of its calls."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return call_on_long_stack(self.run, *args, **kwargs)


file_queue.use()
app = Celery("plumbmark", task_cls=LongStackTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(related_name="jobs")


@task_prerun.connect
@task_postrun.connect
def _close_broken_connections(**_signal: Any) -> None:
    close_old_connections()


@worker_init.connect
def _switch_threads_often(**_signal: Any) -> None:
    """Switch threads often: a worker's event loop shares the interpreter with threads that compute.

    At the default of 5 ms the loop waits that long after each of its system calls.
    """
    sys.setswitchinterval(0.0005)


@worker_ready.connect
def _leave_what_stays_out_of_collections(**_signal: Any) -> None:
    """Exclude from collections the few hundred thousand objects that stay for a worker's life.

    Looking through them all, as the oldest generation's collections do, stops every call in flight
    for a tenth of a second.
    """
    gc.collect()
    gc.freeze()


@worker_ready.connect
def _index_the_guides(**_signal: Any) -> None:
    """Index the guides, which are those of the release that starts here."""
    enqueue("leaderboards_app.jobs.index_guides", merges=True)
