"""Forms of label sets."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class LabelSetForm(forms.Form):
    """The number of answers to label, and the rubric."""

    size = forms.IntegerField(
        label=_("Answers"),
        min_value=1,
        max_value=500,
        initial=50,
        help_text=_(
            "Drawn at random, evenly across models. Labelling 50 takes about half an hour."
        ),
    )

    def __init__(self, *args: Any, scorers: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(scorers) > 1:
            self.fields["scorer"] = forms.ChoiceField(
                label=_("Scorer"), choices=[(name, name) for name in scorers]
            )


class GradeForm(forms.Form):
    """A grade on the judges' scale; the action checks its range."""

    value = forms.FloatField(label=_("Grade"))
