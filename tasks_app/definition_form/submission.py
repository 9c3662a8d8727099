"""Values that an author sent from the form, written into the text that the form was made of."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.authoring.preview import PlacedProblem
from tasks_app.definition_form.fields import (
    Entries,
    FieldBuilder,
    FormSection,
    Group,
    Known,
    Leaf,
    Node,
    Path,
    leaves_of,
)
from tasks_app.definition_form.places import (
    add_entry,
    delete_at,
    drop_other_options,
    keep_main,
    move_entry,
    set_at,
    value_at,
)
from tasks_app.definition_form.shapes_of_values import (
    LEFT_OUT,
    NotReadable,
    as_sent,
    read_value,
)
from tasks_app.definition_form.yaml_edits import NotWritable, change_text, read_document
from tasks_app.definitions import DEFINITION_SCHEMA
from tasks_app.definitions.source_map import check_text

ACTION = "form_action"


@dataclass(slots=True)
class DefinitionForm:
    """A definition as fields. `text` says the same as they do."""

    text: str
    nodes: list[Node] = field(default_factory=list)
    kept: Sequence[str] = ()
    """Keys of the text for which there is no field."""
    problems: list[Problem] = field(default_factory=list)
    """Why there are no fields, or what was typed and could not be taken."""
    acted: bool = False
    """A button of the form was pressed; nothing was asked to be saved."""

    @property
    def is_readable(self) -> bool:
        return bool(self.nodes)

    def with_choices(self, known: Known) -> "DefinitionForm":
        """Return the form with what its fields may offer; what was typed stays."""
        if not self.is_readable:
            return self
        form = form_of(self.text, known)
        typed = {leaf.path: leaf for leaf in leaves_of(self.nodes) if leaf.problems}
        for leaf in leaves_of(form.nodes):
            if leaf.path in typed:
                leaf.shown, leaf.problems = typed[leaf.path].shown, typed[leaf.path].problems
        form.problems, form.acted = self.problems, self.acted
        return form

    def sections(self) -> list[FormSection]:
        """Return the fields under headings, in the order in which a task is written."""
        parts = {str(node.path[0]): node for node in self.nodes}
        prompt = _children(parts["prompt"])
        asked = [node for node in prompt if node.path[-1] in _ASKED]
        limits, tools, data = parts["limits"], parts["tools"], parts["data"]
        has_tools = isinstance(tools, Entries) and bool(tools.entries)
        return [
            FormSection(
                "prompt", _("Prompt"), asked, [node for node in prompt if node not in asked]
            ),
            FormSection("scorers", _("Scorers"), [parts["scorers"], parts["main"]]),
            FormSection(
                "sampling", _("Sampling"), [*_children(parts["sampling"]), parts["repeats"]]
            ),
            FormSection("tools", _("Tools"), [tools], is_folded=not has_tools),
            FormSection(
                "limits",
                _("Limits of one sample"),
                _children(limits),
                is_folded=isinstance(limits, Group) and not limits.is_filled,
            ),
            FormSection("columns", _("Columns of the data"), _children(data), is_folded=True),
            FormSection(
                "about",
                _("Description"),
                [parts["description"], parts["language"]],
                is_folded=True,
            ),
        ]


_ASKED = {"system", "messages", "few_shot", "follow_ups"}


def _children(node: Node) -> list[Node]:
    return node.children if isinstance(node, Group) else [node]


def form_of(text: str, known: Known) -> DefinitionForm:
    """Return the form of a text; without fields where it is no mapping of keys and values."""
    try:
        check_text(text)
        document = read_document(text)
    except InvalidInput as error:
        return DefinitionForm(text, problems=list(error.problems))
    if not isinstance(document, dict):
        words = "must be a document of keys and values"
        return DefinitionForm(text, problems=[Problem(words, line=1)])
    builder = FieldBuilder(document, known)
    return DefinitionForm(
        text,
        nodes=builder.children(DEFINITION_SCHEMA, (), document),
        kept=[key for key in document if key not in DEFINITION_SCHEMA["properties"]],
    )


def read_form(text: str, sent: QueryDict, known: Known) -> DefinitionForm:
    """Return the form after what was sent: its text says what the fields said.

    What cannot be taken stays in its field, with a problem, and leaves the text as it was.
    """
    form = form_of(text, known)
    if not form.is_readable:
        return form
    document = read_document(text)
    changed = deepcopy(document)
    refused: dict[Path, tuple[Any, str]] = {}
    for leaf in leaves_of(form.nodes):
        typed = _typed(leaf, sent)
        if typed is None or _is_unchanged(leaf, typed):
            continue
        before = value_at(document, leaf.path)
        try:
            value = read_value(leaf.kind, typed, before=before, schema=leaf.schema)
        except NotReadable as error:
            refused[leaf.path] = (typed, str(error))
            continue
        _put(changed, leaf, value)
    keep_main(changed, before=document)
    named = deepcopy(changed)
    acted = _act(changed, sent)
    keep_main(changed, before=named)
    try:
        text = change_text(text, changed)
    except NotWritable as error:
        form.problems.append(Problem(str(error)))
        return form
    after = form_of(text, known)
    after.acted = acted
    for leaf in leaves_of(after.nodes):
        if leaf.path in refused:
            leaf.shown, message = refused[leaf.path]
            leaf.problems.append(message)
            after.problems.append(Problem(message, leaf.place))
    return after


def _typed(leaf: Leaf, sent: QueryDict) -> Any:
    """Return what was sent for a field, None where it was not in the form."""
    if leaf.name not in sent:
        return None
    if leaf.kind == "checks":
        return [one for one in sent.getlist(leaf.name) if one]
    if leaf.kind == "check":
        return any(sent.getlist(leaf.name))
    return as_sent(sent[leaf.name])


def _is_unchanged(leaf: Leaf, typed: Any) -> bool:
    if leaf.kind == "checks":
        return set(typed) == set(leaf.shown)
    return bool(typed == as_sent(leaf.shown))


def _put(document: dict[str, Any], leaf: Leaf, value: Any) -> None:
    if value is LEFT_OUT:
        delete_at(document, leaf.path)
        return
    set_at(document, leaf.path, value)
    if leaf.path[-1] == "type":
        drop_other_options(document, leaf.path[:-1])


def _act(document: dict[str, Any], sent: QueryDict) -> bool:
    """Do what a button asked for: `add`, `remove`, `up` or `down`, and the name of a place."""
    verb, _, name = sent.get(ACTION, "").partition(":")
    if verb not in {"add", "remove", "up", "down"}:
        return verb == "show"
    path = path_of(name)
    if verb == "add":
        add_entry(document, path, kind=sent.get(f"{name}-new", ""))
    elif path and isinstance(path[-1], int):
        if verb == "remove":
            delete_at(document, path)
        else:
            move_entry(document, path, -1 if verb == "up" else 1)
    return True


def path_of(name: str) -> Path:
    """Return the place that a field's name stands for; no key of the form has a dash."""
    return tuple(
        int(step) if step.isdecimal() else step for step in name.split("-")[1:] if len(step) < 60
    )


def place_problems_at_fields(nodes: Sequence[Node], problems: Sequence[PlacedProblem]) -> None:
    """Put each problem of a check at the field of its place, where there is one."""
    leaves = {leaf.place: leaf for leaf in leaves_of(nodes)}
    for problem in problems:
        leaf = None if problem.is_of_data else leaves.get(problem.path)
        if leaf is not None and problem.message not in leaf.problems:
            leaf.problems.append(problem.message)
