"""Offers of tasks to other people and teams."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace, User
from plumbmark.common.clock import now
from plumbmark.common.ids import new_public_id
from tasks_app.models.tasks import Task


class TransferOffer(models.Model):
    """An offer to give a task to a person or a team. Nothing moves before it is accepted."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")
        EXPIRED = "expired", _("expired")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="transfer_offers")
    sender = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="offers_sent")
    """The task's owner when it was offered."""
    recipient = models.ForeignKey(
        Namespace, on_delete=models.CASCADE, related_name="offers_received"
    )
    status = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    """As stored: an open one that is past its time has expired. `current_status` says so."""
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["task"], condition=Q(status="open"), name="transferoffer_one_open_of_a_task"
            )
        ]

    def __str__(self) -> str:
        return f"offer {self.public_id} of {self.task_id}"

    def get_absolute_url(self) -> str:
        return reverse("tasks:transfer-offer", args=[self.public_id])

    @property
    def is_open(self) -> bool:
        return self.status == self.State.OPEN and self.expires_at > now()

    @property
    def current_status(self) -> str:
        if self.status == self.State.OPEN and not self.is_open:
            return self.State.EXPIRED
        return self.status

    @property
    def status_label(self) -> str:
        return str(self.State(self.current_status).label)

    @property
    def ended_at(self) -> datetime | None:
        """Return when it was decided, or ran out; None while it is open."""
        return self.decided_at or (None if self.is_open else self.expires_at)
