"""Metrics of a whole run: what samples say, and where the numbers are shown."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from plumbmark.common.errors import InvalidInput
from plumbmark.scoring.run_metrics.confidence import CONFIDENCE_PATTERN, read_confidence
from tasks_app.definitions import parse_definition
from tasks_app.models import Scoring
from tests.factories import publish_benchmark, publish_task, settle
from tests.leaderboards.test_boards import enter, newest
from tests.leaderboards.test_secondary_metrics import submit_texts

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "{question}"}]
"""
LABELS = (
    HEAD
    + """\
scorers: [{type: exact, normalise: [trim, case]}]
metrics:
  - type: macro_f1
  - {type: matthews, name: mcc}
"""
)
# Right: cat 3 of 4, dog 1 of 3, fox 2 of 3; "neither" is none of them.
TRUTH = ["cat"] * 4 + ["dog"] * 3 + ["fox"] * 3
GIVEN = ["cat", "Cat", " CAT ", "dog", "dog", "cat", "fox", "fox", "fox", "neither"]


@pytest.fixture
def ada(open_account: Any) -> Any:
    return open_account("ada")


def rows(targets: list[Any]) -> list[dict[str, Any]]:
    return [{"id": f"i{n}", "question": f"Q {n}", "answer": one} for n, one in enumerate(targets)]


def measured(user: Any, definition: str, targets: list[Any], outputs: list[str]) -> Any:
    """Return the metrics of a run of these outputs, by name."""
    version = publish_task(user, definition=definition, data=rows(targets))
    submit_texts(user, version, "model", outputs)
    settle()
    scoring = Scoring.objects.get(task_version=version)
    assert scoring.estimate is not None
    return scoring.estimate["secondary"]


def test_labels_are_compared_as_the_scorer_reads_them(ada: Any) -> None:
    found = measured(ada, LABELS, TRUTH, GIVEN)

    # As in tests/scoring/test_run_metrics.py.
    assert found["macro_f1"]["value"] == pytest.approx((6 / 8 + 2 / 5 + 4 / 6) / 3, abs=1e-11)
    assert found["mcc"]["value"] == pytest.approx(29 / (66 * 70) ** 0.5, abs=1e-11)
    assert 0 <= found["macro_f1"]["low"] < found["macro_f1"]["value"] < found["macro_f1"]["high"]
    assert (found["macro_f1"]["scored"], found["macro_f1"]["unscored"]) == (10, 0)


def test_the_case_that_a_scorer_refuses_is_no_right_answer(ada: Any) -> None:
    strict = LABELS.replace("[trim, case]", "[trim]")

    found = measured(ada, strict, ["Yes", "No"] * 5, ["yes", "No"] * 5)

    # "yes" is wrong, and is not of the class "Yes" either: F1 of Yes is 0, of No 1.
    assert found["macro_f1"]["value"] == pytest.approx(0.5)


def test_options_are_compared_by_their_text_whatever_letter_they_are_shown_with(ada: Any) -> None:
    definition = """\
plumbmark: 1
data: {id: id, target: answer, choices: options}
prompt:
  messages: [{role: user, content: "{question} {choices}"}]
  choice_order: shuffled
scorers: [{type: multiple_choice, target_is: text}]
metrics: [{type: macro_recall}]
"""
    options = ["good", "bad", "mixed"]
    truth = ["good"] * 6 + ["bad"] * 3 + ["mixed"] * 3
    data = [{**row, "options": options} for row in rows(truth)]
    version = publish_task(ada, definition=definition, data=data)
    given = ["good"] * 6 + ["good", "bad", "bad"] + ["bad", "bad", "mixed"]
    submit_texts(ada, version, "model", given)
    settle()

    found = Scoring.objects.get(task_version=version).estimate["secondary"]["macro_recall"]  # type: ignore[index]

    assert found["value"] == pytest.approx((1 + 2 / 3 + 1 / 3) / 3, abs=1e-11)


def test_numbers_are_correlated_and_answers_without_one_are_left_out(ada: Any) -> None:
    definition = HEAD + "scorers: [{type: numeric}]\nmetrics: [{type: spearman}, {type: pearson}]\n"
    outputs = ["It is 10", "20", "1,000", "no idea", "30", "50", "40", "60", "70", "80"]

    found = measured(ada, definition, list(range(1, 11)), outputs)

    # Ranks of the nine with a number: 1, 2, 9, 3, 5, 4, 6, 7, 8; Σd² = 0+0+36+1+0+4+1+1+1.
    assert found["spearman"]["value"] == pytest.approx(1 - 6 * 44 / (9 * 80), abs=1e-11)
    assert (found["spearman"]["scored"], found["spearman"]["unscored"]) == (9, 1)
    assert -1 <= found["pearson"]["low"] < found["pearson"]["value"]


