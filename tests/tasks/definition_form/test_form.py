"""The form of a definition: it shows what the text says, and writes what was changed into it."""

import json
from typing import Any

import pytest
import yaml
from django.http import QueryDict

from tasks_app.authoring.example import EXAMPLE_DEFINITION
from tasks_app.definition_form.fields import Known, Leaf, leaves_of
from tasks_app.definition_form.submission import DefinitionForm, form_of, read_form
from tasks_app.definition_form.yaml_edits import read_document
from tasks_app.definitions import parse_definition
from tasks_app.starting_points.catalogue import STARTING_POINTS
from tests.tasks.definitions.published import SCORER_SCHEMAS

NOTED = """\
# The first line.
plumbmark: 1   # a version
data:
    id: id     # unique
    target: answer
prompt:
    messages:
    -   role: user
        content: |
            {question}

            One word.
    # Behind the messages.
scorers:
-   {type: exact, normalise: [trim,   case]} # strict
-   type: includes
main: exact
x-lab: {kept: [as, it, is]}
"""
EVERYTHING = """\
plumbmark: 1
language: pt-BR
data:
  id: id
  target: {columns: [a, b], after: "####", strip: false}
  slices: [topic, source]
  split: {column: part, private: [test, ""]}
  choices: options
prompt:
  system: "Line one\\r\\n  and \\"two\\"\\t{topic}"
  messages:
    - {role: user, content: [{image: "{photo}", optional: true}, {text: "{question}"}]}
    - {role: assistant, content: "Yes: no"}
  few_shot: [{user: "2+2?", assistant: "4"}]
  follow_ups: ["Sure?", "  indented\\n\\n\\nlast  "]
  output_schema: {type: object, properties: {z: {type: string}, a: {type: number}}}
tools:
  - {type: calculator}
  - type: function
    name: look
    description: Looks.
    parameters: {type: object}
    answers: [{when: {city: "{city}"}, return: {deep: [1, 2.50, null]}}]
limits: {max_steps: 4, max_cost_usd: "0.050"}
sampling: {temperature: 0.70, max_output_tokens: 64, stop: ["END", "\\n"]}
repeats: 2
scorers:
  - {type: numeric, name: strict, after: "Answer:", absolute_tolerance: 1e-3}
  - {type: set_match, separators: ["\\n", ";"]}
  - type: model_judge
    judges: [a/b, c/d, e/f]
    rubric: "{output}"
    scale: [1, 5.5]
    metric: {bounds: [1, 5.5], format: null}
main: strict
"""
TEXTS = [
    *(one.definition for one in STARTING_POINTS if one.definition),
    EXAMPLE_DEFINITION,
    NOTED,
    EVERYTHING,
    json.dumps(yaml.safe_load(NOTED)),
    "plumbmark: 2\nscorers: [{type: unheard, of: 1}, 7]\nprompt: a text\nsampling: []\n",
    "{}",
]


def sent_by(form: DefinitionForm, **changes: Any) -> QueryDict:
    """Return what a browser sends of a form in which only some fields were changed."""
    sent = QueryDict(mutable=True)
    for leaf in leaves_of(form.nodes):
        if leaf.kind == "checks":
            sent.setlist(leaf.name, ["", *leaf.shown])
        elif leaf.kind == "check":
            sent.setlist(leaf.name, ["", "on"] if leaf.shown else [""])
        else:
            sent[leaf.name] = leaf.shown.replace("\r\n", "\n").replace("\n", "\r\n")
    for name, value in changes.items():
        given = value if isinstance(value, list) else [value]
        sent.setlist(f"f-{name.replace('__', '-')}" if name[0] != "_" else name[1:], given)
    return sent


def changed(text: str, **changes: Any) -> DefinitionForm:
    return read_form(text, sent_by(form_of(text, Known()), **changes), Known())


def leaf_at(form: DefinitionForm, place: str) -> Leaf:
    return next(leaf for leaf in leaves_of(form.nodes) if leaf.place == place)


@pytest.mark.parametrize("text", TEXTS)
def test_a_form_that_is_sent_unchanged_leaves_every_character(text: str) -> None:
    form = changed(text)

    assert form.text == text
    assert form.problems == []


