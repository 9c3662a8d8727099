"""Forms of runs: they read what came in; the actions judge it."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.acting import namespace_field
from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import InvalidInput
from plumbmark.gateway.budget.money import nanodollars
from plumbmark.gateway.models import Deployment
from plumbmark.gateway.providers.extra_body import MAX_EXTRA_BODY_BYTES, describe_allowed
from plumbmark.strict_json import JsonError, wire
from tasks_app.authoring.forms import PURPOSE_CHOICES
from tasks_app.models import Run
from tasks_app.runs.contenders import check_configuration, check_extra_body

_MAX_DESCRIBED = 5
"""Models whose fields are described beside the form's."""


class SpendLimitForm(forms.Form):
    """The spend limit of a run."""

    spend_limit = forms.CharField(
        label=_("Spend limit, in US dollars"),
        required=False,
        max_length=20,
        help_text=_(
            "The run pauses at this amount. Leave it empty to be limited by your quota only."
        ),
    )

    def clean_spend_limit(self) -> int | None:
        text = self.cleaned_data["spend_limit"].strip().removeprefix("$")
        if not text:
            return None
        try:
            amount = nanodollars(text)
        except ValueError as error:
            raise forms.ValidationError(
                _("Enter an amount in dollars, for example 2.50.")
            ) from error
        if not 0 <= amount <= 10**18:
            raise forms.ValidationError(_("Enter an amount from 0 to 1,000,000,000."))
        return amount


class ConfigurationForm(forms.Form):
    """Changes of a contender to the settings of a task."""

    temperature = forms.FloatField(
        label=_("Temperature"),
        required=False,
        min_value=0,
        max_value=2,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    max_output_tokens = forms.IntegerField(
        label=_("Maximum output tokens"), required=False, min_value=1, max_value=1_000_000
    )
    reasoning_effort = forms.ChoiceField(
        label=_("Reasoning effort"),
        required=False,
        choices=[("", _("the provider's default"))]
        + [(effort, effort) for effort in ("minimal", "low", "medium", "high")],
    )

    @property
    def configuration(self) -> dict[str, Any]:
        """Return what differs from the task's own settings, as contenders store it."""
        names = ("temperature", "max_output_tokens", "reasoning_effort", "extra_body")
        values = {name: self.cleaned_data.get(name) for name in names}
        return {name: value for name, value in values.items() if value not in (None, "", {})}


class RunForm(ConfigurationForm, SpendLimitForm):
    """The model, the purpose, and changes to the task's own settings."""

    deployment = forms.ChoiceField(label=_("Model"))
    purpose = forms.ChoiceField(
        label=_("Purpose"), choices=PURPOSE_CHOICES, widget=forms.RadioSelect
    )
    extra_body = forms.CharField(
        label=_("Extra body"),
        required=False,
        max_length=MAX_EXTRA_BODY_BYTES,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def __init__(
        self,
        *args: Any,
        deployments: Iterable[Deployment],
        namespaces: list[Namespace],
        is_try: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        deployments = list(deployments)
        self._deployments = {one.slug: one for one in deployments}
        self._describe_extra_body(deployments)
        self.fields["deployment"].choices = deployment_choices(deployments)  # type: ignore[attr-defined]
        if is_try:
            self.fields["purpose"].choices = [(Run.Purpose.TRY, _("Try"))]  # type: ignore[attr-defined]
        if len(namespaces) > 1:
            self.fields["namespace"] = namespace_field(namespaces)

    def _describe_extra_body(self, deployments: list[Deployment]) -> None:
        """Offer the field only where some model allows something in it."""
        allowing = [one for one in deployments if one.options.get("extra_body_allowed")]
        if not allowing:
            del self.fields["extra_body"]
            return
        allowed = [describe_allowed(one.slug, one.options) for one in allowing[:_MAX_DESCRIBED]]
        self.fields["extra_body"].help_text = _(
            "Fields for the provider's request, as a JSON object. %(allowed)s"
        ) % {"allowed": " ".join(allowed)}

    def clean_extra_body(self) -> dict[str, Any]:
        text = self.cleaned_data["extra_body"].strip()
        if not text:
            return {}
        try:
            value = wire.read(text.encode())
        except JsonError as error:
            raise forms.ValidationError(
                _("This is not JSON: %(problem)s.") % {"problem": error.describe()}
            ) from error
        try:
            checked = check_configuration({"extra_body": value})
            deployment = self._deployments.get(self.cleaned_data.get("deployment", ""))
            if deployment is not None:
                check_extra_body(checked, deployment)
        except InvalidInput as error:
            raise forms.ValidationError(error.message) from error
        extra_body: dict[str, Any] = checked.get("extra_body", {})
        return extra_body


def deployment_choices(deployments: Iterable[Deployment]) -> list[tuple[str, str]]:
    """Return deployments for a select: maker and name, and their slug."""
    return [
        (one.slug, f"{one.model.maker}: {one.model.name} ({one.slug})")
        for one in sorted(deployments, key=lambda one: (one.model.maker, one.model.name, one.slug))
    ]


class SubmissionForm(forms.Form):
    model_name = forms.CharField(
        label=_("Name of the model"),
        max_length=120,
        help_text=_("As it should appear on boards, with size and version."),
    )
    maker = forms.CharField(label=_("Maker"), max_length=80, required=False)
    description = forms.CharField(
        label=_("How the outputs were made"),
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_(
            "Hardware, inference program, sampling, prompt format: what others need to "
            "reproduce them."
        ),
    )
    file = forms.FileField(label=_("File of outputs"), help_text=_("JSONL or CSV."))

    def __init__(self, *args: Any, namespaces: list[Namespace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(namespaces) > 1:
            self.fields["namespace"] = namespace_field(namespaces)


class InvalidateForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Public. The run remains visible and no longer counts."),
    )
