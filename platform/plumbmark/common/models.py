"""Rows that every app shares: the outbox, the audit trail, idempotency keys."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models


class Withholdable(models.Model):
    """Content that can be tombstoned: it goes, its hash and the reason stay."""

    withheld_at = models.DateTimeField(null=True, blank=True, editable=False)
    withheld_reason = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def is_withheld(self) -> bool:
        return self.withheld_at is not None


class OutboxEvent(models.Model):
    """Something that happened, written in the transaction of the change."""

    kind = models.CharField(max_length=64)
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True, editable=False)
    delivered_to = models.JSONField(default=list, editable=False)
    """Names of the subscribers that have reacted; a replay skips them."""
    attempts = models.PositiveIntegerField(default=0, editable=False)
    next_attempt_at = models.DateTimeField(null=True, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)
    """Set if it was attempted as often as it may be; `last_error` then says why it failed."""
    last_error = models.TextField(blank=True, editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["id"],
                condition=models.Q(delivered_at__isnull=True),
                name="outbox_undelivered",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"


class FailedAttempt(models.Model):
    """Work of a periodic job on one item that failed: see `plumbmark.common.attempts`."""

    MAX_ITEM = 120
    MAX_REASON = 1000

    job = models.CharField(max_length=80)
    item = models.CharField(max_length=MAX_ITEM)
    attempts = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=MAX_REASON)
    attempted_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True)
    """None: it is given up."""

    class Meta:
        ordering: ClassVar = ["-attempted_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "item"], name="failedattempt_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.job} on {self.item}"

    @property
    def is_given_up(self) -> bool:
        return self.next_attempt_at is None

    def is_due(self, at: datetime) -> bool:
        return self.next_attempt_at is not None and self.next_attempt_at <= at


class AuditEvent(models.Model):
    """One audited action: actor, object and verb. Appended by actions, never changed."""

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    """None: the platform itself."""
    action = models.CharField(max_length=64)
    thing = models.CharField(max_length=64)
    """`kind:public id`, for example `task:7fk2…`."""
    details = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["thing", "-at"], name="audit_by_thing"),
            models.Index(fields=["actor", "-at"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.thing}"


class IdempotencyKey(models.Model):
    """The stored answer to a write that carried an `Idempotency-Key`: a repeat gets the same."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=80)
    status = models.PositiveSmallIntegerField(null=True)
    """None while the first request is still being answered."""
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotencykey_is_unique")
        ]

    def __str__(self) -> str:
        return self.key


class LooseFile(models.Model):
    """A stored file without a row yet, or no more: see `plumbmark.common.row_files`."""

    name = models.CharField(max_length=300)
    """As the storage has it."""
    noted_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["name"], name="loosefile_by_name"),
            models.Index(fields=["noted_at"], name="loosefile_by_age"),
        ]

    def __str__(self) -> str:
        return self.name


class PurgeCount(models.Model):
    """The rows that a retention policy purged on a UTC day: see `plumbmark.common.retention`."""

    policy = models.CharField(max_length=40)
    day = models.DateField()
    rows = models.PositiveBigIntegerField(default=0)
    is_audited = models.BooleanField(default=False)
    """Whether the audit trail has it, which is so once the day is over."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["policy", "day"], name="purgecount_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.rows} of {self.policy} on {self.day}"


class WorkerReport(models.Model):
    """A worker process's report on itself, renewed while it lives."""

    name = models.CharField(max_length=200, unique=True)
    """Host and process."""
    platform_version = models.CharField(max_length=20)
    facts = models.JSONField(default=dict)
    """What it can do: see `tasks_app.workers.reports`."""
    metrics = models.JSONField(default=list)
    """What it counted: see `plumbmark.common.metrics`."""
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
