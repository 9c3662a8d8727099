"""Forms of tasks and runs: they read what came in; the actions judge it."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace
from plumbmark.gateway.budget.money import nanodollars
from plumbmark.gateway.models import Deployment
from tasks_app.authoring.actions import TaskFacts
from tasks_app.models import Run
from tasks_app.models.tasks import Visibility

VISIBILITY_CHOICES = [
    (Visibility.PRIVATE, _("Private: only you and your team")),
    (Visibility.UNLISTED, _("Unlisted: everybody who has the link")),
    (Visibility.PUBLIC, _("Public: everybody, and it is listed")),
]


def namespace_field(namespaces: Iterable[Namespace]) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("In the name of"),
        choices=[(one.handle, one.label) for one in namespaces],
        required=False,
    )


class TaskFactsForm(forms.Form):
    """The description of a task."""

    title = forms.CharField(label=_("Title"), max_length=120)
    summary = forms.CharField(
        label=_("Summary"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One sentence: what is measured. It stands in lists."),
    )
    licence = forms.CharField(
        label=_("Licence of the items"),
        max_length=80,
        required=False,
        help_text=_("For example CC-BY-4.0."),
    )
    tags = forms.CharField(
        label=_("Tags"),
        max_length=600,
        required=False,
        help_text=_("Separated by commas, for example: arithmetic, English."),
    )
    citation = forms.CharField(
        label=_("How to cite"),
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def facts(self) -> TaskFacts:
        values = self.cleaned_data
        return TaskFacts(
            title=values["title"],
            summary=values["summary"],
            licence=values["licence"],
            tags=[tag for tag in (part.strip() for part in values["tags"].split(",")) if tag],
            citation=values["citation"],
        )


class NewTaskForm(TaskFactsForm):
    def __init__(self, *args: Any, namespaces: list[Namespace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["citation"]
        if len(namespaces) > 1:
            self.fields["namespace"] = namespace_field(namespaces)

    def facts(self) -> TaskFacts:
        self.cleaned_data.setdefault("citation", "")
        return super().facts()


class VisibilityForm(forms.Form):
    visibility = forms.ChoiceField(
        label=_("Who may see it"), choices=VISIBILITY_CHOICES, widget=forms.RadioSelect
    )


class PublishTaskForm(VisibilityForm):
    notes = forms.CharField(
        label=_("What changed"),
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Shown in the list of versions."),
    )


class TaskDraftForm(forms.Form):
    """The editor's. The text is kept as it is, with its spaces."""

    definition = forms.CharField(required=False, strip=False)
    data_file = forms.FileField(required=False, allow_empty_file=True)


class CodeDraftForm(forms.Form):
    """The code editor's. Texts are kept as they are."""

    code = forms.CharField(required=False, strip=False)
    settings = forms.CharField(required=False, strip=False)
    code_file = forms.FileField(required=False, allow_empty_file=True)


PURPOSE_CHOICES = [
    (
        Run.Purpose.EXPLORATORY,
        _("Exploratory: only you see it and it enters no board; it counts as an attempt"),
    ),
    (
        Run.Purpose.DECLARED,
        _("Declared: visible to all from its start, never hidden, and it may enter boards"),
    ),
]


class SpendLimitForm(forms.Form):
    """The spend limit of a run."""

    spend_limit = forms.CharField(
        label=_("Spend at most, in US dollars"),
        required=False,
        max_length=20,
        help_text=_("The run pauses there. Leave it empty for your quota alone."),
    )

    def clean_spend_limit(self) -> int | None:
        text = self.cleaned_data["spend_limit"].strip().removeprefix("$")
        if not text:
            return None
        try:
            amount = nanodollars(text)
        except ValueError as error:
            raise forms.ValidationError(
                _("Write an amount in dollars, for example 2.50.")
            ) from error
        if not 0 <= amount <= 10**18:
            raise forms.ValidationError(_("Write an amount from 0 to 1,000,000,000."))
        return amount


class RunForm(SpendLimitForm):
    """Whom to ask, what for, and what differs from the task's own settings."""

    deployment = forms.ChoiceField(label=_("Model"))
    purpose = forms.ChoiceField(
        label=_("Purpose"), choices=PURPOSE_CHOICES, widget=forms.RadioSelect
    )
    temperature = forms.FloatField(
        label=_("Temperature"),
        required=False,
        min_value=0,
        max_value=2,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    max_output_tokens = forms.IntegerField(
        label=_("Output tokens at most"), required=False, min_value=1, max_value=1_000_000
    )
    reasoning_effort = forms.ChoiceField(
        label=_("Reasoning effort"),
        required=False,
        choices=[("", _("as the provider has it"))]
        + [(effort, effort) for effort in ("minimal", "low", "medium", "high")],
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
        self.fields["deployment"].choices = deployment_choices(deployments)  # type: ignore[attr-defined]
        if is_try:
            self.fields["purpose"].choices = [(Run.Purpose.TRY, _("Try"))]  # type: ignore[attr-defined]
        if len(namespaces) > 1:
            self.fields["namespace"] = namespace_field(namespaces)

    @property
    def configuration(self) -> dict[str, Any]:
        """Return what differs from the task's own settings, as contenders store it."""
        names = ("temperature", "max_output_tokens", "reasoning_effort")
        values = {name: self.cleaned_data.get(name) for name in names}
        return {name: value for name, value in values.items() if value not in (None, "")}


def deployment_choices(deployments: Iterable[Deployment]) -> list[tuple[str, str]]:
    """Deployments for a select: maker and name, and the address they are called by."""
    return [
        (one.slug, f"{one.model.maker}: {one.model.name} ({one.slug})")
        for one in sorted(deployments, key=lambda one: (one.model.maker, one.model.name, one.slug))
    ]


class SubmissionForm(forms.Form):
    model_name = forms.CharField(
        label=_("Name of the model"),
        max_length=120,
        help_text=_("As it shall stand on boards, with size and version."),
    )
    maker = forms.CharField(label=_("Maker"), max_length=80, required=False)
    description = forms.CharField(
        label=_("How the outputs were made"),
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Hardware, inference program, sampling, prompt format: what others need."),
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
        help_text=_("Public. The run stays and no longer counts."),
    )


class LabelSetForm(forms.Form):
    """The number of answers to label, and the rubric."""

    size = forms.IntegerField(
        label=_("Answers"),
        min_value=1,
        max_value=500,
        initial=50,
        help_text=_("Drawn at random, evenly from the models. 50 take about half an hour."),
    )

    def __init__(self, *args: Any, scorers: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(scorers) > 1:
            self.fields["scorer"] = forms.ChoiceField(
                label=_("Scorer"), choices=[(name, name) for name in scorers]
            )


class GradeForm(forms.Form):
    """A grade on the judges' scale; the action knows its ends."""

    value = forms.FloatField(label=_("Grade"))
