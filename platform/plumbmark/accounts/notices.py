"""Mails that tell a person what was changed in their account.

A notice is stored with the change and sent by a job, so that a mail server that is away neither
fails the request nor loses the notice. The row is deleted once the mail is sent.
"""

import logging
from datetime import timedelta

from django.core.mail import send_mail
from django.db.models import Q

from plumbmark.accounts.models import Notice
from plumbmark.common.attempts import attempt_each
from plumbmark.common.clock import now
from plumbmark.common.queue import enqueue

log = logging.getLogger(__name__)

NOTICES_KEPT = timedelta(days=3)
"""How long sending is attempted; after that the news is old."""
_CLAIMED_FOR = timedelta(minutes=5)
"""Longer than a mail takes: of two workers, one sends it."""
MAX_NOTICES_AT_ONCE = 20
"""Of one job: a server that answers nothing costs the worker its time limit for each."""


def queue_notice(*, to: str, subject: str, body: str) -> Notice:
    """Store a mail in the current transaction; it is sent when that commits."""
    notice = Notice.objects.create(to=to, subject=subject, body=body)
    enqueue("accounts.jobs.send_notices")
    return notice


def send_notices() -> int:
    """Send what is due; return how many mails were sent."""
    old = Notice.objects.filter(created_at__lt=now() - NOTICES_KEPT)
    if given_up := old.delete()[0]:
        log.error("%s notices to people could not be sent and are given up", given_up)
    due = Notice.objects.order_by("pk")
    sent = attempt_each(
        "send a notice",
        due,
        _send,
        key=lambda notice: notice.pk,
        max_attempts=None,
        max_items=MAX_NOTICES_AT_ONCE,
    )
    return sum(sent)


def _send(notice: Notice) -> bool:
    """Send the mail outside of any transaction: a slow server must not hold the database."""
    moment = now()
    free = Q(claimed_at=None) | Q(claimed_at__lt=moment - _CLAIMED_FOR)
    if not Notice.objects.filter(free, pk=notice.pk).update(claimed_at=moment):
        return False
    try:
        send_mail(notice.subject, notice.body, None, [notice.to])
    except Exception:
        Notice.objects.filter(pk=notice.pk).update(claimed_at=None)
        raise
    Notice.objects.filter(pk=notice.pk).delete()
    return True
