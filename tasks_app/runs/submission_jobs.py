"""Submitted outputs of many items: read, checked and stored by a worker, in a job."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile

from plumbmark.accounts.models import Namespace, User
from plumbmark.background.actions import start_job
from plumbmark.background.kinds import JobResult, record_result
from plumbmark.background.models import Job
from plumbmark.common.errors import Conflict
from plumbmark.common.heavy_work import HEAVY_ITEMS, JOB_BYTES
from tasks_app.datasets.uploads import forget_upload, store_upload
from tasks_app.models import DataFile, Run, TaskVersion
from tasks_app.runs import serializers
from tasks_app.runs.queries import run_at
from tasks_app.runs.submissions import NamedModel, check_submission, submit_file

SUBMIT = "submit-outputs"


def is_heavy(version: TaskVersion, upload: "UploadedFile[bytes] | None") -> bool:
    """Return whether reading the outputs takes longer than a request may."""
    size = 0 if upload is None else upload.size or 0
    return size >= JOB_BYTES or version.item_count * version.repeats >= HEAVY_ITEMS


def start_submission(
    *,
    version: TaskVersion,
    model: NamedModel,
    namespace: Namespace,
    upload: "UploadedFile[bytes] | None" = None,
    rows: Sequence[Mapping[str, Any]] = (),
    return_url: str = "",
    by: User,
) -> Job:
    """Store the outputs as they came, and queue the rest."""
    check_submission(version=version, namespace=namespace, by=by)
    source = store_upload(namespace=namespace, upload=upload or _as_file(rows), by=by)
    try:
        return start_job(
            kind=SUBMIT,
            title=f"Submit outputs of {model.name}",
            namespace=namespace,
            subject=f"task-version:{version.public_id}",
            arguments={
                "version": version.public_id,
                "file": source.public_id,
                "model": [model.name, model.maker, model.description],
            },
            return_url=return_url,
            by=by,
        )
    except BaseException:
        forget_upload(source)
        raise


def _as_file(rows: Sequence[Mapping[str, Any]]) -> "UploadedFile[bytes]":
    lines = "\n".join(json.dumps(row) for row in rows)
    return SimpleUploadedFile("outputs.jsonl", lines.encode())


def submit_in_job(job: Job) -> JobResult:
    version = (
        TaskVersion.objects.select_related("task__namespace")
        .filter(public_id=job.arguments["version"])
        .first()
    )
    source = DataFile.objects.filter(public_id=job.arguments["file"]).first()
    if version is None or source is None:
        raise Conflict("The task or the file no longer exists. Send the outputs again.")
    stored: list[JobResult] = []

    def record(run: Run) -> None:
        stored.append(_describe_submission(run, job.created_by))
        record_result(job, stored[0])

    submit_file(
        version=version,
        model=NamedModel(*job.arguments["model"]),
        namespace=job.namespace,
        source=source,
        by=job.created_by,
        within=record,
    )
    return stored[0]


def _describe_submission(run: Run, by: User) -> JobResult:
    return JobResult(
        value=serializers.RunDetail(run_at(run_id=run.pk, to=by)).data,
        message=f"{run.samples_total:,} outputs are accepted and being scored.",
        url=run.get_absolute_url(),
    )


def discard_submission(job: Job) -> None:
    """Delete the file of a job that was cancelled before it began."""
    source = DataFile.objects.filter(public_id=job.arguments["file"]).first()
    if source is not None:
        forget_upload(source)
