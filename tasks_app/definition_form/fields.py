"""The fields of a definition, made from its JSON Schema and from what it says now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from plumbmark.scoring.normalisation import DESCRIPTIONS
from tasks_app.definition_form.labels import ADD, ENTRIES, HELP, label_of
from tasks_app.definition_form.shapes_of_values import Kind, kind_of_leaf, shown_value
from tasks_app.definitions.source_map import format_path

Path = tuple[str | int, ...]
MAX_ENTRIES = 30
"""Entries of a list that the form shows; the rest is kept as written."""
_NO_TEMPLATES = {"source", "script", "description"}
_FOLDED = {"metric", "simulated_user", "split"}


@dataclass(slots=True)
class Leaf:
    """One field. `shown` is its value as a browser sends it back unchanged."""

    path: Path
    kind: Kind
    label: str
    help: str
    shown: Any
    default: str = ""
    options: Sequence[tuple[str, str]] = ()
    is_required: bool = False
    is_template: bool = False
    is_column: bool = False
    can_have_parts: bool = False
    """It may become a list of texts, images and sounds."""
    schema: Mapping[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    node: Literal["leaf"] = "leaf"

    @property
    def name(self) -> str:
        return name_of(self.path)

    @property
    def place(self) -> str:
        return format_path(self.path)

    @property
    def is_code(self) -> bool:
        return self.kind == "json" or self.path[-1] in {"source", "script", "program"}

    @property
    def rows(self) -> int:
        lines = str(self.shown).count("\n") + 2
        return max(2 if self.kind in {"lines", "json"} else 3, min(lines, 16))


@dataclass(slots=True)
class Group:
    """The fields of a mapping."""

    path: Path
    label: str
    help: str
    children: "list[Node]"
    kept: Sequence[str] = ()
    """Keys of the text for which there is no field."""
    is_folded: bool = False
    is_filled: bool = True
    node: Literal["group"] = "group"

    @property
    def name(self) -> str:
        return name_of(self.path)


@dataclass(slots=True)
class Entries:
    """A list whose entries have fields of their own."""

    path: Path
    label: str
    help: str
    add: str
    entries: "list[Group]"
    types: Sequence[tuple[str, str]] = ()
    """The types of a new entry, where there are several."""
    left_out: int = 0
    can_add: bool = True
    node: Literal["entries"] = "entries"

    @property
    def name(self) -> str:
        return name_of(self.path)


Node = Leaf | Group | Entries


@dataclass(frozen=True, slots=True)
class Known:
    """The deployments and columns that fields offer."""

    deployments: Sequence[tuple[str, str]] = ()
    columns: Sequence[str] = ()


def name_of(path: Path) -> str:
    return "-".join(("f", *map(str, path)))


def leaves_of(nodes: "Sequence[Node]") -> "list[Leaf]":
    """Return all fields, in their order."""
    found: list[Leaf] = []
    for node in nodes:
        if isinstance(node, Leaf):
            found.append(node)
        else:
            found += leaves_of(node.children if isinstance(node, Group) else node.entries)
    return found


@dataclass(frozen=True, slots=True)
class FormSection:
    """Fields under one heading. `more` are folded."""

    slug: str
    title: str
    nodes: Sequence[Node]
    more: Sequence[Node] = ()
    is_folded: bool = False

    @property
    def is_grid(self) -> bool:
        """Its fields are short."""
        return self.slug in {"sampling", "limits", "columns"}


class FieldBuilder:
    """Makes fields of a document. What it has no field for stays as written."""

    def __init__(self, document: Mapping[str, Any], known: Known) -> None:
        self._document = document
        self._known = known

    def node(self, schema: Mapping[str, Any], path: Path, value: Any, required: bool) -> Node:
        """Return the field or fields of a key; `value` is None where it is left out."""
        if (listed := _listed(schema, value)) is not None:
            return self.entries(listed, path, value or [], str(schema.get("description", "")))
        if "properties" in schema and (value is None or isinstance(value, dict)):
            return self.group(schema, path, value)
        return self._leaf(schema, path, value, required)

    def group(self, schema: Mapping[str, Any], path: Path, value: Any) -> Group:
        key = path[-1] if path else ""
        filled = isinstance(value, dict) and bool(value)
        return Group(
            path=path,
            label=label_of(str(key)),
            help=str(schema.get("description", "")),
            children=self.children(schema, path, value),
            kept=[one for one in value or () if one not in schema["properties"]],
            is_folded=key in _FOLDED,
            is_filled=filled,
        )

    def children(self, schema: Mapping[str, Any], path: Path, value: Any) -> list[Node]:
        value = value if isinstance(value, dict) else {}
        required = schema.get("required", ())
        return [
            self.node(inner, (*path, key), value.get(key), key in required)
            for key, inner in schema["properties"].items()
            if not (key == "type" and "const" in inner)
        ]

    def entries(
        self, schema: Mapping[str, Any], path: Path, value: Sequence[Any], help: str
    ) -> Entries:
        items, key = schema["items"], str(path[-1])
        types = _types_of(items)
        return Entries(
            path=path,
            label=label_of(key),
            help=help,
            add=str(ADD.get(key, "")),
            entries=[
                self._entry(items, (*path, index), one, index)
                for index, one in enumerate(value[:MAX_ENTRIES])
            ],
            types=[(name, name.replace("_", " ")) for name in types],
            left_out=max(0, len(value) - MAX_ENTRIES),
            can_add=len(value) < min(schema.get("maxItems", MAX_ENTRIES), MAX_ENTRIES),
        )

    def _entry(self, items: Mapping[str, Any], path: Path, value: Any, index: int) -> Group:
        types = _types_of(items)
        label = f"{ENTRIES.get(str(path[-2]), '')} {index + 1}".strip()
        if types:
            return self._typed_entry(types, path, value, label)
        if "properties" in items and isinstance(value, dict):
            group = self.group(items, path, value)
        else:
            leaf = self._leaf(items, path, value, required=True)
            leaf.label = label
            group = Group(path, label, "", [leaf])
        group.label = label
        return group

    def _typed_entry(
        self, types: Mapping[str, Mapping[str, Any]], path: Path, value: Any, label: str
    ) -> Group:
        entry = value if isinstance(value, dict) else {}
        kind = entry.get("type")
        schema = types.get(kind) if isinstance(kind, str) else None
        choice = Leaf(
            path=(*path, "type"),
            kind="select",
            label=label_of("type"),
            help=str(schema.get("description", "")) if schema else "",
            shown=kind if isinstance(kind, str) else "",
            options=_with_shown([(name, name.replace("_", " ")) for name in types], kind),
            is_required=True,
            schema={"enum": list(types)},
        )
        known = schema["properties"] if schema else {"type": {}}
        return Group(
            path=path,
            label=f"{label}: {entry.get('name') or str(kind).replace('_', ' ')}" if kind else label,
            help="",
            children=[choice, *_name_last(self.children(schema, path, entry) if schema else ())],
            kept=[one for one in entry if one not in known],
        )

    def _leaf(self, schema: Mapping[str, Any], path: Path, value: Any, required: bool) -> Leaf:
        key = str(path[-1])
        options: list[tuple[str, str]] = []
        kind = kind_of_leaf(schema, value)
        if key == "judges" or path[-2:] == ("simulated_user", "model"):
            kind = "checks" if key == "judges" else "select"
            options = list(self._known.deployments)
        elif path == ("main",):
            kind, options = "select", [(name, name) for name in self._scorer_names()]
        elif kind == "select":
            options = [(str(one), str(one).replace("_", " ")) for one in _enum_of(schema)]
        elif kind == "checks":
            words = DESCRIPTIONS if key == "normalise" else {}
            options = [(one, str(words.get(one, one))) for one in schema["items"]["enum"]]
        default = schema.get("default")
        shown = shown_value(kind, value, default)
        if kind in {"checks", "select"}:
            for one in shown if isinstance(shown, list) else [shown]:
                options = _with_shown(options, one)
        return Leaf(
            path=path,
            kind=kind,
            label=label_of(key),
            help=str(HELP.get(key) or schema.get("description", "")),
            shown=shown,
            default="" if default is None or isinstance(default, list) else str(default),
            options=options,
            is_required=required,
            is_template=(kind == "long" and key not in _NO_TEMPLATES) or key in {"image", "audio"},
            can_have_parts=_takes_parts(schema),
            is_column=path[0] == "data" and kind == "line",
            schema=schema,
        )

    def _scorer_names(self) -> list[str]:
        scorers = self._document.get("scorers")
        found = [
            one.get("name") or one.get("type")
            for one in (scorers if isinstance(scorers, list) else ())
            if isinstance(one, dict)
        ]
        return [one for one in found if isinstance(one, str)]


def _name_last(nodes: Sequence[Node]) -> list[Node]:
    """Return the options of a scorer before its name and what its score means."""
    last = [node for node in nodes if node.path[-1] in {"name", "metric"} and len(nodes) > 2]
    if last and last[-1].path[-1] != "metric":
        return list(nodes)
    return [node for node in nodes if node not in last] + last


def _types_of(items: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the schemas of a union by its `type`; empty for anything else."""
    return {one["if"]["properties"]["type"]["const"]: one["then"] for one in items.get("allOf", ())}


