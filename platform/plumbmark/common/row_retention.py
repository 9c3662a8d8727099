"""Policies: how long the rows that every app shares are kept."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from plumbmark.common.models import AuditEvent, FailedAttempt, OutboxEvent
from plumbmark.common.retention import RetentionPolicy, delete_rows, register_policy


def _delivered_events(before: datetime) -> QuerySet[OutboxEvent]:
    """Return events that were delivered; those that wait or failed stay for staff."""
    return OutboxEvent.objects.filter(delivered_at__lt=before).order_by("pk")


def _old_failures(before: datetime) -> QuerySet[FailedAttempt]:
    """Return failures of items that nobody has attempted since."""
    given_up = Q(attempted_at__lt=before, next_attempt_at=None)
    return FailedAttempt.objects.filter(given_up | Q(next_attempt_at__lt=before)).order_by("pk")


def _old_audit(before: datetime) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(at__lt=before).order_by("pk")


def register_policies() -> None:
    register_policy(
        RetentionPolicy(
            "outbox", _("Delivered events"), _delivered_events, "delivered_at", delete_rows
        )
    )
    register_policy(
        RetentionPolicy(
            "failures",
            _("Failed attempts of periodic jobs"),
            _old_failures,
            "attempted_at",
            delete_rows,
        )
    )
    register_policy(RetentionPolicy("audit", _("The audit trail"), _old_audit, "at", delete_rows))
