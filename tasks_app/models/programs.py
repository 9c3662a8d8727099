"""Rows of code runs besides samples: their log, their files, and how they ended."""

from typing import ClassVar

from django.db import models

from tasks_app.models.runs import Run


class LogChunk(models.Model):
    """A piece of what a run's program wrote, in order."""

    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="log_chunks", db_index=False
    )
    position = models.PositiveIntegerField()
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "position"], name="logchunk_is_unique")
        ]

    def __str__(self) -> str:
        return f"log of run {self.run_id}, {self.position}"


class RunArtifact(models.Model):
    """A file that a run's program left, stored unchanged."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artifacts")
    path = models.TextField()
    """Relative to the working folder, with forward slashes."""
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.FileField(upload_to="artifacts/%Y/%m")

    def __str__(self) -> str:
        return self.path


_FAILURES = {408, 425, 429}
"""Statuses below 500 that are not the program's fault."""


class ProgramReport(models.Model):
    """The end of a run's program, and what was observed: only of the newest attempt."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="program_report")
    ending = models.CharField(max_length=20)
    """A value of `plumbmark.sandbox.Ending`."""
    exit_code = models.IntegerField(null=True)
    detail = models.TextField(blank=True)
    wall_seconds = models.FloatField(default=0)
    cpu_seconds = models.FloatField(default=0)
    peak_memory_bytes = models.PositiveBigIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)
    """Passed on to the gateway."""
    statuses = models.JSONField(default=dict)
    """By HTTP status how often the gateway answered with it; none for reports from before."""
    lost = models.PositiveIntegerField(default=0)
    """Requests that were not answered, or not to their end."""
    findings = models.JSONField(default=list)
    """`{"code", "severity", "message", "remedy", "line", "place", "file", "path"}` each."""
    left_out = models.JSONField(default=list)
    """Files that were not kept: `{"path", "reason"}` each."""
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"report of run {self.run_id}"

    @property
    def _failures(self) -> dict[str, int]:
        """By status those that provider or platform failed; a program's own (400) are not."""
        return {
            status: count
            for status, count in self.statuses.items()
            if int(status) >= 500 or int(status) in _FAILURES
        }

    @property
    def failed_requests(self) -> int:
        return self.lost + sum(self._failures.values())

    @property
    def failure_summary(self) -> str:
        """For people: `5 × 429, 2 × 503`."""
        parts = [f"{count} × {status}" for status, count in sorted(self._failures.items())]
        return ", ".join([*parts, *([f"{self.lost} × no answer"] if self.lost else [])])
