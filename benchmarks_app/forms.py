"""Forms of the benchmark pages. They read; the actions decide."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from benchmarks_app.actions.authoring import Member
from benchmarks_app.card import MAX_ANSWER, QUESTIONS
from benchmarks_app.models import BenchmarkTask, BenchmarkVersion
from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.queries import namespaces_acted_for_by
from tasks_app.models import TaskVersion
from tasks_app.models.tasks import Visibility


class NewBenchmarkForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=120)
    claim = forms.CharField(
        label=_("What it measures, in one sentence"), max_length=300, required=False
    )
    namespace = forms.ModelChoiceField(
        label=_("Owner"), queryset=Namespace.objects.none(), to_field_name="handle"
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["namespace"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = namespaces_acted_for_by(by)
        field.initial = getattr(getattr(by, "namespace", None), "handle", None)


class BenchmarkDraftForm(forms.Form):
    """Title, claim, rules and card of a draft. The tasks have their own rows."""

    title = forms.CharField(label=_("Title"), max_length=120)
    claim = forms.CharField(
        label=_("What it measures, in one sentence"), max_length=300, required=False
    )
    tags = forms.CharField(
        label=_("Tags"), max_length=500, required=False, help_text=_("Separated by commas.")
    )
    entry_policy = forms.ChoiceField(
        label=_("Which runs count"), choices=BenchmarkVersion.EntryPolicy.choices
    )
    entrants = forms.ChoiceField(
        label=_("Who may enter contenders"), choices=BenchmarkVersion.Entrants.choices
    )
    unscored_allowed = forms.DecimalField(
        label=_("Share of unscored samples above which a row is not ranked"),
        min_value=Decimal(0),
        max_value=Decimal(1),
        decimal_places=4,
        max_digits=5,
    )
    notes = forms.CharField(
        label=_("What changed in this version"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in QUESTIONS:
            self.fields[f"card_{question.key}"] = forms.CharField(
                label=question.title,
                help_text=question.help,
                required=False,
                max_length=MAX_ANSWER,
                widget=forms.Textarea(attrs={"rows": 3}),
            )
        for name in ("claim", *(f"card_{question.key}" for question in QUESTIONS)):
            # A draft may be saved without it.
            self.fields[name].optional_words = _("needed to publish")  # type: ignore[attr-defined]

    @classmethod
    def of(cls, version: BenchmarkVersion) -> "BenchmarkDraftForm":
        """Return the form filled from the draft."""
        initial = {
            "title": version.benchmark.title,
            "claim": version.benchmark.claim,
            "tags": ", ".join(version.benchmark.tags),
            "entry_policy": version.entry_policy,
            "entrants": version.entrants,
            "unscored_allowed": version.unscored_allowed.normalize(),
            "notes": version.notes,
        }
        initial |= {
            f"card_{question.key}": version.card.get(question.key, "") for question in QUESTIONS
        }
        return cls(initial=initial)

    @property
    def card(self) -> dict[str, str]:
        return {question.key: self.cleaned_data[f"card_{question.key}"] for question in QUESTIONS}

    @property
    def card_fields(self) -> list[forms.BoundField]:
        return [self[f"card_{question.key}"] for question in QUESTIONS]

    @property
    def rule_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("entry_policy", "entrants", "unscored_allowed", "notes")]


class MemberForm(forms.Form):
    """One row of the task table."""

    weight = forms.DecimalField(
        label=_("Weight"), max_digits=9, decimal_places=6, max_value=Decimal(1000)
    )
    label = forms.CharField(label=_("Name on the board"), max_length=80, required=False)
    remove = forms.BooleanField(label=_("Remove"), required=False)

    def __init__(self, data: QueryDict | None = None, *, member: BenchmarkTask) -> None:
        super().__init__(
            data,
            prefix=f"member-{member.pk}",
            initial={"weight": member.weight.normalize(), "label": member.label},
        )
        self.member = member

    def as_member(self, *, is_newer: bool = False) -> Member:
        """Return the row, `is_newer` with the task's newest version where there is one."""
        version = self.member.task_version
        if is_newer:
            version = self.member.newer_version or version
        return Member(version, self.cleaned_data["weight"], self.cleaned_data["label"])


if TYPE_CHECKING:
    _VersionChoice = forms.ModelChoiceField[TaskVersion]
else:
    _VersionChoice = forms.ModelChoiceField  # takes no type argument at run time


class _VersionField(_VersionChoice):
    def label_from_instance(self, obj: TaskVersion) -> str:
        return f"{obj.task.title} · {obj.task.namespace.handle} · v{obj.number}"


class AddTaskForm(forms.Form):
    task_version = _VersionField(
        label=_("Add a task"), queryset=TaskVersion.objects.none(), to_field_name="public_id"
    )

    def __init__(self, *args: Any, candidates: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["task_version"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = candidates


class PublishBenchmarkForm(forms.Form):
    visibility = forms.ChoiceField(
        label=_("Who can see it"),
        choices=Visibility.choices,
        initial=Visibility.PUBLIC,
    )
