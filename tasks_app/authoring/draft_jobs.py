"""Checking, building and publishing drafts whose data file is large: jobs of a worker.

Small drafts are worked on at once, in the request. Which of the two it is, `is_heavy` says, and
pages and endpoints follow it.
"""

from typing import Any

from plumbmark.accounts.models import User
from plumbmark.background.actions import start_job
from plumbmark.background.kinds import JobResult, record_result
from plumbmark.background.models import Job
from plumbmark.common.errors import Conflict
from plumbmark.common.heavy_work import JOB_BYTES
from plumbmark.manifests import content_hash
from tasks_app.authoring import publication, serializers
from tasks_app.kinds import draft_kind_of
from tasks_app.models import Task, TaskDraft, TaskVersion
from tasks_app.permissions import check_edit

CHECK = "check-draft"
BUILD = "build-version"
PUBLISH = "publish-task"
_DRAFT = ("data_file", "code_file", "task__namespace")


def is_heavy(draft: TaskDraft) -> bool:
    """Return whether its rows are too many for a request."""
    return draft.data_file is not None and draft.data_file.size >= JOB_BYTES


def start_check(
    *, draft: TaskDraft, text: str | None = None, return_url: str = "", by: User
) -> Job:
    """Check all of a draft, or of a text in its place that is not saved."""
    title = f"Check {draft.task.title}"
    return _start(CHECK, title, draft, {"text": text}, return_url, by)


def start_build(*, draft: TaskDraft, return_url: str = "", next_url: str = "", by: User) -> Job:
    """Build a draft as an unpublished version; `next_url` gets its id in place of `{version}`."""
    title = f"Prepare {draft.task.title} for a try"
    return _start(BUILD, title, draft, {"next_url": next_url}, return_url, by)


def start_publication(
    *, draft: TaskDraft, visibility: str | None, notes: str, return_url: str = "", by: User
) -> Job:
    title = f"Publish {draft.task.title}"
    arguments = {"visibility": visibility, "notes": notes}
    return _start(PUBLISH, title, draft, arguments, return_url, by)


def _start(
    kind: str, title: str, draft: TaskDraft, arguments: dict[str, Any], return_url: str, by: User
) -> Job:
    task = draft.task
    check_edit(task, by=by)
    return start_job(
        kind=kind,
        title=title,
        namespace=task.namespace,
        subject=subject_of(task),
        arguments={"task": task.public_id, "draft": _state_of(draft), **arguments},
        return_url=return_url,
        by=by,
    )


def subject_of(task: Task) -> str:
    return f"task:{task.public_id}"


def _state_of(draft: TaskDraft) -> str:
    """Return a hash of what the person saw when they asked for it."""
    file = draft.data_file
    return content_hash([draft.fingerprint, "" if file is None else file.sha256])


def _draft_of(job: Job) -> TaskDraft:
    draft = (
        TaskDraft.objects.select_related(*_DRAFT)
        .filter(task__public_id=job.arguments["task"])
        .first()
    )
    if draft is None:
        raise Conflict("The task no longer exists.")
    check_edit(draft.task, by=job.created_by)
    if _state_of(draft) != job.arguments["draft"]:
        raise Conflict("The draft was changed after this was started. Start it again.")
    return draft


def check_in_job(job: Job) -> JobResult:
    draft = _draft_of(job)
    found = draft_kind_of(draft).check(draft, text=job.arguments["text"])
    items, private = found["items"], found["private_items"]
    return JobResult(
        value=serializers.DraftCheck(found).data,
        message=f"All rows are right: {items:,} items"
        + (f", {private:,} of them private." if private else "."),
        warnings=found["warnings"],
    )


def build_in_job(job: Job) -> JobResult:
    draft = _draft_of(job)
    version = publication.build_version(task=draft.task, by=job.created_by)
    return JobResult(
        value=serializers.TaskVersionDetail(version).data,
        message=f"{version.item_count:,} items are ready.",
        url=job.arguments["next_url"].replace("{version}", version.public_id),
    )


def publish_in_job(job: Job) -> JobResult:
    draft = _draft_of(job)
    published: list[JobResult] = []

    def record(version: TaskVersion) -> None:
        published.append(_describe_version(version))
        record_result(job, published[0])

    publication.publish_task(
        task=draft.task,
        visibility=job.arguments["visibility"],
        notes=job.arguments["notes"],
        by=job.created_by,
        within=record,
    )
    return published[0]


def _describe_version(version: TaskVersion) -> JobResult:
    return JobResult(
        value=serializers.TaskVersionDetail(version).data,
        message=f"Version {version.number} is published.",
        url=version.get_absolute_url(),
    )
