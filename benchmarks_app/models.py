"""Benchmarks, their versions, what belongs to them and who has entered."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace, User
from plumbmark.common.ids import new_public_id
from tasks_app.models import Contender, Run, TaskVersion
from tasks_app.models.tasks import Visibility


class Benchmark(models.Model):
    """A named set of tasks with a leaderboard; its content is in its versions."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    namespace = models.ForeignKey(
        Namespace, on_delete=models.PROTECT, related_name="benchmarks", db_index=False
    )
    slug = models.SlugField(max_length=80)
    title = models.CharField(_("title"), max_length=120)
    claim = models.CharField(_("what it measures, in one sentence"), max_length=300, blank=True)
    visibility = models.CharField(
        max_length=8, choices=Visibility.choices, default=Visibility.PRIVATE
    )
    tags = models.JSONField(default=list, blank=True)
    latest_version = models.ForeignKey(
        "BenchmarkVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """The newest published version."""
    pinned_version = models.ForeignKey(
        "BenchmarkVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """The newest version whose board stayed visible when the benchmark became private."""
    board_version = models.ForeignKey(
        "BenchmarkVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """The version whose board the benchmark's page shows: the newest one with a ranked row, or the
    newest where none has one."""
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["namespace", "slug"], name="benchmark_slug_is_unique")
        ]
        indexes: ClassVar = [
            models.Index(fields=["visibility", "-updated_at"], name="benchmark_by_visibility")
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("leaderboards:board", args=[self.namespace.handle, self.slug])


class BenchmarkVersion(models.Model):
    """A set of task versions with weights and rules. A draft until published, then immutable."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")

    class EntryPolicy(models.TextChoices):
        FIRST_DECLARED = "first-declared", _("the first declared run counts")
        MEAN_OF_DECLARED = "mean-of-declared", _("the mean of all declared runs counts")

    class ScoreFormat(models.TextChoices):
        PERCENT = "percent", _("percent: 56.25 %")
        POINTS = "points", _("points: 56.25 points")
        PLAIN = "plain", _("plain: 0.5625")

    class Entrants(models.TextChoices):
        OWNER = "owner", _("only its owner")
        ANYONE = "anyone", _("anyone who is signed in")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    benchmark = models.ForeignKey(
        Benchmark, on_delete=models.PROTECT, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    aggregation = models.CharField(
        max_length=20, choices=[("weighted-mean", _("weighted mean"))], default="weighted-mean"
    )
    entry_policy = models.CharField(
        max_length=20, choices=EntryPolicy.choices, default=EntryPolicy.FIRST_DECLARED
    )
    unscored_allowed = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default="0.0100",
        validators=[MinValueValidator(0), MaxValueValidator(1)],
    )
    """Share of unscored samples above which a row is incomplete and unranked."""
    smallest_difference = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(1e-12)]
    )
    """Smaller differences between two rows are called practically equal, on the scale of the
    board's score; None: none is stated. It changes no test and no rank."""
    score_format = models.CharField(max_length=8, choices=ScoreFormat.choices, blank=True)
    """How the board's scores are written; empty: as the single task says, percent for several."""
    entrants = models.CharField(max_length=8, choices=Entrants.choices, default=Entrants.OWNER)
    card = models.JSONField(default=dict, blank=True)
    """Answers by question: measures, intended_use, limits, provenance, licence, contact."""
    contributors = models.TextField(blank=True)
    """The people who are credited, one on each line: `composition.contributors` reads them."""
    notes = models.TextField(_("what changed"), blank=True)
    content_hash = models.CharField(max_length=72, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)
    pinned_at = models.DateTimeField(null=True, blank=True)
    """When its benchmark became private while its board had results: it stays visible."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["benchmark", "number"], name="benchmarkversion_number_is_unique"
            ),
            models.UniqueConstraint(
                fields=["benchmark"],
                condition=Q(state="draft"),
                name="benchmarkversion_has_one_draft",
            ),
            models.CheckConstraint(
                condition=Q(smallest_difference__isnull=True) | Q(smallest_difference__gt=0),
                name="benchmarkversion_difference_is_positive",
            ),
            models.CheckConstraint(
                condition=Q(unscored_allowed__gte=0) & Q(unscored_allowed__lte=1),
                name="benchmarkversion_allows_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.benchmark_id} v{self.number}"


class BenchmarkTask(models.Model):
    """A task version in a benchmark version, with its weight and its one main metric."""

    version = models.ForeignKey(
        BenchmarkVersion, on_delete=models.CASCADE, related_name="tasks", db_index=False
    )
    task_version = models.ForeignKey(
        TaskVersion, on_delete=models.PROTECT, related_name="benchmark_tasks"
    )
    position = models.PositiveIntegerField()
    label = models.CharField(max_length=80, blank=True)
    group = models.CharField(max_length=80, blank=True)
    """The name of the group that a board folds it into; empty: none."""
    weight = models.DecimalField(max_digits=9, decimal_places=6, default=1)
    """Relative; boards divide by the sum."""
    metric = models.CharField(max_length=80)
    """The name of the task version's main metric."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "task_version"], name="benchmarktask_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(weight__gt=0), name="benchmarktask_weight_is_positive"
            ),
        ]
        ordering: ClassVar = ["position"]

    def __str__(self) -> str:
        return self.label or str(self.task_version_id)

    @property
    def newer_version(self) -> TaskVersion | None:
        """The task's newest published version, where it is a newer one that is not hidden."""
        task = self.task_version.task
        latest = task.latest_version
        if latest is None or latest.pk == self.task_version_id:
            return None
        return latest if task.visibility != Visibility.PRIVATE else None


