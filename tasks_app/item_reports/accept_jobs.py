"""Accepting a report on a version with many items: a job of a worker, since all are copied."""

from plumbmark.accounts.models import User
from plumbmark.background.actions import start_job
from plumbmark.background.kinds import JobResult
from plumbmark.background.models import Job
from plumbmark.common.errors import Conflict
from plumbmark.common.heavy_work import HEAVY_ITEMS
from tasks_app.item_reports.actions import accept_report
from tasks_app.item_reports.permissions import can_decide_report
from tasks_app.item_reports.queries import report_at
from tasks_app.models import ItemReport, TaskVersion

ACCEPT = "accept-item-report"


def is_heavy_acceptance(version: TaskVersion) -> bool:
    """Return whether its items are too many to be copied in a request."""
    return version.item_count >= HEAVY_ITEMS


def start_acceptance(*, report: ItemReport, target: object, note: str, by: User) -> Job:
    """Queue the acceptance; the page of the report shows what came of it."""
    if not can_decide_report(by, report) or not report.is_open:
        raise Conflict("This report is not open any more.")
    task = report.version.task
    return start_job(
        kind=ACCEPT,
        title=f"Correct a key of {task.title}",
        namespace=task.namespace,
        subject=f"item-report:{report.public_id}",
        arguments={"report": report.public_id, "target": target, "note": note},
        return_url=report.get_absolute_url(),
        by=by,
    )


def accept_in_job(job: Job) -> JobResult:
    report = report_at(public_id=job.arguments["report"], to=job.created_by)
    if not report.changed_the_key:
        # Otherwise a worker that died after this had done it.
        accept_report(
            report=report,
            target=job.arguments["target"],
            note=job.arguments["note"],
            by=job.created_by,
        )
    assert report.resulting_version is not None
    return JobResult(
        value={"report": report.public_id},
        message=f"Version {report.resulting_version.number} has the corrected key.",
        url=report.get_absolute_url(),
    )
