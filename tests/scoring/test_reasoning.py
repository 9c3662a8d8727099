"""Reasoning within outputs: what is kept apart, what stays, and where the answer stands."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.reasoning import split_output
from tasks_app.definitions.parsing import parse_definition
from tasks_app.scorings.output_scorer import OutputScorer
from tests.growth import growth
from tests.reported_cases import folder, read_rows

TAGS = [
    ("<think>", "</think>"),
    ("<THINK>", "</Think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<antThinking>", "</antThinking>"),
    ("<ant_thinking>", "</ant_thinking>"),
    ("<mm:think>", "</mm:think>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<thought_process>", "</thought_process>"),
    ("<|thinking|>", "<|/thinking|>"),
    ("\ufeff<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
]


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_every_kind_of_tag_is_known_closed_unclosed_and_only_closed(
    opening: str, closing: str
) -> None:
    whole = split_output(f"{opening}\nLyon? No.\n{closing}\n\nParis")
    cut_off = split_output(f"{opening}\nIs it Paris")
    only_closed = split_output(f"Lyon? No.\n{closing}\n\nParis")

    assert (whole.answer, whole.reasoning) == ("Paris", "Lyon? No.")
    assert (cut_off.answer, cut_off.reasoning) == ("", "Is it Paris")
    assert cut_off.is_reasoning_alone
    assert (only_closed.answer, only_closed.reasoning) == ("Paris", "Lyon? No.")


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("It is Paris.", "It is Paris."),
        ("", ""),
        ("<think></think>\n\nParis", "Paris"),
        ("2 + 2 = 4</think>4", "4"),
        ("<think><think>twice opened</think> Paris", "Paris"),
        ("<think>a</thinking>\nParis", "Paris"),
        ("<think>a <thinking>b</thinking> c</think>Paris", "Paris"),
        ("<think>once</think> or </think> Paris", "Paris"),
        ("<think>a</think>\n<think>b</think>\nParis", "Paris"),
        ("So far:\n<think>hm</think>\nParis", "So far:\nParis"),
        ("Sure! <think>2 + 2</think> It is 4.", "Sure! It is 4."),
        ("Paris.\n<think>or Lyon", "Paris.\n"),
        ("I <think> so.", "I <think> so."),
        ("<thinker>Rodin</thinker>", "<thinker>Rodin</thinker>"),
        ("Write `<think>` before and `</think>` after.", None),
        ("```xml\n<think>\na\n</think>\n```\nis the form.", None),
        ("```html\nA </think> within a line\n```", None),
        ("~~~\n<think>\n~~~\nand that is all", None),
        (
            "<think>\n```python\ndef broken(\n</think>\n```python\nx = 1\n```\n",
            "```python\nx = 1\n```\n",
        ),
        (
            "first\n```python\ndef broken(\n</think>\n```python\nx = 1\n```\n",
            "```python\nx = 1\n```\n",
        ),
        (
            "<|begin_of_thought|>a<|end_of_thought|>\n\n"
            "<|begin_of_solution|>\nParis\n<|end_of_solution|>",
            "Paris",
        ),
        (
            "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>Paris<|END_RESPONSE|>",
            "Paris",
        ),
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary"
            "<|message|>b<|end|><|start|>assistant<|channel|>final<|message|>Paris<|return|>",
            "Paris",
        ),
    ],
)  # fmt: skip
def test_the_answer_is_what_a_reader_would_take_for_it(output: str, answer: str | None) -> None:
    assert split_output(output).answer == (output if answer is None else answer)


_PIECES = st.sampled_from(
    [*(tag for pair in TAGS for tag in pair), "`", "```", "\n", " ", "Paris", "```py\n"]
)


@given(st.lists(_PIECES, max_size=20).map("".join))
def test_places_in_answer_and_output_agree(output: str) -> None:
    split = split_output(output)

    assert "".join(output[start:end] for start, end in split.pieces) == split.answer
    for position, character in enumerate(split.answer):
        place = split.place_in_output(position)
        assert output[place] == character
        assert split.place_in_answer(place) == position


@pytest.mark.parametrize(
    "unit",
    [
        *("<think>", "</think>", "<think>a</think>", " <think>", "\n   ```x\n</think>", "◁think▷"),
        *("```\n", "`", "<|channel|>analysis", "[THINK]", "<|end|>", "</think>" + " " * 50),
    ],
)
def test_reading_takes_time_in_proportion_to_the_length(unit: str) -> None:
    assert growth(split_output, unit) < 40


class Item:
    def __init__(self, row: dict[str, object]) -> None:
        self.key = str(row["id"])
        self.target = row.get("right")
        self.choices = None
        self.scorer_input: dict[str, object] = {}


def scorer_of(definition: str) -> OutputScorer:
    parsed = parse_definition(definition, format="yaml")
    return OutputScorer.of_definition(parsed, secret="")


@pytest.mark.parametrize("name", ["exact", "includes", "json"])
def test_the_reported_case_is_scored_as_is_right(name: str) -> None:
    case = folder("21")
    scorer = scorer_of((case / f"definition-{name}.yaml").read_text())
    items = {row["id"]: Item(row) for row in read_rows(case / f"data-{name}.jsonl")}
    expected = json.loads((case / f"expected-{name}.json").read_text())

    found = {
        row["id"]: {"value": scorer.score(row["output"], items[row["id"]]).value}
        for row in read_rows(case / f"outputs-{name}.jsonl")
    }

    assert found == expected


DEFINITION = {
    "plumbmark": 1,
    "data": {"target": "right"},
    "prompt": {"messages": [{"role": "user", "content": "{question}"}]},
    "scorers": [{"type": "includes"}],
}


def test_the_place_of_the_answer_is_one_in_the_whole_output() -> None:
    output = "<think>\nParis or Lyon?\n</think>\n\nIt is Paris."
    scorers = [{"type": "regex", "pattern": "(Paris|Lyon)"}]
    scorer = scorer_of(yaml.safe_dump({**DEFINITION, "scorers": scorers}))
    verdict = scorer.score(output, Item({"id": 1, "right": "Paris"}))

    assert verdict.value == 1
    assert output[verdict.details["start"] : verdict.details["end"]] == "Paris"
    assert verdict.details["start"] == output.rindex("Paris")


def test_reasoning_without_an_answer_is_wrong_and_says_so() -> None:
    output = "<think>\nIs it Paris"
    verdict = scorer_of(yaml.safe_dump(DEFINITION)).score(output, Item({"id": 1, "right": "Paris"}))

    assert verdict.value == 0
    assert verdict.explanation.startswith("The output is reasoning without an answer.")


def test_an_author_may_keep_it() -> None:
    prompt = {**DEFINITION["prompt"], "reasoning": "keep"}  # type: ignore[dict-item]
    scorer = scorer_of(yaml.safe_dump({**DEFINITION, "prompt": prompt}))

    assert scorer.score("<think>\nIs it Paris", Item({"id": 1, "right": "Paris"})).value == 1
