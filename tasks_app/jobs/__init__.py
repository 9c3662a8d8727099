"""Celery jobs of running and scoring. The entry points are in `bells`."""

from tasks_app.jobs.bells import ring_workers, sweep, work

__all__ = ["ring_workers", "sweep", "work"]
