"""Forms of reports and of their decisions."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tasks_app.item_reports.actions import MAX_NOTE, MAX_REASON
from tasks_app.item_reports.targets import MAX_ANSWER, MAX_ANSWERS
from tasks_app.models import ItemReport

_MAX_TARGET = MAX_ANSWER * MAX_ANSWERS


class ItemReportForm(forms.Form):
    """A reader's report of one item."""

    kind = forms.ChoiceField(
        label=_("What is wrong?"), choices=ItemReport.Kind.choices, widget=forms.RadioSelect
    )
    reason = forms.CharField(
        label=_("Why?"),
        widget=forms.Textarea(attrs={"rows": 6}),
        max_length=MAX_REASON,
        help_text=_("Everyone who sees the item can read it. Markdown works here."),
    )
    proposed = forms.CharField(
        label=_("Right answer, if you know it"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=_MAX_TARGET,
        required=False,
        help_text=_("One a line, where several are right."),
    )


class AcceptReportForm(forms.Form):
    """The corrected key, and a note for the readers."""

    target = forms.CharField(
        label=_("Right answer"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=_MAX_TARGET,
        help_text=_("One a line, where several are right. An answer that equals one is right."),
    )
    note = forms.CharField(
        label=_("Note (public)"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=MAX_NOTE,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_accept_%s")
        super().__init__(*args, **kwargs)


class DeclineReportForm(forms.Form):
    """The reason why an item stays as it is."""

    note = forms.CharField(
        label=_("Why does the item stay as it is? (public)"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=MAX_NOTE,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_decline_%s")
        super().__init__(*args, **kwargs)
