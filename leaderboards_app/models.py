"""Snapshots of boards, the log of corrections, and what is derived from both to be found."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from benchmarks_app.models import Benchmark, BenchmarkVersion
from plumbmark.accounts.models import Namespace, User
from plumbmark.common.ids import new_public_id
from plumbmark.common.models import Withholdable
from plumbmark.gateway.models import CatalogueModel
from tasks_app.models import Contender, Run, Task


class Standings(Withholdable):
    """An immutable snapshot of a board, with a permalink. Equal content creates no new one.

    The content of one that stood only briefly may be withheld: see `leaderboards_app.retention`.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    version = models.ForeignKey(
        BenchmarkVersion, on_delete=models.PROTECT, related_name="standings", db_index=False
    )
    number = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=72)
    previous_hash = models.CharField(max_length=72, null=True, editable=False)
    """The hash of the snapshot before with all before it (`manifests.run_manifests.chain_hash`).
    None for the first, and for those from before snapshots were chained."""
    content = models.JSONField()
    """Everything that a board shows: tasks, rows of both scopes, reference lines, incomplete rows.
    Its form is described in docs/design/standings.md."""
    excerpt = models.JSONField(null=True, editable=False)
    """The opening page of a long board, derived from the content: `board.excerpts`."""
    summary = models.JSONField(null=True, editable=False)
    """How many rows changed, and the scores and ranks of the figures over time:
    `history.changes.summarise`. Derived from the content, as the excerpt is."""
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


class SliceResults(models.Model):
    """Estimates of a snapshot's rows on slices of the items: `slices.computation`. Derived, so no
    part of the snapshot's hash.
    """

    standings = models.OneToOneField(
        Standings, primary_key=True, on_delete=models.CASCADE, related_name="slice_results"
    )
    content = models.JSONField()
    counts = models.JSONField(null=True, editable=False)
    """Counts of items by slice, derived from the content: `slices.computation.count_items`."""

    def __str__(self) -> str:
        return f"slices of {self.standings_id}"


class Weightings(models.Model):
    """In what share of all plausible weightings each row of a snapshot leads, and the tags of its
    tasks: `weights.computation`. Derived, so no part of the snapshot's hash.
    """

    standings = models.OneToOneField(
        Standings, primary_key=True, on_delete=models.CASCADE, related_name="weightings"
    )
    content = models.JSONField()

    class Meta:
        verbose_name_plural = "weightings"

    def __str__(self) -> str:
        return f"weightings of {self.standings_id}"


class ScoringOrders(models.Model):
    """The orders of a snapshot's rows under other scorings of the same outputs, as they were known
    at `computed_at`: `scorings.computation`. Derived, and computed anew when there are others.
    """

    standings = models.OneToOneField(
        Standings, primary_key=True, on_delete=models.CASCADE, related_name="scoring_orders"
    )
    content = models.JSONField()
    computed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "scoring orders"

    def __str__(self) -> str:
        return f"orders of {self.standings_id} by scoring"


class BoardRefresh(models.Model):
    """A board that is due to be computed. One row per version: requests coalesce."""

    version = models.OneToOneField(
        BenchmarkVersion, primary_key=True, on_delete=models.CASCADE, related_name="refresh"
    )
    requests = models.PositiveIntegerField(default=1)
    """Raised by each request, so that one that came while computing is not lost."""
    reasons = models.JSONField(default=list)
    causes = models.JSONField(default=list)
    """What to note as corrections: `{"run": id}`, `{"entry": id}` or `{"report": id}` each."""
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


class ContenderResult(models.Model):
    """A row of the newest snapshot of a board, by its contender. Derived: see `model_pages`."""

    version = models.ForeignKey(
        BenchmarkVersion, on_delete=models.CASCADE, related_name="results", db_index=False
    )
    contender = models.ForeignKey(Contender, on_delete=models.CASCADE, related_name="results")
    standings = models.ForeignKey(Standings, on_delete=models.CASCADE, related_name="results")
    status = models.CharField(max_length=10)
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    best_rank = models.PositiveIntegerField(null=True)
    worst_rank = models.PositiveIntegerField(null=True)
    ranked_rows = models.PositiveIntegerField(default=0)
    """Of the whole board."""
    metric = models.JSONField()
    """The scale of the score, as the snapshot has it."""
    cost_per_item = models.BigIntegerField(null=True)
    median_latency_ms = models.PositiveIntegerField(null=True)
    date = models.DateField(null=True)
    model_changed = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "contender"], name="contenderresult_is_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.contender_id} on {self.version_id}"


class SearchEntry(models.Model):
    """One thing that can be found. It only proposes: the thing itself says who may see it."""

    class Kind(models.TextChoices):
        BENCHMARK = "benchmark", _("Benchmarks")
        TASK = "task", _("Tasks")
        MODEL = "model", _("Models")
        PERSON = "person", _("People and teams")
        HELP = "help", _("Help")

    MAX_TITLE = 300

    kind = models.CharField(max_length=10, choices=Kind.choices)
    benchmark = models.OneToOneField(
        Benchmark, null=True, on_delete=models.CASCADE, related_name="+"
    )
    task = models.OneToOneField(Task, null=True, on_delete=models.CASCADE, related_name="+")
    model = models.OneToOneField(
        CatalogueModel, null=True, on_delete=models.CASCADE, related_name="+"
    )
    namespace = models.OneToOneField(
        Namespace, null=True, on_delete=models.CASCADE, related_name="+"
    )
    topic = models.CharField(max_length=200, null=True, unique=True)
    """Of help: the name of a section of a guide; None for all others, so that it can be unique."""
    names = models.TextField()
    """The title and other names as words, one a line: whoever searches for one means this."""
    title_words = models.CharField(max_length=MAX_TITLE)
    text_words = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "search entries"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind="benchmark", benchmark__isnull=False)
                | Q(kind="task", task__isnull=False)
                | Q(kind="model", model__isnull=False)
                | Q(kind="person", namespace__isnull=False)
                | Q(kind="help", topic__isnull=False),
                name="searchentry_has_its_object",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.title_words}"


class DailyReadings(models.Model):
    """The number of readings of a benchmark's page on a day. Nothing about who read."""

    benchmark = models.ForeignKey(
        Benchmark, on_delete=models.CASCADE, related_name="readings", db_index=False
    )
    day = models.DateField()
    count = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["benchmark", "day"], name="dailyreadings_are_unique")
        ]
        indexes: ClassVar = [
            models.Index(fields=["day", "benchmark"], name="dailyreadings_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.count} of {self.benchmark_id} on {self.day}"
