"""The playground's form."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.acting import namespace_field
from plumbmark.accounts.models import Namespace
from plumbmark.gateway.models import Deployment
from tasks_app.playground.actions import MAX_PROMPT, Prompt


class PlaygroundForm(forms.Form):
    prompt = forms.CharField(
        label=_("Prompt"),
        max_length=MAX_PROMPT,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    system = forms.CharField(
        label=_("System prompt"),
        required=False,
        max_length=MAX_PROMPT,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    models = forms.MultipleChoiceField(
        label=_("Models, up to six"), widget=forms.CheckboxSelectMultiple
    )
    temperature = forms.FloatField(
        label=_("Temperature"),
        required=False,
        min_value=0,
        max_value=2,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    max_output_tokens = forms.IntegerField(
        label=_("Maximum output tokens"), min_value=1, max_value=32_768, initial=1024
    )

    def __init__(
        self,
        *args: Any,
        deployments: Sequence[Deployment],
        namespaces: list[Namespace],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["models"].choices = [  # type: ignore[attr-defined]
            (one.public_id, one.slug) for one in deployments
        ]
        if len(namespaces) > 1:
            self.fields["namespace"] = namespace_field(namespaces)

    def as_prompt(self) -> Prompt:
        values = self.cleaned_data
        return Prompt(
            text=values["prompt"],
            system=values["system"],
            temperature=values["temperature"],
            max_output_tokens=values["max_output_tokens"],
        )
