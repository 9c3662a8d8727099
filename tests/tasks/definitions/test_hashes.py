"""The two hashes of a version, and the prompt that the first of them covers."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.manifests import content_hash
from plumbmark.scoring.scorers import ScorerContext, build_scorer
from tasks_app.datasets import ImportedItem
from tasks_app.definitions import (
    Definition,
    VersionHashes,
    parse_definition,
    render_messages,
)

TEXT = """\
plumbmark: 1
data:
  target: answer
  choices: [a, b, c]
prompt:
  system: "Be brief about {topic}."
  choice_order: shuffled
  choice_seed: 3
  few_shot:
    - {user: "{as it is}", assistant: B}
  messages:
    - role: user
      content: "{question}\\n{choices}"
scorers:
  - type: multiple_choice
    after: "X"
"""
ITEM = ImportedItem(
    position=0,
    key="fr",
    input={"question": "France?", "topic": "capitals"},
    target="B",
    choices=["London", "Paris", "Rome"],
    cluster="europe",
    slices={"level": "easy"},
)
ITEMS = [
    ITEM,
    *(
        replace(ITEM, position=n, key=f"k{n}", input={"question": f"{n}?", "topic": "x"})
        for n in range(1, 8)
    ),
]


def sides(
    text: str = TEXT, items: list[ImportedItem] = ITEMS, salt: str = "salt"
) -> tuple[str, str]:
    hashes = VersionHashes(parse_definition(text), salt=salt)
    for item in items:
        hashes.add(item)
    return hashes.question, hashes.marking


def test_equal_content_has_equal_hashes() -> None:
    as_stored = Definition.from_document(parse_definition(TEXT).as_document())
    hashes = VersionHashes(as_stored, salt="another")
    for item in ITEMS:
        hashes.add(replace(item))

    assert (hashes.question, hashes.marking) == sides()


OLDER = """\
plumbmark: 1
data: {target: answer, choices: [a, b, c]}
prompt:
  messages: [{role: user, content: "{question}"}]
  follow_ups: ["And {topic}?"]
  output_schema: {type: object, properties: {b: {type: string}, a: {type: string}}}
scorers: [{type: exact}, {type: model_judge, judges: [a/b], rubric: "{output}"}]
"""


def test_definitions_of_before_there_were_tools_keep_their_hashes() -> None:
    assert sides() == (
        "h1:fed35073cfb60803a5fe16ff96a25afb1bc3edf987a46a93e2dfda795570d467",
        "h1:64f21035fa4df1dfe07c4cf033721354826bf030546e264dd87bb514641c1e57",
    )
    assert sides(OLDER) == (
        "h1:812ae888786657104d9bea5d3af772af8c2f74aca0d75733e9f05f15cb5f07a9",
        "h1:590929c5bdfed5a866e9d985e42b3698e5d1168bb974bf360971e5150b8663c3",
    )
    # By which an unchanged draft is known.
    assert (
        content_hash(parse_definition(OLDER).as_document())
        == "h1:3283fa27a8ac1899d7efb60f2bc8c08821fccca262b3e2fe879d5a67a284912b"
    )


TOOLS = """tools:
  - type: function
    name: look
    description: Looks it up.
    parameters: {type: object, properties: {b: {type: string}, a: {type: string}}}
    answers: [{when: {a: "{topic}"}, return: "{question}"}]
limits: {max_steps: 5}
scorers:"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: look", "name: looks"),
        ("Looks it up", "Looks it down"),
        # Models write arguments in the order in which they are declared.
        ("b: {type: string}, a: {type: string}", "a: {type: string}, b: {type: string}"),
        ('return: "{question}"', 'return: "{topic}"'),
        ("max_steps: 5", "max_steps: 6"),
        ("max_steps: 5", "max_cost_usd: 1"),
        ("tools:", "tools:\n  - {type: calculator}"),
    ],
)
def test_tools_and_limits_are_part_of_the_question(old: str, new: str) -> None:
    text = TEXT.replace("scorers:", TOOLS)
    assert sides(text)[0] != sides()[0]
    assert sides(text.replace(old, new))[0] != sides(text)[0]
    assert sides(text.replace(old, new))[1] == sides(text)[1] == sides()[1]


