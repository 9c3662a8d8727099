"""Forms of tasks and runs: they read what came in; the actions judge it."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.acting import namespace_field
from plumbmark.accounts.models import Namespace
from tasks_app.authoring.actions import TaskFacts
from tasks_app.authoring.withdrawal import MAX_REASON
from tasks_app.models import Run, TaskVersion
from tasks_app.models.tasks import Visibility

VISIBILITY_CHOICES = [
    (Visibility.PRIVATE, _("Private: only you and your team")),
    (Visibility.UNLISTED, _("Unlisted: everyone with the link")),
    (Visibility.PUBLIC, _("Public: everyone, and it is listed")),
]


class TaskFactsForm(forms.Form):
    """The description of a task."""

    title = forms.CharField(label=_("Title"), max_length=120)
    summary = forms.CharField(
        label=_("Summary"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One sentence: what is measured. It is shown in lists."),
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


if TYPE_CHECKING:
    _VersionChoice = forms.ModelChoiceField[TaskVersion]
else:
    _VersionChoice = forms.ModelChoiceField  # takes no type argument at run time


class _WithdrawableVersionField(_VersionChoice):
    def label_from_instance(self, obj: TaskVersion) -> str:
        return gettext("Version %(number)s, %(items)s items") % {
            "number": obj.number,
            "items": obj.item_count,
        }


class WithdrawalForm(forms.Form):
    """A version whose content is to go, and the public reason."""

    version = _WithdrawableVersionField(
        label=_("Version"), queryset=TaskVersion.objects.none(), to_field_name="public_id"
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=MAX_REASON,
        help_text=_("Public: it stands where the content was."),
    )

    def __init__(self, *args: Any, versions: QuerySet[TaskVersion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["version"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = versions


class VisibilityForm(forms.Form):
    visibility = forms.ChoiceField(
        label=_("Who can see it"), choices=VISIBILITY_CHOICES, widget=forms.RadioSelect
    )


class AllowDeploymentForm(forms.Form):
    deployment = forms.CharField(
        label=_("Id of the deployment"),
        max_length=200,
        help_text=_("Its owner finds it in the API's list of deployments."),
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
    replaces_fitting_file = forms.BooleanField(required=False)


class CodeDraftForm(forms.Form):
    """The code editor's. Texts are kept as they are."""

    code = forms.CharField(required=False, strip=False)
    settings = forms.CharField(required=False, strip=False)
    code_file = forms.FileField(required=False, allow_empty_file=True)


PURPOSE_CHOICES = [
    (
        Run.Purpose.EXPLORATORY,
        _("Exploratory: only you can see it and no board shows it, but it counts as an attempt"),
    ),
    (
        Run.Purpose.DECLARED,
        _("Declared: visible to everyone from the start, never hidden, and boards may show it"),
    ),
]
