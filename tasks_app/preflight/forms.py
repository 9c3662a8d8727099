"""The form of the pre-flight: models, the wanted difference, and the settings of the run."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tasks_app.draft_trials.forms import TrialModelsForm
from tasks_app.preflight.queries import DEFAULT_POINTS

_EFFORTS = [(effort, effort) for effort in ("minimal", "low", "medium", "high")]


class PreflightForm(TrialModelsForm):
    """Settings are hidden: they come with the link from the start page."""

    field_order = ("temperature", "max_output_tokens", "reasoning_effort", "models", "difference")

    difference = forms.FloatField(
        label=_("Smallest difference that you want to see, in points"),
        required=False,
        min_value=0.01,
        max_value=100,
        help_text=_(
            "Hundredths of the scale: 5 points are from 70 % to 75 %. Without a number, 5 points."
        ),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    temperature = forms.FloatField(
        required=False, min_value=0, max_value=2, widget=forms.HiddenInput
    )
    max_output_tokens = forms.IntegerField(
        required=False, min_value=1, max_value=1_000_000, widget=forms.HiddenInput
    )
    reasoning_effort = forms.ChoiceField(
        required=False, choices=[("", ""), *_EFFORTS], widget=forms.HiddenInput
    )

    @property
    def points(self) -> float:
        return self.cleaned_data.get("difference") or DEFAULT_POINTS

    @property
    def configuration(self) -> dict[str, Any]:
        """The options that differ from the task's own settings, as contenders store them."""
        names = ("temperature", "max_output_tokens", "reasoning_effort")
        values = {name: self.cleaned_data.get(name) for name in names}
        return {name: value for name, value in values.items() if value not in (None, "")}
