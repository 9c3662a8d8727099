"""Values of a document at their places: read, set, deleted, added and moved."""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from tasks_app.definition_form.fields import MAX_ENTRIES, Path
from tasks_app.definitions import DEFINITION_SCHEMA

_NEW_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "model_judge": {
        "judges": [],
        "rubric": "Is the answer correct, complete and to the point?\n\n{output}\n",
    },
    "code_execution": {"program": "{output}\n"},
    "python": {"source": "def score(output, target, item):\n    return output.strip() == target\n"},
    "regex": {"pattern": "(.+)"},
    "tool_use": {"required": [{"tool": ""}]},
}
"""Options that a new scorer begins with, where its type demands some."""


def value_at(document: Any, path: Path) -> Any:
    """Return the value at a place; None where there is none."""
    for step in path:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and isinstance(step, int) and step < len(document):
            document = document[step]
        else:
            return None
    return document


def set_at(document: dict[str, Any], path: Path, value: Any) -> None:
    """Set a value; mappings on the way are made, and new keys stand in the schema's order."""
    node: Any = document
    schema: Mapping[str, Any] = DEFINITION_SCHEMA
    for step in path[:-1]:
        if isinstance(node, dict) and not isinstance(node.get(str(step)), dict | list):
            _insert(node, str(step), {}, schema)
        schema = _below(schema, step, node)
        node = node[step]
    if isinstance(node, dict):
        _insert(node, str(path[-1]), value, schema)
    else:
        node[path[-1]] = value


def delete_at(document: dict[str, Any], path: Path) -> None:
    """Delete a key or an entry, and what is empty without it."""
    parent = value_at(document, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
    elif isinstance(parent, list) and isinstance(path[-1], int) and path[-1] < len(parent):
        del parent[path[-1]]
    if parent in ({}, []) and len(path) > 1 and isinstance(path[-2], str):
        delete_at(document, path[:-1])


def add_entry(document: dict[str, Any], path: Path, *, kind: str = "") -> None:
    """Add an entry to a list: of a kind, where its entries have one. Nothing for other places."""
    schema = _schema_at(document, path)
    found = value_at(document, path)
    entries = list(found) if isinstance(found, list) else []
    parts = [one for one in (schema or {}).get("anyOf", ()) if one.get("type") == "array"]
    if isinstance(found, str) and parts:
        entries, schema = [{"text": found}] if found else [], parts[0]
    if schema is None or schema.get("type") != "array":
        return
    if len(entries) >= min(schema.get("maxItems", MAX_ENTRIES), MAX_ENTRIES):
        return
    new = _new_entry(schema["items"], kind, entries)
    if new is not None:
        set_at(document, path, [*entries, new])


def move_entry(document: dict[str, Any], path: Path, by: int) -> None:
    """Let an entry change places with its neighbour."""
    entries, index = value_at(document, path[:-1]), path[-1]
    if not isinstance(entries, list) or not isinstance(index, int):
        return
    other = index + by
    if 0 <= index < len(entries) and 0 <= other < len(entries):
        entries[index], entries[other] = entries[other], entries[index]


def drop_other_options(document: dict[str, Any], path: Path) -> None:
    """Take from an entry what its type does not know, and give it what the type demands."""
    entry = value_at(document, path)
    schema = _schema_at(document, path)
    if not isinstance(entry, dict) or schema is None or "properties" not in schema:
        return
    for key in [key for key in entry if key not in schema["properties"]]:
        del entry[key]
    for key, value in _demanded(schema, str(entry["type"])).items():
        entry.setdefault(key, value)


def keep_main(document: dict[str, Any], *, before: Mapping[str, Any]) -> None:
    """Let `main` follow its scorer to a new name, and drop it where the scorer went."""
    main, names = document.get("main"), scorer_names(document)
    known = scorer_names(before)
    if main is None or main in names:
        return
    if main in known and len(known) == len(names):
        document["main"] = names[known.index(main)]
    elif main in known:
        del document["main"]


def scorer_names(document: Mapping[str, Any]) -> list[Any]:
    scorers = document.get("scorers")
    return [
        (one.get("name") or one.get("type")) if isinstance(one, dict) else None
        for one in (scorers if isinstance(scorers, list) else ())
    ]


def _new_entry(items: Mapping[str, Any], kind: str, entries: Sequence[Any]) -> Any:
    if "allOf" in items:
        schema = _of_type(items, kind)
        if schema is None:
            return None
        new = {"type": kind, **_demanded(schema, kind)}
        names = {one.get("name") or one.get("type") for one in entries if isinstance(one, dict)}
        if kind in names and "name" not in new:
            numbers = range(2, len(entries) + 3)
            free = next(n for n in numbers if f"{kind}-{n}" not in names)
            new = {"type": kind, "name": f"{kind}-{free}", **_demanded(schema, kind)}
        return new
    if items.get("type") == "string":
        return ""
    if "image" in items.get("properties", ()):
        return {"image": ""}
    return {key: items["properties"][key].get("enum", [""])[0] for key in items.get("required", ())}


def _demanded(schema: Mapping[str, Any], kind: str) -> dict[str, Any]:
    demanded = [key for key in schema.get("required", ()) if key != "type"]
    beginnings = _NEW_OPTIONS.get(kind, {}) if "metric" in schema["properties"] else {}
    empty = {key: "" for key in demanded if schema["properties"][key].get("type") == "string"}
    return {**empty, **beginnings}


def _insert(
    node: MutableMapping[str, Any], key: str, value: Any, schema: Mapping[str, Any]
) -> None:
    """Set a key; a new one goes behind the nearest that comes before it in the schema."""
    if key in node:
        node[key] = value
        return
    order = list(schema.get("properties", ()))
    earlier = order[: order.index(key)] if key in order else order
    behind = next((one for one in reversed(earlier) if one in node), None)
    rest = list(node.items())
    node.clear()
    if behind is None and (earlier == [] or not rest):
        node[key] = value
    for name, old in rest:
        node[name] = old
        if name == behind:
            node[key] = value
    node.setdefault(key, value)


def _schema_at(document: Any, path: Path) -> Mapping[str, Any] | None:
    schema: Mapping[str, Any] = DEFINITION_SCHEMA
    node = document
    for step in path:
        schema = _below(schema, step, node)
        node = value_at(node, (step,))
        if not schema:
            return None
    if "allOf" in schema and isinstance(node, dict):
        return _of_type(schema, node.get("type"))
    for one in schema.get("anyOf", ()):
        if isinstance(node, list) and one.get("type") == "array":
            return dict(one)
    return schema


def _below(schema: Mapping[str, Any], step: str | int, node: Any) -> Mapping[str, Any]:
    """Return the schema one step further down; empty where the schema says nothing."""
    if "allOf" in schema and isinstance(node, dict):
        schema = _of_type(schema, node.get("type")) or {}
    for one in schema.get("anyOf", ()):
        if one.get("type") == ("array" if isinstance(node, list) else "object"):
            schema = one
    if isinstance(step, int):
        found = schema.get("items")
        return found if isinstance(found, Mapping) else {}
    found = schema.get("properties", {}).get(step)
    return found if isinstance(found, Mapping) else {}


def _of_type(items: Mapping[str, Any], kind: Any) -> Mapping[str, Any] | None:
    for one in items["allOf"]:
        if one["if"]["properties"]["type"]["const"] == kind:
            found: Mapping[str, Any] = one["then"]
            return found
    return None
