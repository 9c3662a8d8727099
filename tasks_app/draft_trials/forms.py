"""The form in which the models of a trial are chosen."""

from collections.abc import Iterable
from typing import Any, Self

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, namespace_field
from plumbmark.accounts.models import Namespace
from plumbmark.gateway.models import Deployment
from tasks_app.draft_trials.actions import MAX_MODELS
from tasks_app.runs.forms import deployment_choices
from tasks_app.runs.queries import deployments_for


class TrialModelsForm(forms.Form):
    """Up to four models, and who pays."""

    models = forms.MultipleChoiceField(
        label=gettext_lazy("Models, up to four"), widget=forms.CheckboxSelectMultiple
    )

    def __init__(
        self,
        *args: Any,
        deployments: Iterable[Deployment],
        namespaces: list[Namespace],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._namespaces = namespaces
        self._deployments = {one.slug: one for one in deployments}
        self.fields["models"].choices = deployment_choices(self._deployments.values())  # type: ignore[attr-defined]
        if len(namespaces) > 1:
            self.fields["namespace"] = namespace_field(namespaces)

    @classmethod
    def of_request(cls, request: HttpRequest) -> Self:
        """Return the form as a page shows it first, or as it was sent: also by GET, in an address
        that names models.
        """
        sent = request.POST if request.method == "POST" else request.GET
        return cls(
            sent if request.method == "POST" or "models" in sent else None,
            deployments=deployments_for(request.user),
            namespaces=acting_namespaces(request),
        )

    def clean_models(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["models"]
        if len(chosen) > MAX_MODELS:
            message = _("Choose at most %(most)s models; these are %(count)s.")
            raise forms.ValidationError(message % {"most": MAX_MODELS, "count": len(chosen)})
        return chosen

    @property
    def deployments(self) -> list[Deployment]:
        """The chosen ones."""
        return [self._deployments[slug] for slug in self.cleaned_data["models"]]

    @property
    def payer(self) -> Namespace:
        """The namespace that was chosen; the person's own without a choice."""
        chosen = self.cleaned_data.get("namespace", "") if self.is_bound else ""
        return chosen_namespace(self._namespaces, chosen)
