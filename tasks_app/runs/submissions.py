"""Submitted outputs: for models that no API reaches."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

import plumbmark
from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, NotAllowed
from plumbmark.common.outbox import record_event
from plumbmark.common.progress import report_progress
from plumbmark.engine import ENGINE_VERSION
from plumbmark.scoring.outcomes import Outcome
from tasks_app.datasets.uploads import data_limits, forget_upload, local_copy, store_upload
from tasks_app.kinds import kind_of
from tasks_app.models import Contender, DataFile, Item, Run, Sample, TaskVersion
from tasks_app.permissions import can_run_version, check_content
from tasks_app.runs.contenders import submitted_contender
from tasks_app.runs.output_files import (
    SubmittedOutput,
    outputs_from,
    read_outputs,
)
from tasks_app.scorings.plans import queue_scoring
from tasks_app.workers.reports import check_answers_can_be_run

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class NamedModel:
    """The model whose outputs they are, as the person calls it."""

    name: str
    maker: str = ""
    description: str = ""


def submit_outputs(
    *,
    version: TaskVersion,
    model_name: str,
    maker: str = "",
    description: str = "",
    namespace: Namespace,
    upload: "UploadedFile[bytes] | None" = None,
    rows: Iterable[Mapping[str, Any]] | None = None,
    by: User,
) -> Run:
    """Create a declared run from outputs in a file or in `rows`, scored by the platform's scorers.

    Only public items can be answered from outside, so a version with private items accepts none.
    """
    check_submission(version=version, namespace=namespace, by=by)
    model = NamedModel(model_name, maker, description)
    if upload is None:
        read = partial(outputs_from, iter(rows or ()))
        return _submit(version, model, namespace, read, source=None, by=by)
    source = store_upload(namespace=namespace, upload=upload, by=by)
    return submit_file(version=version, model=model, namespace=namespace, source=source, by=by)


def submit_file(
    *,
    version: TaskVersion,
    model: "NamedModel",
    namespace: Namespace,
    source: DataFile,
    by: User,
    within: Callable[[Run], None] | None = None,
) -> Run:
    """Do the same with a file that is stored already; it goes again where it is refused.

    `within` is called with the run in the transaction that creates it.
    """
    check_submission(version=version, namespace=namespace, by=by)
    try:
        with local_copy(source) as path:
            read = partial(read_outputs, path, name=source.name)
            return _submit(version, model, namespace, read, source=source, by=by, within=within)
    except BaseException:
        forget_upload(source)
        raise


def check_submission(*, version: TaskVersion, namespace: Namespace, by: User) -> None:
    """Refuse with the reason what cannot be submitted, whatever the file holds."""
    if not can_run_version(by, version):
        raise NotAllowed("You may not submit outputs to this task.")
    if not can_act_for(by, namespace):
        raise NotAllowed(f"You may not submit outputs on behalf of {namespace.handle}.")
    if version.state != TaskVersion.State.PUBLISHED:
        raise Conflict("Only a published version can have submitted outputs.")
    check_content(version)
    kind = kind_of(version)
    kind.check_submission()
    if kind.output_scorer.needs_sandbox:
        check_answers_can_be_run()
    if version.private_item_count:
        raise Conflict("This task has private items, so outputs cannot be submitted to it.")


def _submit(
    version: TaskVersion,
    model: "NamedModel",
    namespace: Namespace,
    read: Callable[..., list[SubmittedOutput]],
    *,
    source: DataFile | None,
    by: User,
    within: Callable[[Run], None] | None = None,
) -> Run:
    positions = dict(
        Item.objects.filter(version=version).order_by("position").values_list("key", "position")
    )
    outputs = read(positions=positions, repeats=version.repeats, limits=data_limits())
    report_progress("Storing outputs")
    with transaction.atomic():
        contender = submitted_contender(
            namespace=namespace,
            label=model.name,
            maker=model.maker,
            description=model.description,
            by=by,
        )
        run = store_submission(
            version=version,
            contender=contender,
            namespace=namespace,
            outputs=outputs,
            source=source,
            by=by,
        )
        if within is not None:
            within(run)
    return run


def store_submission(
    *,
    version: TaskVersion,
    contender: Contender,
    namespace: Namespace,
    outputs: list[SubmittedOutput],
    source: DataFile | None,
    by: User,
) -> Run:
    """Create the run of outputs that were read and checked, in the caller's transaction."""
    at = now()
    run = Run.objects.create(
        task_version=version,
        contender=contender,
        namespace=namespace,
        started_by=by,
        purpose=Run.Purpose.DECLARED,
        state=Run.State.RUNNING,
        source_file=source,
        question_hash=version.question_hash,
        marking_hash=version.marking_hash,
        engine_version=ENGINE_VERSION,
        scorer_versions=kind_of(version).output_scorer.versions,
        platform_version=plumbmark.__version__,
        item_count=version.item_count,
        repeats=version.repeats,
        samples_total=len(outputs),
        samples_done=len(outputs),
        started_at=at,
        log=[{"at": at.isoformat(timespec="seconds"), "event": "submitted", "detail": ""}],
    )
    _store(run, outputs)
    queue_scoring(run=run, version=version, by=by)
    audit.record("submit-outputs", f"run:{run.pk}", by=by)
    record_event("run.queued", run_id=run.pk)
    return run


def _store(run: Run, outputs: list[SubmittedOutput]) -> None:
    items = dict(Item.objects.filter(version_id=run.task_version_id).values_list("position", "id"))
    at = now()
    for start in range(0, len(outputs), _CHUNK):
        Sample.objects.bulk_create(
            Sample(
                run=run,
                item_id=items[one.ordinal // run.repeats],
                repeat=one.ordinal % run.repeats,
                ordinal=one.ordinal,
                outcome=(Outcome.ANSWERED if one.output.strip() else Outcome.EMPTY).value,
                is_scored=True,
                output=one.output,
                finished_at=at,
            )
            for one in outputs[start : start + _CHUNK]
        )
