"""What failed in periodic jobs, for staff: deleting a failure, or choosing to deliver an event
again, lets it be attempted again.
"""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from plumbmark.common.models import FailedAttempt, OutboxEvent
from plumbmark.common.queue import enqueue

if TYPE_CHECKING:
    _FailedAttemptAdmin = admin.ModelAdmin[FailedAttempt]
    _OutboxEventAdmin = admin.ModelAdmin[OutboxEvent]
else:
    _FailedAttemptAdmin = admin.ModelAdmin
    _OutboxEventAdmin = admin.ModelAdmin


@admin.register(FailedAttempt)
class FailedAttemptAdmin(_FailedAttemptAdmin):
    """Items on which a periodic job failed. Delete one to have it attempted at once."""

    list_display = ["job", "item", "attempts", "reason", "attempted_at", "next_attempt_at"]
    list_filter = ["job"]
    search_fields = ["item", "reason"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(OutboxEvent)
class OutboxEventAdmin(_OutboxEventAdmin):
    """Events, of which staff look for those that failed."""

    list_display = ["id", "kind", "attempts", "last_error", "created_at", "failed_at"]
    list_filter = [
        ("failed_at", admin.EmptyFieldListFilter),
        ("delivered_at", admin.EmptyFieldListFilter),
        "kind",
    ]
    actions = ["deliver_again"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_deliver_permission(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    @admin.action(description="Deliver again", permissions=["deliver"])
    def deliver_again(self, request: HttpRequest, queryset: QuerySet[OutboxEvent]) -> None:
        undelivered = queryset.filter(delivered_at__isnull=True)
        undelivered.update(attempts=0, failed_at=None, next_attempt_at=None)
        enqueue("common.jobs.deliver_events")
