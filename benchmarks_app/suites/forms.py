"""The form of a model suite."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace
from plumbmark.gateway.models import Deployment
from tasks_app.models import Contender
from tasks_app.runs.forms import ConfigurationForm, deployment_choices

PLATFORM = "-"


class SuiteForm(ConfigurationForm):
    """Its name, the contenders to keep, and models to add with one configuration."""

    name = forms.CharField(label=_("Name"), max_length=80)
    description = forms.CharField(label=_("Description"), max_length=300, required=False)
    is_public = forms.BooleanField(label=_("Everybody can see and use it"), required=False)
    contender = forms.MultipleChoiceField(
        label=_("Contenders"), required=False, widget=forms.CheckboxSelectMultiple
    )
    deployment = forms.MultipleChoiceField(
        label=_("Add models"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(
        self,
        *args: Any,
        chosen: Iterable[Contender],
        deployments: Iterable[Deployment],
        namespaces: Sequence[Namespace] = (),
        is_staff: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        kept, added = self.fields["contender"], self.fields["deployment"]
        assert isinstance(kept, forms.MultipleChoiceField)
        assert isinstance(added, forms.MultipleChoiceField)
        kept.choices = [(one.public_id, one.label) for one in chosen]
        added.choices = deployment_choices(deployments)
        owners = [(one.handle, str(one.label)) for one in namespaces]
        if is_staff and owners:
            owners.append((PLATFORM, str(_("the platform"))))
        if len(owners) > 1:
            self.fields["namespace"] = forms.ChoiceField(label=_("Owner"), choices=owners)

    @property
    def configuration_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("reasoning_effort", "temperature", "max_output_tokens")]

    @property
    def has_configuration(self) -> bool:
        """Return whether something is typed there, or wrong with it."""
        return any(field.value() or field.errors for field in self.configuration_fields)
