"""The shards that a run's samples are worked on in."""

from collections.abc import Sequence

from django.conf import settings

from tasks_app.models import Run, Shard
from tasks_app.workers.reports import count_live_workers

_SHARDS_PER_WORKER = 4
"""So that workers that begin later, or are slower, leave the rest to the others."""


def plan_shards(run: Run, spans: Sequence[tuple[int, int]]) -> int:
    """Create the shards of a run's revision over ranges of ordinals, each from its first to before
    its last; return how many there are.
    """
    size = _shard_size(sum(stop - start for start, stop in spans))
    ranges = [
        (first, min(first + size, stop))
        for start, stop in spans
        for first in range(start, stop, size)
    ]
    shards = [
        Shard(
            run=run,
            revision=run.revision,
            index=index,
            start=first,
            stop=stop,
        )
        for index, (first, stop) in enumerate(ranges)
    ]
    Shard.objects.bulk_create(shards)
    return len(shards)


def _shard_size(samples: int) -> int:
    """Return how many samples a shard gets, so that all workers have a share.

    One worker has a window of them in flight at the same time, so fewer in a shard gain nothing.
    Which shard a sample is in changes nothing else: it is no part of the run's record.
    """
    most, window = settings.SHARD_ITEMS, settings.WORKER_WINDOW
    if samples <= min(most, window):
        return most
    workers = count_live_workers()
    if workers == 1:
        return most
    share = -(-samples // (workers * _SHARDS_PER_WORKER))
    return min(most, max(share, window))
