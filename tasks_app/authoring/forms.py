"""Forms of tasks and runs: they read what came in; the actions judge it."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.acting import namespace_field
from plumbmark.accounts.models import Namespace
from tasks_app.authoring.actions import TaskFacts
from tasks_app.authoring.withdrawal import MAX_REASON
from tasks_app.models import Run, TaskVersion
from tasks_app.models.tasks import Visibility

TABLE_ENDINGS = ".csv,.tsv,.txt,.xlsx,.xlsm,.json,.jsonl,.ndjson,.parquet,.html,.md"
MAX_PASTED = 1_000_000

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
    source_url = forms.URLField(
        label=_("Address of the source"),
        max_length=300,
        required=False,
        assume_scheme="https",
        help_text=_("Where the items are from, if they are not your own."),
    )
    source_authors = forms.CharField(
        label=_("Authors of the source"), max_length=300, required=False
    )
    source_licence = forms.CharField(
        label=_("Licence of the source"),
        max_length=80,
        required=False,
        help_text=_("As an SPDX id, for example CC-BY-SA-4.0."),
    )

    def facts(self) -> TaskFacts:
        values = self.cleaned_data
        return TaskFacts(
            title=values["title"],
            summary=values["summary"],
            licence=values["licence"],
            tags=[tag for tag in (part.strip() for part in values["tags"].split(",")) if tag],
            citation=values["citation"],
            source_url=values["source_url"],
            source_authors=values["source_authors"],
            source_licence=values["source_licence"],
        )


_ONLY_IN_SETTINGS = ("citation", "source_url", "source_authors", "source_licence")


class TransferForm(forms.Form):
    """The namespace that gets a task."""

    handle = forms.ChoiceField(label=_("New owner"))
    slug = forms.SlugField(
        label=_("Address of the task"),
        max_length=80,
        required=False,
        help_text=_("The last part of its address with the new owner; empty: as it is."),
    )

    def __init__(self, *args: Any, namespaces: list[Namespace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["handle"].choices = [  # type: ignore[attr-defined]
            (one.handle, one.label) for one in namespaces
        ]


class NewTaskForm(TaskFactsForm):
    """A task's first facts, and the file that it begins with, if there is one."""

    data_file = forms.FileField(
        label=_("Your data"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": TABLE_ENDINGS}),
        help_text=_(
            "Choose a file or drop it here: a table with a row for each question, as CSV, TSV, "
            "XLSX, JSON, JSONL or Parquet. The next page shows its columns."
        ),
    )
    pasted = forms.CharField(
        label=_("Or paste a table"),
        required=False,
        max_length=MAX_PASTED,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "wrap": "off"}),
        help_text=_("From a spreadsheet, a web page's source, Markdown or a text."),
    )

    def __init__(self, *args: Any, namespaces: list[Namespace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _ONLY_IN_SETTINGS:
            del self.fields[name]
        self.order_fields(["title", "data_file", "pasted"])
        if len(namespaces) > 1:
            self.fields["namespace"] = namespace_field(namespaces)

    def facts(self) -> TaskFacts:
        for name in _ONLY_IN_SETTINGS:
            self.cleaned_data.setdefault(name, "")
        return super().facts()

    def upload(self) -> "UploadedFile[bytes] | None":
        """Return the file, or what was pasted as one."""
        found: UploadedFile[bytes] | None = self.cleaned_data.get("data_file")
        pasted = self.cleaned_data["pasted"]
        if found is None and pasted.strip():
            return SimpleUploadedFile("pasted.txt", pasted.encode("utf-8", "surrogatepass"))
        return found


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
        help_text=_("Public: it is shown in place of the content."),
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
