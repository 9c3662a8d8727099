"""Contenders: the rows of boards."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace
from plumbmark.common.ids import new_public_id
from plumbmark.gateway.models import CatalogueModel, Deployment


class Contender(models.Model):
    """A model with a configuration, or what replaces one: a baseline, a person, a file."""

    class Kind(models.TextChoices):
        RUN = "run", _("run by the platform")
        SUBMITTED = "submitted", _("submitted, unverified")
        BASELINE = "baseline", _("baseline")
        HUMAN = "human", _("human")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    label = models.CharField(max_length=120)
    maker = models.CharField(max_length=80, blank=True)
    model = models.ForeignKey(
        CatalogueModel, null=True, blank=True, on_delete=models.PROTECT, related_name="contenders"
    )
    deployment = models.ForeignKey(
        Deployment, null=True, blank=True, on_delete=models.PROTECT, related_name="contenders"
    )
    configuration = models.JSONField(default=dict, blank=True)
    """Differences from the task's own effort, sampling and tools."""
    configuration_hash = models.CharField(max_length=72)
    owner = models.ForeignKey(
        Namespace, null=True, blank=True, on_delete=models.PROTECT, related_name="contenders"
    )
    """Its creator; None: everyone's."""
    description = models.TextField(blank=True)
    homepage = models.URLField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["label"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["deployment", "configuration_hash"],
                condition=Q(deployment__isnull=False),
                name="contender_configuration_is_unique",
            ),
            models.UniqueConstraint(
                fields=["owner", "kind", "label"],
                condition=Q(deployment__isnull=True),
                name="contender_label_is_unique_to_its_owner",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["run", "baseline"], deployment__isnull=False)
                | Q(kind__in=["submitted", "human"], deployment__isnull=True),
                name="contender_that_runs_has_a_deployment",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def is_reference_line(self) -> bool:
        """Baselines and humans stand on boards outside the ranking."""
        return self.kind in {self.Kind.BASELINE, self.Kind.HUMAN}