class Entry(models.Model):
    """A contender on a benchmark version."""

    version = models.ForeignKey(
        BenchmarkVersion, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    contender = models.ForeignKey(Contender, on_delete=models.PROTECT, related_name="entries")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    invalid_reason = models.CharField(max_length=500, blank=True)
    """Public. The row remains on the board, flagged and unranked."""
    invalidated_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "contender"], name="entry_is_unique")
        ]
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.contender_id} on {self.version_id}"


class EntryRun(models.Model):
    """A declared run of an entry on one of the benchmark's tasks."""

    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, related_name="entry_runs", db_index=False
    )
    benchmark_task = models.ForeignKey(
        BenchmarkTask, on_delete=models.PROTECT, related_name="entry_runs"
    )
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="entry_runs")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entry", "benchmark_task", "run"], name="entryrun_is_unique"
            )
        ]

    def __str__(self) -> str:
        return f"run {self.run_id} of entry {self.entry_id}"


class ModelSuite(models.Model):
    """A named set of contenders, the platform's or somebody's own, to be run together."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    namespace = models.ForeignKey(
        Namespace,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="model_suites",
        db_index=False,
    )
    """None: the platform's, written by staff."""
    name = models.CharField(_("name"), max_length=80)
    description = models.CharField(_("description"), max_length=300, blank=True)
    is_public = models.BooleanField(default=False)
    contenders = models.ManyToManyField(
        Contender, through="SuiteContender", related_name="model_suites"
    )
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["namespace", "name"], name="modelsuite_name_is_unique"),
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(namespace__isnull=True),
                name="modelsuite_of_platform_is_unique",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("suites:detail", args=[self.public_id])


class SuiteContender(models.Model):
    """A contender, so a deployment with its configuration, of a model suite."""

    suite = models.ForeignKey(ModelSuite, on_delete=models.CASCADE, db_index=False)
    contender = models.ForeignKey(Contender, on_delete=models.PROTECT, related_name="suite_places")
    position = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["suite", "contender"], name="suitecontender_is_unique")
        ]
        ordering: ClassVar = ["position"]

    def __str__(self) -> str:
        return f"{self.contender_id} of {self.suite_id}"