def test_confidences_are_held_against_what_came_out(ada: Any) -> None:
    definition = (
        HEAD
        + """\
scorers: [{type: includes}]
metrics:
  - {type: brier}
  - {type: ece, name: own, confidence: "sure: ([0-9]+%)"}
"""
    )
    outputs = [f"{n} Confidence: 80 %. sure: 100%" for n in range(9)] + ["wrong, without either"]

    found = measured(ada, definition, [str(n) for n in range(10)], outputs)

    assert found["brier"]["value"] == pytest.approx(0.04, abs=1e-11)
    assert found["own"]["value"] == 0
    assert (found["own"]["scored"], found["own"]["unscored"]) == (9, 1)


@pytest.mark.parametrize(
    ("output", "confidence"),
    [
        ("Confidence: 85 %", 0.85),
        ('{"answer": 3, "confidence": 0.85}', 0.85),
        ("I am confident: 85%", 0.85),
        ("**Confidence:** 1", 1.0),
        ("Confidence level is 0", 0.0),
        ("Confidence: 20%. On second thought, confidence: 70%", 0.7),
        ("confidence: 5", 0.05),
        ("confidence: 500", None),
        ("confidence: high", None),
        ("85 %", None),
        ("", None),
    ],
)
def test_the_usual_forms_of_a_confidence_are_read(output: str, confidence: float | None) -> None:
    assert read_confidence(output, CONFIDENCE_PATTERN) == confidence


def test_the_metrics_are_columns_of_boards_and_stand_on_the_run(ada: Any) -> None:
    version = publish_task(ada, definition=LABELS, data=rows(TRUTH))
    board = publish_benchmark(ada, [version])
    run = submit_texts(ada, version, "model", GIVEN)
    enter(board, run, ada)
    settle()

    content = newest(board).content
    page = Client().get(f"{board.benchmark.get_absolute_url()}?scope=all").content.decode()
    on_run = Client().get(run.get_absolute_url()).content.decode()

    assert [one["name"] for one in content["tasks"][0]["secondary"]] == [
        *("macro F1", "Matthews coefficient"),
    ]
    (row,) = content["rows"]
    assert row["tasks"][0]["secondary"][0]["value"] == pytest.approx(0.60556, abs=1e-5)
    assert "Macro F1" in page
    assert "0.606" in page
    assert re.search(r"macro F1.{0,200}0[.]6\d* \(0[.]\d+ to 0[.]\d+\)", on_run, re.DOTALL)
    api = Client().get(f"/api/v1/task-versions/{version.public_id}").json()
    assert json.dumps(api).count("macro_f1") >= 1


@pytest.mark.parametrize(
    ("metrics", "place", "message"),
    [
        ("[{type: f1}]", "metrics[0].type", "must be one of macro_f1"),
        ("[{type: macro_f1, name: exact}]", "metrics[0]", "the name 'exact' is taken"),
        ("[{type: macro_f1}, {type: macro_f1}]", "metrics[1]", "the name 'macro_f1' is taken"),
        ("[{type: macro_f1, scorer: exakt}]", "metrics[0].scorer", "did you mean 'exact'?"),
        ("[{type: pearson}]", "metrics[0].scorer", "pearson needs the scorer numeric, not exact"),
        (
            "[{type: macro_f1, scorer: has}]",
            "metrics[0].scorer",
            "needs a scorer that reads one label (exact, regex, multiple_choice), not includes",
        ),
        ("[{type: brier, confidence: '('}]", "metrics[0].confidence", "not valid for RE2"),
        ("[{type: ece, confidence: abc}]", "metrics[0].confidence", "needs a group"),
        ("[{type: macro_f1, colour: red}]", "metrics[0].colour", "is not known"),
    ],
)
def test_a_metric_that_cannot_be_is_refused_at_its_place(
    metrics: str, place: str, message: str
) -> None:
    scorers = "scorers: [{type: exact}, {type: includes, name: has}]\n"

    with pytest.raises(InvalidInput) as caught:
        parse_definition(f"{HEAD}{scorers}metrics: {metrics}\n")

    (problem,) = caught.value.problems
    assert problem.path == place
    assert message in problem.message
    assert problem.line == 6


def test_a_definition_without_metrics_has_the_hash_of_before(ada: Any) -> None:
    plain = parse_definition(HEAD + "scorers: [{type: exact}]\n")
    empty = parse_definition(HEAD + "scorers: [{type: exact}]\nmetrics: []\n")

    assert plain == empty
    assert "metrics" not in plain.as_document()
    first = publish_task(ada, definition=HEAD + "scorers: [{type: exact}]\n", data=rows(TRUTH))
    second = publish_task(ada, "B", definition=LABELS, data=rows(TRUTH))
    assert first.question_hash == second.question_hash
    assert first.marking_hash != second.marking_hash
