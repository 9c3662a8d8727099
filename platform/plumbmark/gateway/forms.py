"""Forms of the administration: a secret goes in and never comes out."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from plumbmark.common.errors import DomainError
from plumbmark.gateway.budget.money import NANO
from plumbmark.gateway.catalogue.base_urls import check_base_url
from plumbmark.gateway.catalogue.credentials import put_secret
from plumbmark.gateway.models import Credential, Deployment, PriceCard, QuotaPolicy
from plumbmark.gateway.providers.extra_body import find_options_problems

if TYPE_CHECKING:
    _CredentialForm = forms.ModelForm[Credential]
    _DeploymentForm = forms.ModelForm[Deployment]
    _PriceCardForm = forms.ModelForm[PriceCard]
    _QuotaPolicyForm = forms.ModelForm[QuotaPolicy]
else:
    _CredentialForm = _DeploymentForm = _PriceCardForm = _QuotaPolicyForm = forms.ModelForm


class CredentialForm(_CredentialForm):
    secret = forms.CharField(
        label=_("secret"),
        required=False,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=_(
            "Stored encrypted and never shown again. Leave empty to keep the stored one, or name "
            "an environment variable instead."
        ),
    )

    class Meta:
        model = Credential
        fields: ClassVar = ["name", "owner", "environment_variable"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        secret, variable = cleaned.get("secret"), cleaned.get("environment_variable")
        if secret and variable:
            raise ValidationError(_("Give a secret or an environment variable, not both."))
        if not (secret or variable or self.instance.encrypted_secret):
            raise ValidationError(_("Give a secret or the name of an environment variable."))
        if variable and cleaned.get("owner"):
            raise ValidationError(_("Only the platform's own credentials read the environment."))
        return cleaned

    def save(self, commit: bool = True) -> Credential:
        if secret := self.cleaned_data.get("secret"):
            put_secret(self.instance, secret)
        elif self.cleaned_data.get("environment_variable"):
            self.instance.encrypted_secret = None
            self.instance.hint = self.instance.fingerprint = ""
        return super().save(commit)


class DollarsField(forms.DecimalField):
    """An amount in dollars, kept in nanodollars."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=10**9, decimal_places=9, **options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, int):
            return (Decimal(value) / NANO).normalize()
        return value

    def clean(self, value: Any) -> Any:
        dollars = super().clean(value)
        return None if dollars is None else int(dollars * NANO)


class PriceCardForm(_PriceCardForm):
    """Prices as providers write them: in dollars per million tokens."""

    input_per_mtok = DollarsField(label=_("input, USD per million tokens"))
    cached_input_per_mtok = DollarsField(
        label=_("cached input, USD per million tokens"),
        required=False,
        help_text=_("Empty: as input."),
    )
    output_per_mtok = DollarsField(label=_("output, USD per million tokens"))
    per_request = DollarsField(label=_("USD per request"), initial=0)

    class Meta:
        model = PriceCard
        fields: ClassVar = [
            "valid_from",
            "input_per_mtok",
            "cached_input_per_mtok",
            "output_per_mtok",
            "per_request",
            "source",
        ]


class QuotaPolicyForm(_QuotaPolicyForm):
    """Limits in dollars."""

    day_cap = DollarsField(label=_("USD per UTC day"))
    month_cap = DollarsField(label=_("USD per UTC month"))

    class Meta:
        model = QuotaPolicy
        fields: ClassVar = ["namespace", "day_cap", "month_cap", "note"]


class DeploymentForm(_DeploymentForm):
    class Meta:
        model = Deployment
        fields: ClassVar = [
            "slug",
            "model",
            "provider",
            "base_url",
            "upstream_id",
            "credential",
            "owner",
            "is_active",
            "max_concurrency",
            "deadline_seconds",
            "max_billed_output_tokens",
            "options",
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        owner, credential = cleaned.get("owner"), cleaned.get("credential")
        if cleaned.get("provider") != Deployment.Provider.BASELINE:
            try:
                cleaned["base_url"] = check_base_url(
                    cleaned.get("base_url", ""), is_users=owner is not None
                )
            except DomainError as error:
                self.add_error("base_url", error.message)
        if credential is not None and credential.owner != owner:
            self.add_error("credential", _("The credential belongs to somebody else."))
        options = cleaned.get("options") or {}
        if isinstance(options, dict):
            for problem in find_options_problems(options):
                self.add_error("options", problem)
        else:
            self.add_error("options", _("Options must be a JSON object."))
        return cleaned
