"""Options with labels of their own, as data sets such as ARC have them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plumbmark.common.errors import InvalidInput
from plumbmark.scoring.scorers import ScorerContext, build_scorer
from tasks_app.datasets import ImportedItem, import_data
from tasks_app.definitions import parse_definition, render_messages

Written = Callable[[bytes, str], Path]
DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer, choices: choices}
prompt: {messages: [{role: user, content: "{question}\\n{choices}"}]}
scorers: [{type: multiple_choice%s}]
"""
TEXTS = ["iron", "wood", "glass", "salt"]


def objects(labels: Any = "ABCD", texts: Any = TEXTS) -> list[dict[str, Any]]:
    return [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]


@pytest.fixture
def read(written: Written) -> Callable[..., ImportedItem]:
    def run(choices: Any, answer: Any, scorer: str = "") -> ImportedItem:
        row = {"id": "a", "question": "Which?", "choices": choices, "answer": answer}
        path = written(f"{json.dumps(row)}\n".encode(), "data.jsonl")
        definition = parse_definition(DEFINITION % scorer)
        with import_data(path, name="data.jsonl", definition=definition) as imported:
            [item] = imported
            assert imported.warnings == []
            [message] = render_messages(imported.definition, item)
            assert message["content"].startswith(f"Which?\nA) {item.choices[0]}\nB) ")
            return item

    return run


@pytest.mark.parametrize(
    ("choices", "answer", "right"),
    [
        pytest.param(TEXTS, "C", "glass", id="texts"),
        pytest.param(objects(), "C", "glass", id="objects"),
        pytest.param({"text": TEXTS, "label": list("ABCD")}, "C", "glass", id="two lists"),
        pytest.param({"text": TEXTS}, "C", "glass", id="texts in an object"),
        pytest.param([{"text": one} for one in TEXTS], "C", "glass", id="objects without labels"),
        pytest.param(objects("1234"), "3", "glass", id="numbers as text"),
        pytest.param(objects([1, 2, 3, 4]), 3, "glass", id="numbers"),
        pytest.param(objects("DCBA"), "C", "wood", id="letters in another order"),
        pytest.param(objects("abcd"), "C", "glass", id="small letters"),
        pytest.param(objects(["(i)", "(ii)", "(iii)", "(iv)"]), "(iii)", "glass", id="others"),
        pytest.param(objects("1234"), "glass", "glass", id="the text itself"),
    ],
)
def test_a_target_names_an_option_by_its_label(
    read: Callable[..., ImportedItem], choices: Any, answer: Any, right: str
) -> None:
    item = read(choices, answer)

    assert item.choices == TEXTS
    scorer = build_scorer({"type": "multiple_choice", "name": "x"})
    context = ScorerContext(item.key, item.choices, None)
    values = {
        text: scorer.score("ABCD"[n], item.target, context).value for n, text in enumerate(TEXTS)
    }
    assert values == {text: float(text == right) for text in TEXTS}


def test_several_targets_and_a_declared_reading(read: Callable[..., ImportedItem]) -> None:
    assert read(objects("1234"), ["1", "4"]).target == ["A", "D"]
    assert read(objects("4321"), 1, ", target_is: index").target == 1
    assert read(objects("4321"), "glass", ", target_is: text").target == "glass"
    assert read(objects("4321"), "4", ", target_is: letter").target == "A"


@pytest.mark.parametrize(
    ("choices", "answer", "path", "says"),
    [
        (objects("1234"), "B", "answer", "'B' is none of the options' labels (1, 2, 3, 4)"),
        (objects("AABC"), "B", "choices", "two options have the same label; give each its own"),
        ({"text": TEXTS, "label": ["A"]}, "A", "choices", "has 4 texts and 1 labels; write one"),
        ({"text": TEXTS, "label": "A"}, "A", "choices", "has 4 texts and no list of labels"),
        ({"A": "iron", "B": "wood"}, "A", "choices", "is an object without a list of texts"),
        ([{"option": "iron"}, {"option": "wood"}], "A", "choices", "option 1 is an object without"),
        ([*objects()[:3], {"text": "salt"}], "A", "choices", "3 of 4 options have a label"),
        (objects(["A", "B", {}, "D"]), "A", "choices", "the label of option 3 must be a text"),
        (objects(["A", "B", " ", "D"]), "A", "choices", "the label of option 3 must be a text"),
        ([["iron"], ["wood"]], "A", "choices", 'option 1 is a list; write texts, {"text": …, "la'),
        (objects(texts=["iron", "", "glass", "salt"]), "A", "choices", "option B is empty"),
        ("iron, wood", "A", "choices", "must be a list of options"),
    ],
)
def test_options_that_cannot_be_read_are_refused_with_their_place(
    read: Callable[..., ImportedItem], choices: Any, answer: Any, path: str, says: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(choices, answer)

    [problem] = caught.value.problems
    assert (problem.line, problem.path) == (1, path)
    assert says in problem.message
