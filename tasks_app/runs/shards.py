"""The shards that a run's samples are worked on in."""

from django.conf import settings

from tasks_app.models import Run, Shard


def plan_shards(run: Run, start: int, stop: int) -> None:
    """Create the shards of a run's revision over the ordinals from `start` to before `stop`."""
    size = settings.SHARD_ITEMS
    Shard.objects.bulk_create(
        Shard(
            run=run,
            revision=run.revision,
            index=index,
            start=first,
            stop=min(first + size, stop),
        )
        for index, first in enumerate(range(start, stop, size))
    )


def count_shards(run: Run) -> int:
    """Return how many shards all samples of a run fill."""
    return -(-run.samples_total // settings.SHARD_ITEMS)
