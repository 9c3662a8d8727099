"""A few items asked of several models at once, before anything is published or started."""

from typing import ClassVar

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace, User
from plumbmark.common.ids import new_public_id
from tasks_app.models.runs import Run
from tasks_app.models.tasks import TaskVersion


class ItemTrial(models.Model):
    """Runs of a few items by up to four models, shown side by side. Swept away with its runs."""

    class TrialReason(models.TextChoices):
        TRY = "try", _("try")
        PREFLIGHT = "preflight", _("pre-flight")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    version = models.ForeignKey(TaskVersion, on_delete=models.CASCADE, related_name="item_trials")
    namespace = models.ForeignKey(
        Namespace, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    """The payer, who also sees it."""
    reason = models.CharField(max_length=9, choices=TrialReason.choices)
    runs = models.ManyToManyField(Run, related_name="item_trials")
    refusals = models.JSONField(default=dict)
    """Why a model was not asked, by the name of its deployment."""
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="itemtrial_by_expiry")]

    def __str__(self) -> str:
        return f"{self.reason} {self.public_id}"

    def get_absolute_url(self) -> str:
        return reverse("tasks:trial", args=[self.public_id])
