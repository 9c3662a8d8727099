"""Jobs of benchmarks."""

from celery import shared_task

from benchmarks_app.actions.corrections import follow_report
from benchmarks_app.subscribers import FOLLOW
from plumbmark.common.attempts import attempt_each
from tasks_app.item_reports.queries import unfollowed_reports


@shared_task(name=FOLLOW)
def follow_corrections() -> int:
    """Publish the next versions of benchmarks whose tasks had a key corrected, once all stored
    outputs are scored anew; return how many.
    """
    published = attempt_each(
        "follow a corrected key",
        unfollowed_reports(),
        follow_report,
        key=lambda report: report.public_id,
        max_attempts=None,
    )
    return sum(len(versions) for versions in published)