def test_what_tools_alone_know_of_an_item_is_part_of_the_question() -> None:
    text = (
        TEXT.replace("scorers:", TOOLS)
        .replace("{topic}", "{hint}", 1)
        .replace('a: "{topic}"', 'a: "{hint}"')
    )
    text = text.replace("about {hint}", "about {topic}")
    items = [replace(item, input={**item.input, "hint": "x"}) for item in ITEMS]
    other = [replace(items[0], input={**items[0].input, "hint": "y"}), *items[1:]]
    assert sides(text, items)[0] != sides(text, other)[0]


def test_defaults_of_tools_and_limits_may_be_written_out() -> None:
    text = TEXT.replace("scorers:", "tools: [{type: python}]\nscorers:")
    written = TEXT.replace(
        "scorers:",
        "tools: [{type: python, name: python, timeout_seconds: 10, memory_mib: 512}]\n"
        "limits: {max_steps: 10, max_tool_calls: 20, max_tool_result_bytes: 4096}\nscorers:",
    )
    assert sides(text) == sides(written)
    cheap = text.replace("scorers:", "limits: {max_cost_usd: 0.05}\nscorers:")
    assert sides(cheap) == sides(cheap.replace("0.05", '"0.050"'))


def changed(**fields: Any) -> list[ImportedItem]:
    return [replace(ITEMS[0], **fields), *ITEMS[1:]]


@pytest.mark.parametrize(
    "items",
    [
        changed(target="A"),
        changed(target=["A", "B"]),
        changed(cluster=""),
        changed(slices={"level": "hard"}),
    ],
)
def test_targets_clusters_and_slices_change_the_marking_alone(items: list[ImportedItem]) -> None:
    question, marking = sides(items=items)

    assert question == sides()[0]
    assert marking != sides()[1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("after: ", "accept_text: false\n    after: "),
        ('after: "X"', 'after: ["X", "Y"]'),
        ("type: multiple_choice", "type: multiple_choice\n    name: other"),
        ("type: multiple_choice", "type: multiple_choice\n    metric: {name: share right}"),
        ("type: multiple_choice", "type: multiple_choice\n    metric: {direction: lower}"),
        ("scorers:\n", "scorers:\n  - type: exact\n"),
    ],
)
def test_scorers_and_metrics_change_the_marking_alone(old: str, new: str) -> None:
    text = TEXT.replace(old, new)
    assert text != TEXT

    question, marking = sides(text)

    assert question == sides()[0]
    assert marking != sides()[1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Be brief", "Be long"),
        ("assistant: B", "assistant: C"),
        ("{as it is}", "{as it was}"),
        ("{question}", "Q: {question}"),
        ("choice_seed: 3", "choice_seed: 4"),
        ("choice_order: shuffled", "choice_order: as-given"),
        ("scorers:", "repeats: 2\nscorers:"),
        ("scorers:", "sampling: {temperature: 0}\nscorers:"),
        ("scorers:", "sampling: {stop: [x]}\nscorers:"),
        ("scorers:", "sampling: {max_output_tokens: 5}\nscorers:"),
    ],
)
def test_what_reaches_a_model_changes_the_questions_alone(old: str, new: str) -> None:
    text = TEXT.replace(old, new)
    assert text != TEXT

    question, marking = sides(text)

    assert question != sides()[0]
    assert marking == sides()[1]


def test_a_question_itself_changes_the_questions_alone() -> None:
    question, marking = sides(items=changed(input={"question": "Italy?", "topic": "x"}))

    assert question != sides()[0]
    assert marking == sides()[1]


@pytest.mark.parametrize("items", [ITEMS[::-1], changed(key="other"), ITEMS[1:]])
def test_keys_order_and_number_of_items_are_part_of_both(items: list[ImportedItem]) -> None:
    question, marking = sides(items=items)

    assert question != sides()[0]
    assert marking != sides()[1]


@pytest.mark.parametrize(
    ("terse", "written_out"),
    [
        ("scorers:", "description: For readers.\nlanguage: en\nscorers:"),
        ("scorers:", "repeats: 1\nscorers:"),
        ("scorers:", "sampling: {max_output_tokens: 4096}\nscorers:"),
        ("scorers:", "main: multiple_choice\nscorers:"),
        ('after: "X"', 'after: ["X"]'),
        ('after: "X"', 'after: "X"\n    target_is: auto\n    accept_text: true'),
        ('after: "X"', 'after: "X"\n    metric: {bounds: [0.0, 1], direction: higher}'),
    ],
)
def test_what_means_the_same_has_the_same_hashes(terse: str, written_out: str) -> None:
    text = TEXT.replace(terse, written_out)
    assert text != TEXT

    assert sides(text) == sides()


