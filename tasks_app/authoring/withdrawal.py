"""Withdrawing the content of a version: what it says goes, what was measured stays.

An owner may have to take data back (a licence, a person's data) although results were published.
Items, answers and exchanges are replaced by the reason; scores, outcomes, costs and all hashes
stay, so that what was published can still be compared with what somebody kept.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.fields.files import FieldFile

from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.outbox import record_event
from plumbmark.common.row_files import release_files, remove_files
from plumbmark.gateway.actions import withhold_exchanges
from plumbmark.gateway.models import Grant
from tasks_app.models import (
    Item,
    LogChunk,
    Run,
    RunArtifact,
    Sample,
    SampleScore,
    Scoring,
    Task,
    TaskVersion,
)
from tasks_app.permissions import can_edit_task
from tasks_app.runs.states import RUN_TRANSITIONS, change_run, change_scorings

MAX_REASON = 500


def withdrawable_versions(task: Task) -> QuerySet[TaskVersion]:
    """Return published versions whose content is still there, newest first."""
    return task.versions.filter(
        state=TaskVersion.State.PUBLISHED, withheld_at__isnull=True
    ).order_by("-number")


def withdraw_content(*, version: TaskVersion, reason: str, by: User) -> TaskVersion:
    """Replace a published version's items, and all that its runs say of them, by a public reason.

    Runs and scorings under way are cancelled. Nothing can be run or scored by it any more.
    """
    if not (by.is_staff or can_edit_task(by, version.task)):
        raise NotAllowed("Only the task's owner or staff may withdraw its content.")
    reason = reason.strip()
    if not reason:
        raise InvalidInput([Problem("say why: the reason is public", "reason")])
    if len(reason) > MAX_REASON:
        raise InvalidInput([Problem(f"must have at most {MAX_REASON} characters", "reason")])
    if version.state != TaskVersion.State.PUBLISHED:
        raise Conflict("Only the content of a published version can be withdrawn.")
    note = {"withheld_at": now(), "withheld_reason": reason}
    with transaction.atomic():
        locked = TaskVersion.objects.select_for_update().get(pk=version.pk)
        if locked.is_withheld:
            raise Conflict("The content of this version has been withdrawn already.")
        TaskVersion.objects.filter(pk=version.pk).update(**note)
        _cancel_work(version, reason)
        Item.objects.filter(version=version).update(
            input={}, target=None, scorer_input={}, choices=None, attachments=[], **note
        )
        version.attachment_uses.all().delete()
        files = _withhold_outputs(version, note)
        audit.record(
            "withdraw-content",
            f"task:{version.task.public_id}",
            by=by,
            version=version.number,
            reason=reason,
        )
        record_event("task.withdrawn", task_id=version.task_id, version_id=version.pk)
    remove_files(files)
    version.refresh_from_db()
    return version


def _cancel_work(version: TaskVersion, reason: str) -> None:
    unfinished = RUN_TRANSITIONS["cancelled"].sources
    for run_id in Run.objects.filter(task_version=version, state__in=unfinished).values_list(
        "pk", flat=True
    ):
        detail = f"the content of its task was withdrawn: {reason}"
        change_run(run_id, "cancelled", detail=detail, pause_reason="", finished_at=now())
    change_scorings(Scoring.objects.filter(run__task_version=version), "cancelled")


def _withhold_outputs(version: TaskVersion, note: Mapping[str, Any]) -> list[FieldFile]:
    """Clear what runs of the version say of its items; return the files to remove."""
    samples = Sample.objects.filter(run__task_version=version)
    samples.update(output="", messages=None, error="", **note)
    SampleScore.objects.filter(sample__run__task_version=version).update(
        answer="", explanation="", details={}
    )
    LogChunk.objects.filter(run__task_version=version).delete()
    artifacts = RunArtifact.objects.filter(run__task_version=version)
    files = [artifact.file for artifact in artifacts]
    release_files(files)
    artifacts.delete()
    of_runs = Grant.objects.filter(run__task_version=version)
    of_scorings = Grant.objects.filter(scoring__run__task_version=version)
    grant_ids = [grant.pk for grant in (*of_runs, *of_scorings)]
    withhold_exchanges(grant_ids=grant_ids, reason=note["withheld_reason"])
    return files