@pytest.mark.parametrize("text", TEXTS[:-2])
def test_a_change_of_one_field_changes_nothing_else(text: str) -> None:
    form = changed(text, sampling__seed="7", description="One: two # three\n\n- four")

    expected = read_document(text)
    expected["description"] = "One: two # three\n\n- four"
    expected["sampling"] = {**expected.get("sampling", {}), "seed": 7}
    assert read_document(form.text) == expected
    assert form.problems == []


def test_comments_and_what_the_form_does_not_know_stay() -> None:
    form = changed(
        NOTED, prompt__messages__0__content="Why {question}?\n", scorers__0__type="includes"
    )

    comments = ("# The first line.", "# a version", "# unique", "# Behind the messages.")
    for comment in (*comments, "# strict", "x-lab: {kept: [as, it, is]}"):
        assert comment in form.text
    document = read_document(form.text)
    assert document["prompt"]["messages"][0]["content"] == "Why {question}?\n"
    assert document["scorers"][0] == {"type": "includes", "normalise": ["trim", "case"]}
    assert document["main"] == "includes"
    assert form.kept == ["x-lab"]


def test_buttons_add_move_and_remove_without_a_script() -> None:
    text = STARTING_POINTS[0].definition
    more = changed(text, _form_action="add:f-scorers", scorers__new="exact")
    moved = changed(more.text, _form_action="up:f-scorers-2")
    less = changed(moved.text, _form_action="remove:f-scorers-0")
    turned = changed(less.text, _form_action="add:f-prompt-follow_ups")
    written = changed(turned.text, prompt__follow_ups__0="Are you sure, {question}?")

    names = [one.get("name", one["type"]) for one in read_document(moved.text)["scorers"]]
    assert names == ["exact", "exact-2", "includes"]
    document = read_document(written.text)
    assert [one.get("name", one["type"]) for one in document["scorers"]] == ["exact-2", "includes"]
    assert "main" not in document
    assert document["prompt"]["follow_ups"] == ["Are you sure, {question}?"]
    assert parse_definition(written.text).main == "exact-2"
    assert all(one.acted for one in (more, moved, less, turned))


def test_a_text_becomes_parts_with_an_image() -> None:
    begun = changed(STARTING_POINTS[0].definition, _form_action="add:f-prompt-messages-0-content")
    form = changed(begun.text, prompt__messages__0__content__1__image="{photo}")

    content = read_document(form.text)["prompt"]["messages"][0]["content"]
    assert content == [{"text": "{question}"}, {"image": "{photo}"}]


def test_what_cannot_be_taken_stays_in_its_field() -> None:
    form = changed(EVERYTHING, tools__1__parameters="{type: object", sampling__seed="many")

    leaf = leaf_at(form, "tools[1].parameters")
    assert (leaf.shown, bool(leaf.problems)) == ("{type: object", True)
    assert "this is not JSON" in form.problems[0].message
    assert read_document(form.text)["tools"] == read_document(EVERYTHING)["tools"]
    assert read_document(form.text)["sampling"]["seed"] == "many"


@pytest.mark.parametrize("text", ["a: [", "- 1", "", "just words", "a: &b 1\nc: *b"])
def test_a_text_that_is_no_document_has_no_fields_and_stays(text: str) -> None:
    form = read_form(text, QueryDict("f-main=x"), Known())

    assert form.text == text
    assert not form.is_readable
    assert form.problems


@pytest.mark.parametrize("kind", sorted(SCORER_SCHEMAS))
def test_every_scorer_has_a_field_for_each_option_explained_beside_it(kind: str) -> None:
    text = f"plumbmark: 1\nprompt: {{messages: []}}\nscorers: [{{type: {kind}}}]\n"
    form = form_of(text, Known())

    leaves = {leaf.place: leaf for leaf in leaves_of(form.nodes)}
    for option, schema in SCORER_SCHEMAS[kind]["properties"].items():
        if option != "metric":
            found = leaves[f"scorers[0].{option}"]
            assert found.help or not schema.get("description")
