"""Task definitions: what valid ones become, and what is said of those that are not taken."""

import re
from typing import Any

import pytest

from plumbmark.common.errors import InvalidInput
from plumbmark.manifests import content_hash
from tasks_app.authoring.preview import tool_schemas
from tasks_app.authoring.request_facts import request_facts
from tasks_app.datasets import ImportedItem
from tasks_app.definitions import (
    DEFINITION_SCHEMA,
    Definition,
    VersionHashes,
    parse_definition,
    render_follow_ups,
    render_messages,
    render_user_instructions,
)
from tasks_app.definitions.parsing import place_problem
from tasks_app.definitions.rendering import (
    columns_used,
    file_columns,
    scorer_columns,
    tool_input,
)
from tasks_app.definitions.rendering import tools_of as tools_of_definition
from tasks_app.definitions.warnings import definition_warnings
from tests.golden.corpora.invalid_definitions import INVALID, INVALID_JSON
from tests.golden.corpora.items import ATTACHMENTS, ITEMS
from tests.golden.corpora.mutations import mutations
from tests.golden.corpora.valid_definitions import DEFINITIONS
from tests.golden.golden import check, check_changes

SALT = "a fixed salt"
ITEMS_SHOWN = 3


def items() -> list[ImportedItem]:
    return [
        ImportedItem(**{"cluster": "", "slices": {}, "attachments": ATTACHMENTS, **fields})
        for fields in ITEMS
    ]


def shown(definition: Definition) -> dict[str, Any]:
    """Return everything that a definition leads to, as plain data."""
    document = definition.as_document()
    assert Definition.from_document(document) == definition
    hashes = VersionHashes(definition, salt=SALT)
    own = [hashes.add(item) for item in items()]
    asking = request_facts(definition)
    tools = tools_of_definition(definition)
    return {
        "document": document,
        "document hash": content_hash(document),
        "question hash": hashes.question,
        "marking hash": hashes.marking,
        "item hashes": content_hash(own),
        "warnings": definition_warnings(definition),
        "asked": [
            {
                "messages": render_messages(definition, item),
                "follow-ups": list(render_follow_ups(definition, item)),
                "user": render_user_instructions(definition, item),
                "tools": tool_input(definition, item, tools),
            }
            for item in items()[:ITEMS_SHOWN]
        ],
        "asking": {
            "facts": asking.facts,
            "tools": asking.tools,
            "instructions": asking.instructions,
            "output schema": asking.output_schema,
        },
        "tools": [dict(tool) for tool in tool_schemas(definition)],
        "columns": columns_used(definition),
        "scorer columns": scorer_columns(definition),
        "file columns": list(file_columns(definition)),
    }


def describe(text: str, format: str | None = None) -> list[str]:
    """Return the problems of a definition, each with its place."""
    try:
        parse_definition(text, format=format)
    except InvalidInput as error:
        return [
            f"{problem.line}:{problem.column} {problem.path} | {_plain(problem.message)}"
            for problem in error.problems
        ]
    return []


def _plain(message: str) -> str:
    """Leave out the words that each Python has of its own for what it cannot read."""
    return re.sub(r"(?<=is no Python: ).*(?= in line)", "{why}", message)


def test_valid_definitions_stay_what_they_are() -> None:
    found = {name: shown(parse_definition(text)) for name, text in DEFINITIONS.items()}

    assert len(found) >= 60
    check("definitions/valid.json", found)


def test_the_corpus_uses_every_key_of_the_schema() -> None:
    used = {word for text in DEFINITIONS.values() for word in _words(text)}

    assert _property_names(DEFINITION_SCHEMA) - used == set()


def _words(text: str) -> set[str]:
    separated = "".join(one if one.isalnum() or one == "_" else " " for one in text)
    return set(separated.split())


def _property_names(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {name for inner in schema for name in _property_names(inner)}
    if not isinstance(schema, dict):
        return set()
    own = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    return own | {name for inner in schema.values() for name in _property_names(inner)}


def test_problems_of_invalid_definitions_stay_word_for_word() -> None:
    found = {name: describe(text) for name, text in INVALID.items()}
    found |= {f"as JSON: {name}": describe(text, "json") for name, text in INVALID_JSON.items()}

    # A few are taken after all, which shall stay so too.
    assert sum(map(bool, found.values())) >= 150
    check("definitions/invalid.json", found)


def test_problems_of_definitions_with_one_changed_value_stay_word_for_word() -> None:
    """What the schema's rules say, at every place that has one."""
    found: dict[str, dict[str, list[str]]] = {}
    for place, change, text in mutations():
        # Most problems stand where the change was made.
        own = _dotted(place.partition(": ")[2])
        found.setdefault(place, {})[change] = [
            one.replace(f" {own} | ", " | ", 1) for one in describe(text, "json")
        ]

    check_changes("definitions/changed.txt", found)


def _dotted(path: str) -> str:
    return re.sub(r"\.(\d+)", r"[\1]", path)


@pytest.mark.parametrize("format", ["yaml", "json", None])
def test_a_problem_found_later_has_its_place(format: str | None) -> None:
    text = DEFINITIONS["as JSON" if format == "json" else "plain"]
    paths: list[tuple[str | int, ...]] = [
        (),
        ("data",),
        ("data", "target"),
        ("prompt", "messages", 0, "content"),
        ("prompt", "messages", 7, "content"),
        ("scorers", 0, "nothing"),
        ("sampling",),
    ]

    found = [place_problem("m", path, text=text, format=format) for path in paths]

    check(
        f"definitions/placed-{format}.json",
        [[one.message, one.path, one.line, one.column] for one in found],
    )
