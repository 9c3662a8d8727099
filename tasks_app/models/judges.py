"""People's labels of judged answers, and the statistics of judges."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from plumbmark.accounts.models import User
from plumbmark.common.ids import new_public_id
from tasks_app.models.runs import Sample
from tasks_app.models.tasks import TaskVersion


class LabelSet(models.Model):
    """A random choice of judged answers of a version, to be labelled blind by its authors."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    task_version = models.ForeignKey(
        TaskVersion, on_delete=models.PROTECT, related_name="label_sets"
    )
    scorer = models.CharField(max_length=80)
    """The judging scorer's name in the definition: its rubric is what people label by."""
    seed = models.PositiveBigIntegerField()
    """With the answers there were, it gives this very choice."""
    size = models.PositiveIntegerField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"label set {self.public_id}"


class LabelSample(models.Model):
    """One answer of a set, at its place."""

    label_set = models.ForeignKey(
        LabelSet, on_delete=models.CASCADE, related_name="label_samples", db_index=False
    )
    position = models.PositiveIntegerField()
    """From 0."""
    sample = models.ForeignKey(Sample, on_delete=models.CASCADE, related_name="label_samples")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["label_set", "position"], name="labelsample_position_is_unique"
            ),
            models.UniqueConstraint(fields=["label_set", "sample"], name="labelsample_is_unique"),
        ]

    def __str__(self) -> str:
        return f"answer {self.position} of set {self.label_set_id}"


class JudgeLabel(models.Model):
    """One person's verdict on one answer, on the scale of the judges. Changes are in the audit."""

    label_sample = models.ForeignKey(
        LabelSample, on_delete=models.CASCADE, related_name="labels", db_index=False
    )
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    value = models.FloatField(null=True)
    """1 correct, 0 incorrect; a grade; or 1 the answer is better, 0 the target, 0.5 neither."""
    is_skipped = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["label_sample", "by"], name="judgelabel_is_unique"),
            models.CheckConstraint(
                condition=Q(is_skipped=True, value__isnull=True)
                | Q(is_skipped=False, value__isnull=False),
                name="judgelabel_has_a_value_unless_skipped",
            ),
        ]

    def __str__(self) -> str:
        return f"label {self.pk}"


class JudgePanel(models.Model):
    """The facts about a version's judges: computed when something changes, never on a view.

    `tasks_app.judges.panels` describes the content.
    """

    task_version = models.OneToOneField(
        TaskVersion, on_delete=models.CASCADE, related_name="judge_panel"
    )
    labelled = models.JSONField(default=dict)
    """Against people's labels, by scorer."""
    judged = models.JSONField(default=dict)
    """Over everything that was judged, by scorer."""
    judged_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"judges of version {self.task_version_id}"
