"""The choice of a grid: contenders, their configuration, which cells get a run, who pays."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from benchmarks_app.grid.actions import RunPolicy
from benchmarks_app.models import ModelSuite
from plumbmark.accounts.models import Namespace
from plumbmark.gateway.models import Deployment
from tasks_app.models import Contender
from tasks_app.runs.forms import ConfigurationForm, deployment_choices


class PlanForm(forms.Form):
    """The plan in an address: which cells of the chosen contenders get a run, and who pays."""

    policy = forms.ChoiceField(label=_("Which cells"), choices=RunPolicy.choices)
    before = forms.DateField(
        label=_("Older than"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Runs that were started before this day (UTC) are repeated."),
    )

    def __init__(self, *args: Any, namespaces: Sequence[Namespace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(namespaces) > 1:
            self.fields["namespace"] = forms.ChoiceField(
                label=_("Paid by"), choices=[(one.handle, one.label) for one in namespaces]
            )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("policy") == RunPolicy.OLDER and not values.get("before"):
            self.add_error("before", _("Choose a day; older runs are repeated."))
        return values

    @property
    def before_time(self) -> datetime | None:
        day = self.cleaned_data.get("before")
        return datetime.combine(day, time(), UTC) if day else None

    @property
    def query(self) -> dict[str, str]:
        """Return the choice as parameters of an address."""
        values = self.cleaned_data
        query = {"policy": values["policy"]}
        if values["policy"] == RunPolicy.OLDER:
            query["before"] = f"{values['before']:%Y-%m-%d}"
        if values.get("namespace"):
            query["namespace"] = values["namespace"]
        return query


class ChoiceForm(ConfigurationForm, PlanForm):
    """Contenders to keep, models to add with one configuration, and the plan."""

    contender = forms.MultipleChoiceField(
        label=_("Chosen"), required=False, widget=forms.CheckboxSelectMultiple
    )
    deployment = forms.MultipleChoiceField(
        label=_("Add models"), required=False, widget=forms.CheckboxSelectMultiple
    )

    suite = forms.ChoiceField(label=_("Add all of a model suite"), required=False)

    def __init__(
        self,
        *args: Any,
        chosen: Iterable[Contender],
        deployments: Iterable[Deployment],
        suites: Iterable[ModelSuite],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        kept, added = self.fields["contender"], self.fields["deployment"]
        assert isinstance(kept, forms.MultipleChoiceField)
        assert isinstance(added, forms.MultipleChoiceField)
        kept.choices = [(one.public_id, one.label) for one in chosen]
        added.choices = deployment_choices(deployments)
        listed = self.fields["suite"]
        assert isinstance(listed, forms.ChoiceField)
        listed.choices = [("", _("none")), *((one.public_id, _suite_label(one)) for one in suites)]

    @property
    def has_configuration(self) -> bool:
        """Return whether something is typed there, or wrong with it."""
        return any(field.value() or field.errors for field in self.configuration_fields)

    @property
    def configuration_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("reasoning_effort", "temperature", "max_output_tokens")]


def _suite_label(suite: ModelSuite) -> str:
    owner = suite.namespace.handle if suite.namespace else _("the platform")
    return f"{suite.name} · {owner}"
