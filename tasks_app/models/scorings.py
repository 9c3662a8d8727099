"""Scorings: passes of a version's scorers over a run's stored outputs."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import User
from plumbmark.common.fields import WrittenJSONField
from plumbmark.gateway.models import Grant
from tasks_app.models.leased_work import LeasedWork
from tasks_app.models.runs import Run, Sample
from tasks_app.models.tasks import TaskVersion


class Scoring(models.Model):
    """One pass of one version's scorers over a run. Re-scoring adds one and overwrites none."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        COMPLETED = "completed", _("completed")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="scorings", db_index=False)
    task_version = models.ForeignKey(TaskVersion, on_delete=models.PROTECT, related_name="scorings")
    """Any version whose question hash equals the run's."""
    revision = models.PositiveIntegerField(default=1)
    """The run's revision that it saw."""
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    pause_reason = models.CharField(max_length=8, blank=True)
    balance_needed = models.BigIntegerField(default=0)
    """Nanodollars that the refused call needed: with this balance the scoring resumes."""
    failure = models.CharField(max_length=1000, blank=True)
    needs_sandbox = models.BooleanField(default=False)
    """Runs code, so only workers with a sandbox take it."""
    is_inline = models.BooleanField(default=False)
    """Scored by the run's own worker, batch by batch, because all its scorers are pure."""
    marking_hash = models.CharField(max_length=72)
    scorer_versions = models.JSONField(default=dict)
    platform_version = models.CharField(max_length=20)
    grant = models.OneToOneField(
        Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="scoring"
    )
    """What pays for judges and code scorers; pure scorers are free."""
    started_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    samples_total = models.PositiveIntegerField()
    samples_done = models.PositiveIntegerField(default=0)
    samples_unscored = models.PositiveIntegerField(default=0)
    charged = models.BigIntegerField(default=0)
    value = models.FloatField(null=True)
    """The main metric over scored items; None while unknown or where nothing was scored."""
    estimate = models.JSONField(null=True)
    """The whole estimate: interval, method, items, repeats, clusters, unscored, bounds."""
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["run", "task_version", "-id"], name="scoring_by_run"),
            models.Index(
                fields=["state", "id"],
                condition=Q(state__in=["queued", "running", "paused"]),
                name="scoring_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"scoring {self.pk} of run {self.run_id}"


class ScoringShard(LeasedWork):
    """A slice of a scoring's sample ordinals."""

    scoring = models.ForeignKey(
        Scoring, on_delete=models.CASCADE, related_name="shards", db_index=False
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["scoring", "index"], name="scoringshard_is_unique")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["state", "scoring"],
                condition=Q(state__in=["queued", "leased"]),
                name="scoringshard_unfinished",
            )
        ]

    def __str__(self) -> str:
        return f"shard {self.index} of scoring {self.scoring_id}"


class SampleScore(models.Model):
    """The scorers' verdict on one sample."""

    scoring = models.ForeignKey(
        Scoring, on_delete=models.CASCADE, related_name="sample_scores", db_index=False
    )
    sample = models.ForeignKey(Sample, on_delete=models.CASCADE, related_name="scores")
    value = models.FloatField(null=True)
    """Of the main scorer; None: unscored."""
    answer = models.TextField(blank=True)
    """What was taken from the output as the answer."""
    explanation = models.TextField(blank=True)
    details = WrittenJSONField(default=dict)
    """Verdicts of the other scorers by name, and whatever the main one adds."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["scoring", "sample"], name="samplescore_is_unique")
        ]

    def __str__(self) -> str:
        return f"score of sample {self.sample_id}"


class PackedScores(models.Model):
    """The scores of a completed scoring as arrays: what boards are computed from.

    They repeat the rows of `SampleScore`, which never change once their scoring is completed.
    """

    scoring = models.OneToOneField(
        Scoring, primary_key=True, on_delete=models.CASCADE, related_name="packed"
    )
    data = models.BinaryField()
    """Bytes of a `plumbmark.scoring.vectors.ScoreVector`; the items are the run's first ones."""

    def __str__(self) -> str:
        return f"packed scores of scoring {self.scoring_id}"


class RunManifest(models.Model):
    """The manifest of a run with one of its scorings: made when the scoring completes, and kept.

    It stays true when outputs are withheld later, because their hashes are here.
    """

    scoring = models.OneToOneField(
        Scoring, primary_key=True, on_delete=models.CASCADE, related_name="manifest"
    )
    hash = models.CharField(max_length=72)
    document = WrittenJSONField()
    """As `plumbmark.manifests.run_manifests` describes it."""
    outputs = models.BinaryField()
    """The digests of the outputs, 32 bytes for each sample."""
    exchanges = models.BinaryField()
    """For each sample the number of its exchanges in 4 bytes, and then their digests."""

    def __str__(self) -> str:
        return f"manifest of scoring {self.scoring_id}"
