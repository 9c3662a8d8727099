"""Kinds of jobs: each registers the function that does its work, by its dotted name.

Workers load it with the first job of its kind, so that no other process loads what only jobs need.
The function gets the job. It checks once more whether the person may do this, since time has
passed. What it raises as a `DomainError` is told to the person as the job's end. It may run twice
where a worker died, so it either changes nothing until its last transaction, or finds what it did
before. `record_result`, called within that transaction, makes both one step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from django.utils.module_loading import import_string

from plumbmark.background.models import Job


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job that ended well."""

    value: Mapping[str, Any] = field(default_factory=dict)
    """What the API would have answered at once, as plain data."""
    message: str = ""
    """A sentence for people."""
    url: str = ""
    """The page that shows it."""
    warnings: Sequence[str] = ()

    def as_document(self) -> dict[str, Any]:
        return {
            "value": dict(self.value),
            "message": self.message,
            "url": self.url,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class _JobKind:
    work: str
    discard: str


_kinds: dict[str, _JobKind] = {}


def register_job_kind(name: str, work: str, *, discard: str = "") -> None:
    """Register a kind by the dotted names of its functions.

    `work` takes a job and returns a `JobResult`. `discard` takes a job that never began and removes
    what was stored for it.
    """
    _kinds[name] = _JobKind(work, discard)


def do_work(job: Job) -> JobResult:
    work = cast(Callable[[Job], JobResult], import_string(_kinds[job.kind].work))
    return work(job)


def discard_job(job: Job) -> None:
    discard = _kinds[job.kind].discard
    if discard:
        import_string(discard)(job)


class Interrupted(BaseException):
    """The job is no longer this worker's, or this worker ends: stop, and store nothing.

    No `Exception`, so that work which handles its own errors does not take it for one.
    """


def record_result(job: Job, result: JobResult) -> None:
    """Store the result in the transaction of the work, so that no other attempt repeats it.

    Raise `Interrupted`, which undoes the transaction, where the job was cancelled or is another's.
    """
    rows = Job.objects.filter(pk=job.pk, lease_token=job.lease_token)
    if not rows.update(result=result.as_document()):
        raise Interrupted
