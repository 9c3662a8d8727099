"""Work that one worker at a time has leased."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class LeasedWork(models.Model):
    """A slice of ordinals that a worker claims, works on and returns or finishes.

    Every batch write of its worker checks `lease_token` in its own transaction, so a worker that
    slept through its lease writes nothing.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        LEASED = "leased", _("being worked on")
        DONE = "done", _("done")

    index = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    """The first ordinal."""
    stop = models.PositiveIntegerField()
    """One past the last ordinal."""
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    """By the database's clock."""
    heartbeat_at = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveIntegerField(default=0)
    """Claims after which the work was neither finished nor properly returned."""
    not_before = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
