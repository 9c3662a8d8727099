"""Forms of the benchmark pages. They read; the actions decide."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from benchmarks_app.actions.authoring import Member
from benchmarks_app.card import MAX_ANSWER, QUESTIONS
from benchmarks_app.composition.contributors import MAX_CONTRIBUTORS_TEXT
from benchmarks_app.models import BenchmarkTask, BenchmarkVersion
from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.queries import namespaces_acted_for_by
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
    smallest_difference = forms.FloatField(
        label=_("Smallest difference that matters"),
        required=False,
        min_value=1e-12,
        help_text=_(
            "On the scale of the score. On a share, 0.02 is two points of a hundred. Smaller "
            "differences are called practically equal; tests and ranks stay as they are."
        ),
        # A text field: browsers refuse other steps in a field of numbers.
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    score_format = forms.ChoiceField(
        label=_("How scores are written"),
        required=False,
        choices=[("", _("as the task says")), *BenchmarkVersion.ScoreFormat.choices],
    )
    notes = forms.CharField(
        label=_("What changed in this version"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    contributors = forms.CharField(
        label=_("Contributors"),
        required=False,
        max_length=MAX_CONTRIBUTORS_TEXT,
        help_text=_(
            "One person on each line: “Ada Lovelace @ada: wrote the items”. The account and what "
            "they did may be left out; only accounts of the owning person or team can be linked."
        ),
        widget=forms.Textarea(attrs={"rows": 3}),
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
            self.fields[name].optional_words = _("required to publish")  # type: ignore[attr-defined]

    @classmethod
    def of(cls, version: BenchmarkVersion) -> "BenchmarkDraftForm":
        """Return the form filled from the draft."""
        return cls(initial=cls._saved(version))

    @classmethod
    def typed(cls, data: QueryDict) -> "BenchmarkDraftForm":
        """Return the form as it was typed, without judging it."""
        form = cls()
        form.initial = {name: data.get(name, "") for name in form.fields}
        return form

    @classmethod
    def _saved(cls, version: BenchmarkVersion) -> dict[str, Any]:
        initial = {
            "title": version.benchmark.title,
            "claim": version.benchmark.claim,
            "tags": ", ".join(version.benchmark.tags),
            "entry_policy": version.entry_policy,
            "entrants": version.entrants,
            "unscored_allowed": format(version.unscored_allowed.normalize(), "f"),
            "smallest_difference": version.smallest_difference,
            "score_format": version.score_format,
            "contributors": version.contributors,
            "notes": version.notes,
        }
        initial |= {
            f"card_{question.key}": version.card.get(question.key, "") for question in QUESTIONS
        }
        return initial

    def differing_from(self, version: BenchmarkVersion) -> list[tuple[str, str]]:
        """Return the labels of fields that were typed differently, each with the saved text."""
        saved = {
            name: "" if value is None else str(value)
            for name, value in self._saved(version).items()
        }
        return [
            (str(self.fields[name].label), text)
            for name, text in saved.items()
            if str(self[name].value() or "").replace("\r\n", "\n") != text
        ]

    @property
    def card(self) -> dict[str, str]:
        return {question.key: self.cleaned_data[f"card_{question.key}"] for question in QUESTIONS}

    @property
    def card_fields(self) -> list[forms.BoundField]:
        return [*(self[f"card_{question.key}"] for question in QUESTIONS), self["contributors"]]

    _RULES = (
        "entry_policy",
        "entrants",
        "unscored_allowed",
        "smallest_difference",
        "score_format",
        "notes",
    )

    @property
    def rule_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self._RULES]


class MemberForm(forms.Form):
    """One row of the task table. Its names hold the task version's id, so that they mean the same
    after somebody else has saved.
    """

    weight = forms.DecimalField(
        label=_("Weight"), max_digits=9, decimal_places=6, max_value=Decimal(1000)
    )
    label = forms.CharField(label=_("Name on the board"), max_length=80, required=False)
    group = forms.CharField(
        label=_("Group"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"list": "groups"}),
    )
    remove = forms.BooleanField(label=_("Remove"), required=False)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        member: BenchmarkTask,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            data,
            prefix=f"member-{member.task_version.public_id}",
            initial=initial
            or {
                "weight": format(member.weight.normalize(), "f"),
                "label": member.label,
                "group": member.group,
            },
        )
        self.member = member

    @classmethod
    def typed(cls, data: QueryDict, member: BenchmarkTask) -> "MemberForm":
        """Return the row as it was typed, without judging it."""
        form = cls(member=member)
        if form.add_prefix("weight") in data:
            form.initial = {name: data.get(form.add_prefix(name), "") for name in form.fields}
        return form

    def clean_weight(self) -> Decimal:
        weight: Decimal = self.cleaned_data["weight"]
        if weight <= 0:
            raise forms.ValidationError(
                _("Must be more than 0. To leave the task out, tick “Remove”.")
            )
        return weight

    @property
    def key(self) -> str:
        return self.member.task_version.public_id

    @property
    def weight_value(self) -> Decimal | None:
        """The weight that stands in the row, where it is a number above 0."""
        try:
            weight = Decimal(str(self["weight"].value()))
        except InvalidOperation:
            return None
        return weight if weight.is_finite() and 0 < weight <= 1000 else None

    def as_member(self, *, is_newer: bool = False) -> Member:
        """Return the row, `is_newer` with the task's newest version where there is one."""
        version = self.member.task_version
        if is_newer:
            version = self.member.newer_version or version
        values = self.cleaned_data
        return Member(version, values["weight"], values["label"], values["group"])


class PickerForm(forms.Form):
    """Words and whose tasks, to search for tasks to add. Nothing of it is saved."""

    use_required_attribute = False

    q = forms.CharField(
        label=_("Words in the title or summary"),
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        label=_("Whose tasks"),
        choices=[
            ("all", _("all that I can see")),
            ("mine", _("mine")),
            ("teams", _("my teams’")),
            ("public", _("public ones")),
        ],
    )


class PublishBenchmarkForm(forms.Form):
    visibility = forms.ChoiceField(
        label=_("Who can see it"),
        choices=Visibility.choices,
        initial=Visibility.PUBLIC,
    )
