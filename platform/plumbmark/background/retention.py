"""The policy of how long jobs are kept after their end."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from plumbmark.background.models import Job
from plumbmark.common.retention import RetentionPolicy, delete_rows


def _finished_jobs(before: datetime) -> QuerySet[Job]:
    return Job.objects.filter(finished_at__lt=before).order_by("finished_at", "pk")


FINISHED_JOBS = RetentionPolicy(
    "jobs", _("Jobs that have ended"), _finished_jobs, "finished_at", delete_rows
)
