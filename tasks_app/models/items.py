"""Reports of items, and the analyses of a version's items."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import User
from plumbmark.common.fields import WrittenJSONField
from plumbmark.common.ids import new_public_id
from tasks_app.models.tasks import Item, TaskVersion


class ItemReport(models.Model):
    """A reader's report that an item is wrong, with the author's public decision. Never removed.

    Where it is accepted, `resulting_version` has the corrected key; that version is made by one
    report alone.
    """

    class Kind(models.TextChoices):
        WRONG_KEY = "wrong-key", _("the right answer is wrong")
        AMBIGUOUS = "ambiguous", _("the question is ambiguous")
        OTHER = "other", _("something else")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        CORRECTED = "corrected", _("corrected otherwise")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    version = models.ForeignKey(
        TaskVersion, on_delete=models.PROTECT, related_name="item_reports", db_index=False
    )
    """The version on whose item it was made."""
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="reports")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.TextField()
    """Markdown, as everything that people write."""
    proposed = WrittenJSONField(null=True)
    """The target that it proposes: a text, a number, or a list of them; None without one."""
    status = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    note = models.TextField(blank=True)
    """The author's answer."""
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    key_before = WrittenJSONField(null=True)
    """The target that was replaced."""
    key_after = WrittenJSONField(null=True)
    resulting_version = models.OneToOneField(
        TaskVersion, null=True, on_delete=models.PROTECT, related_name="correcting_report"
    )
    followed_at = models.DateTimeField(null=True)
    """When the stored outputs were scored anew, and the benchmarks of the author had followed."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["item", "created_by"],
                condition=Q(status="open"),
                name="itemreport_one_open_of_a_person",
            ),
            models.CheckConstraint(
                condition=Q(resulting_version__isnull=True)
                | Q(status__in=["accepted", "corrected"], decided_at__isnull=False),
                name="itemreport_result_is_of_a_decision",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["version", "-id"], name="itemreport_by_version"),
            models.Index(fields=["created_by", "-created_at"], name="itemreport_by_person"),
            models.Index(
                fields=["id"],
                condition=Q(
                    resulting_version__isnull=False,
                    followed_at__isnull=True,
                ),
                name="itemreport_not_followed",
            ),
        ]

    def __str__(self) -> str:
        return f"report {self.public_id} of item {self.item_id}"

    def get_absolute_url(self) -> str:
        return reverse("tasks:item-report", args=[self.public_id])

    @property
    def is_open(self) -> bool:
        return self.status == self.State.OPEN

    @property
    def changed_the_key(self) -> bool:
        return self.resulting_version_id is not None


class ItemAnalysis(models.Model):
    """The statistics of a version's items for one audience. Derived: `item_lab.computation`.

    That of `everyone` covers public items and declared runs alone, so nothing in it depends on what
    is private. That of `members` covers all items, for those who may see private ones.
    """

    class AnalysisAudience(models.TextChoices):
        EVERYONE = "everyone", _("everyone")
        MEMBERS = "members", _("the task's people")

    version = models.ForeignKey(
        TaskVersion, on_delete=models.CASCADE, related_name="item_analyses", db_index=False
    )
    audience = models.CharField(max_length=8, choices=AnalysisAudience.choices)
    content = models.JSONField()
    """Counts, saturation, the rows that were compared, doubts of keys, and near-duplicates. No
    text of an item or an answer, so nothing is left here when content is withdrawn."""
    columns = models.BinaryField()
    """The numbers of each item, packed: `item_lab.columns`."""
    computed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "item analyses"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "audience"], name="itemanalysis_is_unique_to_its_audience"
            )
        ]

    def __str__(self) -> str:
        return f"items of {self.version_id} for {self.audience}"


class AnalysisRefresh(models.Model):
    """A version whose items are due to be analysed. One row per version: requests coalesce."""

    version = models.OneToOneField(
        TaskVersion, primary_key=True, on_delete=models.CASCADE, related_name="analysis_refresh"
    )
    requests = models.PositiveIntegerField(default=1)
    """Raised by each request, so that one that came while computing is not lost."""
    requested_at = models.DateTimeField()
    lease_token = models.UUIDField(null=True, editable=False)
    """Of the worker that computes it now."""
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    """By the database's clock."""

    def __str__(self) -> str:
        return f"analysis of {self.version_id}"
