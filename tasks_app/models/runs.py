"""Runs, their shards, and the samples they bring."""

from bisect import bisect_left
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace, User
from plumbmark.common.fields import WrittenJSONField
from plumbmark.common.models import Withholdable
from plumbmark.gateway.models import Grant, PriceCard
from tasks_app.models.contenders import Contender
from tasks_app.models.leased_work import LeasedWork
from tasks_app.models.tasks import DataFile, Item, TaskVersion


class Run(models.Model):
    """One task version's questions run on one contender, with all inputs frozen."""

    class Purpose(models.TextChoices):
        TRY = "try", _("try")
        EXPLORATORY = "exploratory", _("exploratory")
        DECLARED = "declared", _("declared")

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        COMPLETED = "completed", _("completed")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    class PauseReason(models.TextChoices):
        OWNER = "owner", _("paused by its owner")
        QUOTA = "quota", _("the quota is exhausted")
        LIMIT = "limit", _("its own spending limit is reached")

    task_version = models.ForeignKey(
        TaskVersion, on_delete=models.PROTECT, related_name="runs", db_index=False
    )
    contender = models.ForeignKey(Contender, on_delete=models.PROTECT, related_name="runs")
    namespace = models.ForeignKey(
        Namespace, on_delete=models.PROTECT, related_name="runs", db_index=False
    )
    """Who owns it and pays for it."""
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    pause_reason = models.CharField(max_length=8, choices=PauseReason.choices, blank=True)
    balance_needed = models.BigIntegerField(default=0)
    """Nanodollars that the refused call needed: with this balance the run resumes."""
    failure = models.CharField(max_length=1000, blank=True)
    """Why it failed, for people."""
    grant = models.OneToOneField(
        Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="run"
    )
    source_file = models.ForeignKey(
        DataFile, null=True, blank=True, on_delete=models.PROTECT, related_name="submitted_runs"
    )
    """The file of a submitted run."""

    # Frozen inputs.
    question_hash = models.CharField(max_length=72)
    marking_hash = models.CharField(max_length=72)
    parameters = models.JSONField(default=dict)
    """Sampling, limits, seed and repeats as sent, after the contender's own settings."""
    deployment_facts = models.JSONField(default=dict)
    """Provider, base URL and upstream id at the start."""
    price_card = models.ForeignKey(
        PriceCard, null=True, blank=True, on_delete=models.PROTECT, related_name="runs"
    )
    needs_sandbox = models.BooleanField(default=False)
    """Its model may call tools that run code, so only workers with a sandbox take it."""
    engine_version = models.CharField(max_length=20)
    scorer_versions = models.JSONField(default=dict)
    platform_version = models.CharField(max_length=20)
    item_count = models.PositiveIntegerField()
    repeats = models.PositiveIntegerField(default=1)
    sampled_positions = models.JSONField(null=True, editable=False)
    """The positions of the items that are asked; None: the first `item_count`."""
    cost_bound = models.BigIntegerField(default=0)
    """Nanodollars that it can cost at most, as shown before the start."""

    # What happened.
    revision = models.PositiveIntegerField(default=1)
    upstream_models = models.JSONField(default=list)
    """Model ids that the provider returned; more than one: it changed midway."""
    samples_total = models.PositiveIntegerField()
    samples_done = models.PositiveIntegerField(default=0)
    samples_unscored = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    charged = models.BigIntegerField(default=0)
    provider_cost = models.BigIntegerField(default=0)
    median_latency_ms = models.PositiveIntegerField(null=True, blank=True)
    log = models.JSONField(default=list)
    """What its life brought: `{"at", "event", "detail"}`, a line per change of state."""
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    """Try runs are swept away after this."""
    invalid_reason = models.CharField(max_length=500, blank=True)
    """Public; an invalid run stays and does not count."""
    invalidated_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """Who said so, named beside the reason; None for runs from before this was noted."""

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(state="paused") | ~Q(pause_reason=""), name="run_pause_has_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(samples_done__lte=models.F("samples_total")),
                name="run_has_no_surplus_samples",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["state", "id"],
                condition=Q(state__in=["queued", "running", "paused"]),
                name="run_unfinished",
            ),
            models.Index(fields=["task_version", "contender"], name="run_by_version"),
            models.Index(fields=["namespace", "-id"], name="run_by_namespace"),
            models.Index(fields=["question_hash", "contender"], name="run_by_question"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("runs:detail", args=[self.pk])

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The ranges of ordinals that it asks: first, and the one after the last."""
        if self.sampled_positions is None:
            return [(0, self.samples_total)]
        repeats = self.repeats
        return [(place * repeats, (place + 1) * repeats) for place in self.sampled_positions]

    @property
    def asked_items(self) -> Q:
        """The condition on the items of a version that are asked."""
        if self.sampled_positions is None:
            return Q(position__lt=self.item_count)
        return Q(position__in=self.sampled_positions)

    def place_of(self, ordinal: int) -> int:
        """Return the place of a sample's item among those that are asked, from 0."""
        position = ordinal // self.repeats
        if self.sampled_positions is None:
            return position
        # In their order, as `start_run` writes them.
        return bisect_left(self.sampled_positions, position)

    @property
    def is_submitted(self) -> bool:
        """Its outputs came from outside: nothing was asked, so nothing was granted."""
        return self.grant_id is None

    @property
    def is_finished(self) -> bool:
        return self.state in {self.State.COMPLETED, self.State.FAILED, self.State.CANCELLED}


class Shard(LeasedWork):
    """A slice of a run's sample ordinals."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="shards", db_index=False)
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "revision", "index"], name="shard_index_is_unique"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["state", "run"],
                condition=Q(state__in=["queued", "leased"]),
                name="shard_unfinished",
            )
        ]

    def __str__(self) -> str:
        return f"shard {self.index} of run {self.run_id}"


class Sample(Withholdable):
    """One item, one repeat, in a run. Stored once, when its outcome is known."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="samples", db_index=False)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="samples")
    repeat = models.PositiveSmallIntegerField(default=0)
    ordinal = models.PositiveIntegerField()
    """item position x repeats + repeat: one-to-one with (item, repeat), and an order."""
    revision = models.PositiveIntegerField(default=1)
    outcome = models.CharField(max_length=24)
    """A code of `plumbmark.scoring.outcomes`."""
    is_scored = models.BooleanField()
    """Whether the outcome counts towards the score (usually as wrong) or is left out."""
    output = models.TextField(blank=True)
    messages = WrittenJSONField(null=True)
    """The conversation, where it is more than the rendered prompt and the output."""
    error = models.CharField(max_length=1000, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    charged = models.BigIntegerField(default=0)
    provider_cost = models.BigIntegerField(default=0)
    latency_ms = models.PositiveIntegerField(null=True)
    finished_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "ordinal"], name="sample_is_unique")
        ]

    def __str__(self) -> str:
        return f"sample {self.ordinal} of run {self.run_id}"


class SampleCall(models.Model):
    """A call that a sample made, and in which role.

    `call_id` has no database constraint: the gateway writes calls in its own batches, which may
    commit after the sample's.
    """

    EARLIER_TRY = "earlier try"
    """The role of calls that were paid and whose answers the sample does not rest on."""

    sample = models.ForeignKey(Sample, on_delete=models.CASCADE, related_name="sample_calls")
    call = models.ForeignKey(
        "gateway.Call", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    role = models.CharField(max_length=24, default="candidate")
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.role} call of sample {self.sample_id}"
