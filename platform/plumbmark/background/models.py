"""Jobs: what a person asked for, how far it is, and how it ended."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace
from plumbmark.common.ids import new_public_id


class Job(models.Model):
    """Work on something large, done once by one worker.

    `lease_token` proves that a worker still has it: a worker that slept through its lease stores
    nothing more.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        COMPLETED = "completed", _("completed")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(max_length=40)
    namespace = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="jobs")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    subject = models.CharField(max_length=64)
    """What it works on, as `kind:public id`, for example `task:7fk2…`."""
    title = models.CharField(max_length=200)
    """What it does, in words: "Publish Sums"."""
    return_url = models.CharField(max_length=500, blank=True)
    """The page that it was started from."""
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    step = models.CharField(max_length=100, blank=True)
    """What it is doing now, in words."""
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True)
    """Of this step; None: not known."""
    result = models.JSONField(null=True)
    """See `plumbmark.background.kinds.JobResult`."""
    error = models.JSONField(null=True)
    """Why it failed: `status`, `code`, `detail` and `problems`, as in an error of the API."""
    attempts = models.PositiveIntegerField(default=0)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    """By the database's clock."""
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["id"],
                condition=models.Q(state__in=["queued", "running"]),
                name="job_unfinished",
            ),
            models.Index(fields=["subject", "-id"], name="job_by_subject"),
            models.Index(fields=["finished_at"], name="job_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.public_id})"

    def get_absolute_url(self) -> str:
        return reverse("background:job", args=[self.public_id])

    @property
    def is_live(self) -> bool:
        """Return whether it has yet to end."""
        return self.state in LIVE_STATES

    @property
    def result_url(self) -> str:
        """Return the address of the page that shows its result, if it has one."""
        return str(self._of_result("url", ""))

    @property
    def message(self) -> str:
        """Return its result in words."""
        return str(self._of_result("message", ""))

    @property
    def warnings(self) -> list[str]:
        return list(self._of_result("warnings", ()))

    def _of_result(self, key: str, default: Any) -> Any:
        return default if self.result is None else self.result.get(key, default)


LIVE_STATES = frozenset({Job.State.QUEUED, Job.State.RUNNING})