def _listed(schema: Mapping[str, Any], value: Any) -> Mapping[str, Any] | None:
    """Return the schema of a list whose entries have fields, where the value is one or may be."""
    if schema.get("type") == "array":
        items = schema.get("items")
        has_fields = isinstance(items, dict) and (
            "allOf" in items or items.get("maxLength", 0) > 10_000 or _is_message(items)
        )
        return schema if has_fields and (value is None or isinstance(value, list)) else None
    for one in schema.get("anyOf", ()) if isinstance(value, list) else ():
        if one.get("type") == "array" and _is_part(one["items"]):
            return dict(one)
    return None


def _takes_parts(schema: Mapping[str, Any]) -> bool:
    return any(
        one.get("type") == "array" and _is_part(one.get("items", {}))
        for one in schema.get("anyOf", ())
    )


def _is_message(items: Mapping[str, Any]) -> bool:
    return "assistant" in items.get("properties", ()) or "content" in items.get("properties", ())


def _is_part(items: Mapping[str, Any]) -> bool:
    return "image" in items.get("properties", ())


def _enum_of(schema: Mapping[str, Any]) -> Sequence[Any]:
    for one in (schema, *schema.get("anyOf", ())):
        if "enum" in one:
            return list(one["enum"])
    return ()


def _with_shown(options: list[tuple[str, str]], shown: Any) -> list[tuple[str, str]]:
    if isinstance(shown, str) and shown and shown not in dict(options):
        return [*options, (shown, shown)]
    return options
