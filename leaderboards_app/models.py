"""Snapshots of boards and the log of corrections."""

from typing import ClassVar

from django.db import models
from django.urls import reverse

from benchmarks_app.models import Benchmark, BenchmarkVersion
from plumbmark.accounts.models import User
from plumbmark.common.ids import new_public_id
from tasks_app.models import Run


class Standings(models.Model):
    """An immutable snapshot of a board, with a permalink. Equal content creates no new one."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    version = models.ForeignKey(
        BenchmarkVersion, on_delete=models.PROTECT, related_name="standings", db_index=False
    )
    number = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=72)
    content = models.JSONField()
    """Everything that a board shows: tasks, rows of both scopes, reference lines, incomplete rows.
    Its form is described in docs/design/standings.md."""
    row_count = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    """Why it differs from the one before."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "standings"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "number"], name="standings_number_is_unique")
        ]

    def __str__(self) -> str:
        return f"standings {self.number} of {self.version_id}"

    def get_absolute_url(self) -> str:
        return reverse("leaderboards:snapshot", args=[self.public_id])


class BoardRefresh(models.Model):
    """A board that is due to be computed. One row per version: requests coalesce."""

    version = models.OneToOneField(
        BenchmarkVersion, primary_key=True, on_delete=models.CASCADE, related_name="refresh"
    )
    requests = models.PositiveIntegerField(default=1)
    """Raised by each request, so that one that came while computing is not lost."""
    reasons = models.JSONField(default=list)
    causes = models.JSONField(default=list)
    """What to note as corrections: `{"run": id}` or `{"entry": id}` each."""
    requested_at = models.DateTimeField()
    lease_token = models.UUIDField(null=True, editable=False)
    """Of the worker that computes it now."""
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    """By the database's clock."""

    def __str__(self) -> str:
        return f"refresh of {self.version_id}"


class Correction(models.Model):
    """A line of a benchmark's correction log: appended, never changed."""

    benchmark = models.ForeignKey(
        Benchmark, on_delete=models.PROTECT, related_name="corrections", db_index=False
    )
    kind = models.CharField(max_length=32)
    row = models.CharField(max_length=200, blank=True)
    """The label of the row that it is about."""
    run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.PROTECT, related_name="corrections"
    )
    """The run that it is about, if it is not about a whole row."""
    change = models.TextField(blank=True)
    """What changed on the board, as a sentence."""
    reason = models.TextField()
    """As whoever made the correction gave it."""
    before = models.ForeignKey(
        Standings, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    after = models.ForeignKey(
        Standings, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["benchmark", "-id"], name="correction_by_benchmark")
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.benchmark_id}"
