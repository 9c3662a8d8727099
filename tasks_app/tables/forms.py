"""Forms of a table: the reading of its file, and the roles of its columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tasks_app.tables.encodings import LABELS
from tasks_app.tables.roles import Roles
from tasks_app.tables.separators import SEPARATORS
from tasks_app.tables.sources import TableOptions

ROLES = [
    ("", _("Not used")),
    ("question", _("Question")),
    ("answer", _("Right answer")),
    ("options", _("Option")),
    ("id", _("Id")),
    ("cluster", _("Cluster")),
    ("slices", _("Slice")),
    ("split", _("Private or public")),
    ("images", _("Image")),
]
KINDS = [
    ("answer", _("Question and answer")),
    ("number", _("A number, as in maths")),
    ("choices", _("Multiple choice")),
    ("classes", _("Classification")),
    ("json", _("Extraction to JSON")),
    ("judge", _("Free answer, judged by a model")),
]
TARGET_FORMS = [
    ("", _("guess for each row")),
    ("letter", _("the letter of the option")),
    ("text", _("the text of the option")),
    ("index", _("its place, counted from 0")),
    ("number", _("its place, counted from 1")),
]


class ReadingForm(forms.Form):
    """Corrections of a wrong guess about a file."""

    encoding = forms.ChoiceField(
        label=_("Encoding"), required=False, choices=[("", _("guess")), *LABELS.items()]
    )
    separator = forms.ChoiceField(
        label=_("Columns are separated by"),
        required=False,
        choices=[("", _("guess")), *SEPARATORS.items()],
    )
    sheet = forms.CharField(label=_("Sheet"), required=False, max_length=200)
    has_head = forms.BooleanField(label=_("The first row names the columns"), required=False)

    def __init__(self, *args: Any, sheets: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Fields without a use would only be in the way.
        if sheets:
            del self.fields["encoding"], self.fields["separator"]
            self.fields["sheet"] = forms.ChoiceField(
                label=_("Sheet"), choices=[(name, name) for name in sheets]
            )
        else:
            del self.fields["sheet"]

    def options(self) -> TableOptions:
        values = self.cleaned_data
        return TableOptions(
            encoding=values.get("encoding", ""),
            separator=values.get("separator", ""),
            sheet=values.get("sheet", ""),
            has_head=values["has_head"],
        )


class ColumnsForm(forms.Form):
    """The kind of the task and a role for each column."""

    kind = forms.ChoiceField(label=_("Kind of task"), choices=KINDS)
    after = forms.CharField(
        label=_("The right answer follows this mark"),
        required=False,
        max_length=200,
        strip=False,
        help_text=_("Only where the answer's text has more than the answer, as in “#### 18”."),
    )
    target_is = forms.ChoiceField(
        label=_("The right answer is given as"), required=False, choices=TARGET_FORMS
    )
    private = forms.CharField(
        label=_("Private values"),
        required=False,
        max_length=1000,
        help_text=_("Of the column that says what is private; several with commas between them."),
    )
    keeps_definition = forms.BooleanField(
        label=_("Keep the prompt and the scorers that the definition has"), required=False
    )

    def __init__(
        self,
        *args: Any,
        columns: Sequence[Mapping[str, Any]],
        roles: Roles,
        deployments: Sequence[tuple[str, str]],
        has_definition: bool,
        **kwargs: Any,
    ) -> None:
        initial: dict[str, Any] = {
            "kind": roles.kind,
            "after": roles.after,
            "target_is": roles.target_is,
            "private": ", ".join(roles.private),
            "keeps_definition": has_definition,
        }
        given = _roles_by_column(roles)
        self._columns = [one["name"] for one in columns]
        for number, name in enumerate(self._columns):
            initial[f"role-{number}"] = given.get(name, "")
        kwargs["initial"] = initial
        super().__init__(*args, **kwargs)
        for number, name in enumerate(self._columns):
            self.fields[f"role-{number}"] = forms.ChoiceField(
                label=_("Role of %(column)s") % {"column": name}, choices=ROLES, required=False
            )
        self.fields["judges"] = forms.MultipleChoiceField(
            label=_("Models that judge"),
            choices=deployments,
            required=False,
            help_text=_("Only for answers that a model judges."),
        )
        if not has_definition:
            del self.fields["keeps_definition"]

    def role_fields(self) -> list[forms.BoundField]:
        """Return the fields of the columns, in their order."""
        return [self[f"role-{number}"] for number in range(len(self._columns))]

    def roles(self) -> Roles:
        """Return what the author chose."""
        values = self.cleaned_data
        chosen: dict[str, list[str]] = {}
        for number, name in enumerate(self._columns):
            chosen.setdefault(values[f"role-{number}"], []).append(name)
        single = {
            role: (chosen.get(role) or [""])[0] for role in ("answer", "id", "cluster", "split")
        }
        for role in single:
            if len(chosen.get(role, ())) > 1:
                names = ", ".join(map(repr, chosen[role]))
                self.add_error(
                    None, _("Only one column can have this role, not %(names)s.") % {"names": names}
                )
        kind = values["kind"]
        private = [one.strip() for one in values["private"].split(",") if one.strip()]
        return Roles(
            kind=kind,
            question=tuple(chosen.get("question", ())),
            after=values["after"].strip(),
            options=tuple(chosen.get("options", ())) if kind == "choices" else (),
            target_is=values["target_is"],
            slices=tuple(chosen.get("slices", ())),
            private=tuple(private) if single["split"] else (),
            images=tuple(chosen.get("images", ())),
            answer=single["answer"],
            id=single["id"],
            cluster=single["cluster"],
            split=single["split"],
        )


def _roles_by_column(roles: Roles) -> dict[str, str]:
    found = dict.fromkeys(roles.question, "question")
    found |= dict.fromkeys(roles.options, "options")
    found |= dict.fromkeys(roles.slices, "slices")
    found |= dict.fromkeys(roles.images, "images")
    for role in ("answer", "id", "cluster", "split"):
        if name := getattr(roles, role):
            found.setdefault(name, role)
    return found
