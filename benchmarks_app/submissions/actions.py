"""Submitting one model's outputs to all tasks: all of them, or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from benchmarks_app.actions.entries import enter
from benchmarks_app.models import BenchmarkTask, BenchmarkVersion, Entry
from benchmarks_app.permissions import can_enter
from benchmarks_app.queries import members_of
from benchmarks_app.submissions.queries import answered_tasks
from benchmarks_app.submissions.reading import (
    Outputs,
    RowsByTask,
    read_rows_by_task,
    read_submission,
)
from plumbmark.accounts.models import Namespace, User
from plumbmark.common import audit
from plumbmark.common.errors import Conflict, NotAllowed
from plumbmark.common.progress import report_progress
from tasks_app.datasets.uploads import data_limits, forget_upload, local_copy, store_upload
from tasks_app.models import DataFile, Run
from tasks_app.runs.contenders import submitted_contender
from tasks_app.runs.submissions import NamedModel, check_submission, store_submission


@dataclass(frozen=True, slots=True)
class WholeSubmission:
    """A contender's entry, and the run of each task."""

    entry: Entry
    runs: Sequence[Run]


def submit_to_all(
    *,
    version: BenchmarkVersion,
    model: NamedModel,
    namespace: Namespace,
    upload: "UploadedFile[bytes] | None" = None,
    rows: RowsByTask | None = None,
    by: User,
) -> WholeSubmission:
    """Create a declared run for each task of the benchmark, and enter the contender.

    The file is a ZIP with one file for each task, or rows with a column `task`; `rows` come in
    place of it.
    """
    check_whole_submission(version=version, namespace=namespace, by=by)
    if upload is None:
        members = list(members_of(version))
        outputs = read_rows_by_task(rows or {}, tasks=answered_tasks(members), limits=data_limits())
        with transaction.atomic():
            return _store(version, members, model, namespace, outputs, None, by)
    source = store_upload(namespace=namespace, upload=upload, by=by)
    return submit_stored_file(
        version=version, model=model, namespace=namespace, source=source, by=by
    )


def check_whole_submission(*, version: BenchmarkVersion, namespace: Namespace, by: User) -> None:
    """Refuse with the reason what cannot be submitted, whatever the file holds."""
    if not can_enter(by, version):
        raise NotAllowed("You may not enter contenders into this benchmark.")
    for member in members_of(version):
        try:
            check_submission(version=member.task_version, namespace=namespace, by=by)
        except Conflict as error:
            title = member.task_version.task.title
            raise Conflict(f"{title}: {error.message}", code=error.code) from error


def submit_stored_file(
    *,
    version: BenchmarkVersion,
    model: NamedModel,
    namespace: Namespace,
    source: DataFile,
    by: User,
    within: Callable[[WholeSubmission], None] | None = None,
) -> WholeSubmission:
    """Do the same with a file that is stored already; it goes again where it is refused.

    `within` is called in the transaction that creates the runs.
    """
    try:
        check_whole_submission(version=version, namespace=namespace, by=by)
        members = list(members_of(version))
        with local_copy(source) as path:
            outputs = read_submission(
                path, name=source.name, tasks=answered_tasks(members), limits=data_limits()
            )
        report_progress("Storing outputs")
        with transaction.atomic():
            done = _store(version, members, model, namespace, outputs, source, by)
            if within is not None:
                within(done)
    except BaseException:
        forget_upload(source)
        raise
    return done


def _store(
    version: BenchmarkVersion,
    members: Sequence[BenchmarkTask],
    model: NamedModel,
    namespace: Namespace,
    outputs: Outputs,
    source: DataFile | None,
    by: User,
) -> WholeSubmission:
    contender = submitted_contender(
        namespace=namespace,
        label=model.name,
        maker=model.maker,
        description=model.description,
        by=by,
    )
    runs = [
        store_submission(
            version=member.task_version,
            contender=contender,
            namespace=namespace,
            outputs=outputs[number],
            source=source,
            by=by,
        )
        for number, member in enumerate(members, start=1)
    ]
    entry = enter(version=version, contender=contender, by=by)
    audit.record(
        "submit-to-benchmark",
        f"benchmark:{version.benchmark.public_id}",
        by=by,
        contender=contender.public_id,
        runs=[run.pk for run in runs],
    )
    return WholeSubmission(entry, runs)