@pytest.mark.parametrize("scorer", ["numeric", "exact", "includes"])
def test_defaults_of_every_scorer_may_be_written_out(scorer: str) -> None:
    more = {
        "numeric": "    take: last\n    absolute_tolerance: 0.0\n",
        "exact": "    normalise: [nfc, trim]\n",
        "includes": "    whole_words: false\n    without_marker: wrong\n",
    }
    text = TEXT.replace("multiple_choice", scorer)

    assert sides(text + more[scorer]) == sides(text)


@pytest.mark.parametrize("zero", ["0.0", "-0.0", "0e5"])
def test_a_temperature_of_nothing_is_one_however_it_is_written(zero: str) -> None:
    plain = TEXT + "sampling: {temperature: 0}\n"

    assert sides(plain.replace(": 0}", f": {zero}}}")) == sides(plain)


def test_private_items_are_salted_and_public_ones_are_not() -> None:
    private = [replace(item, split="private") for item in ITEMS]

    assert sides(salt="a") == sides(salt="b")
    one, other = sides(items=private, salt="a"), sides(items=private, salt="b")
    assert one[0] != other[0]
    assert one[1] != other[1]
    definition = parse_definition(TEXT)
    assert VersionHashes(definition, salt="a").add(private[0]) != VersionHashes(
        definition, salt="b"
    ).add(private[0])


def test_messages_are_the_system_prompt_the_examples_and_the_question() -> None:
    messages = render_messages(parse_definition(TEXT), ITEM)

    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[0]["content"] == "Be brief about capitals."
    assert messages[1]["content"] == "{as it is}"
    question, *options = messages[3]["content"].split("\n")
    assert question == "France?"
    assert [option[:3] for option in options] == ["A) ", "B) ", "C) "]
    assert sorted(option[3:] for option in options) == ["London", "Paris", "Rome"]


def test_values_stand_in_a_prompt_as_text_or_json() -> None:
    definition = parse_definition(TEXT.replace("{question}", "{a}|{b}|{c}|{d}|{e}"))
    values = {"topic": "", "a": None, "b": True, "c": [1, "ü"], "d": 1.5, "e": "{a} {{"}

    message = render_messages(definition, replace(ITEM, input=values))[-1]["content"]

    assert message.startswith('|true|[1, "ü"]|1.5|{a} {{\n')


@given(
    st.lists(st.text("abcdefgh", min_size=3), min_size=2, max_size=26, unique=True),
    st.data(),
    st.integers(0, 2**31),
    st.text(min_size=1, max_size=20),
    st.booleans(),
)
def test_a_model_that_names_the_right_letter_as_shown_is_always_right(
    choices: list[str], data: st.DataObject, seed: int, key: str, shuffled: bool
) -> None:
    order = f"choice_order: {'shuffled' if shuffled else 'as-given'}\n  choice_seed: {seed}"
    definition = parse_definition(
        TEXT.replace("choice_order: shuffled\n  choice_seed: 3", order)
        .replace('    after: "X"\n', "    target_is: index\n")
        .replace("{question}\\n", "")
    )
    right = data.draw(st.integers(0, len(choices) - 1))
    item = replace(ITEM, key=key, choices=choices, target=right)
    shown = render_messages(definition, item)[-1]["content"].split("\n")
    context = ScorerContext(key, choices, definition.prompt.shuffle_seed)
    scorer = build_scorer(definition.scorers[0].as_spec())

    scores = {line[3:]: scorer.score(line[0], right, context).value for line in shown}

    assert scores == {choice: float(n == right) for n, choice in enumerate(choices)}


def test_a_number_format_changes_no_hash() -> None:
    text = TEXT + "    metric: {format: points}\n"

    assert parse_definition(text).metric.format == "points"
    assert sides(text) == sides()
    document = parse_definition(text).as_document()
    assert document["scorers"][0]["metric"]["format"] == "points"
    assert Definition.from_document(document) == parse_definition(text)


def test_a_definition_without_a_number_format_has_the_document_that_it_had() -> None:
    assert "format" not in parse_definition(TEXT).as_document()["scorers"][0]["metric"]
