"""Forms of offers."""

from django import forms
from django.utils.translation import gettext_lazy as _


class OfferForm(forms.Form):
    """The person or team that a task is offered to."""

    recipient = forms.CharField(
        label=_("Handle of a person or team"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        help_text=_(
            "They are told by mail and on their home page, and see the task's title, its size and "
            "how many items are private. The offer ends after 14 days."
        ),
    )


class AcceptOfferForm(forms.Form):
    """The address that a task gets with its new owner."""

    slug = forms.SlugField(
        label=_("Address of the task"),
        max_length=80,
        help_text=_("The last part of its address. The old address leads to the new one."),
    )
