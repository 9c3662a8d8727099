"""Who sees a job and who may cancel it. Its result can hold private items, so these are few."""

from plumbmark.accounts.permissions import Visitor, can_act_for
from plumbmark.background.models import Job


def can_control_job(visitor: Visitor, job: Job) -> bool:
    return can_act_for(visitor, job.namespace)
