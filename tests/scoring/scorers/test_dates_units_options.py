"""Scorers of dates, of quantities with units, and of several right options."""

from typing import Any

import pytest

from plumbmark.scoring.scorers import ScorerContext, build_scorer

FOUR = ScorerContext("i1", ("one", "two", "three", "four"))


def score(entry: dict[str, Any], output: str, target: Any) -> Any:
    return build_scorer(entry).score(output, target, FOUR)


@pytest.mark.parametrize(
    ("output", "answer", "all_of", "partial"),
    [
        ("A, C", "A, C", 1, 1),
        ("(a) and (c)", "A, C", 1, 1),
        ("CA", "A, C", 1, 1),
        ("**A** and **C**", "A, C", 1, 1),
        (r"So \boxed{A, C}.", "A, C", 1, 1),
        (r"$\boxed{\text{C, A}}$", "A, C", 1, 1),
        ("B seems wrong.\nThe correct answers are A and C.", "A, C", 1, 1),
        ("Answer: A, C", "A, C", 1, 1),
        ("Answers:\n- A) one\n- C) three", "A, C", 1, 1),
        ("Reasons.\n\nA, C", "A, C", 1, 1),
        ("A", "A", 0, 0.5),
        ("A, B, C", "A, B, C", 0, 0.5),
        ("A, B", "A, B", 0, 0),
        ("B, D", "B, D", 0, 0),
        ("A) one\nB) two\nC) three\nD) four", None, 0, 0),
        ("I do not know.", None, 0, 0),
        ("A, E", None, 0, 0),
        ("", None, 0, 0),
    ],
)
def test_several_options(output: str, answer: str | None, all_of: float, partial: float) -> None:
    verdict = score({"type": "multiple_select"}, output, ["A", "C"])
    assert (verdict.answer, verdict.value) == (answer, all_of)
    by_parts = score({"type": "multiple_select", "credit": "partial"}, output, ["one", "three"])
    assert (by_parts.answer, by_parts.value) == (answer, partial)


def test_options_are_refused_where_the_target_names_none() -> None:
    scorer = build_scorer({"type": "multiple_select"})
    assert "names none of the 4 options" in (scorer.target_problem(["A", "X"], FOUR) or "")
    assert scorer.target_problem([0, 2], FOUR) is None


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05",
        "It was on 5 March 2024.",
        "on March 5th, 2024",
        "Mar. 5, 2024",
        "05/03/2024",
        "5.3.2024",
        "am 5. März 2024",
        "le 5 mars 2024",
        "el 5 de marzo de 2024",
        "2024年3月5日",
        "First 2020-01-01, then 2024-03-05T10:00",
        r"\boxed{2024-03-05} and not 2023-01-01",
    ],
)
def test_dates_are_read(text: str) -> None:
    verdict = score({"type": "date"}, text, "2024-03-05")
    assert verdict.value == 1, verdict.explanation
    assert score({"type": "date"}, text, "2024-03-06").value == 0


@pytest.mark.parametrize("text", ["2023-02-29", "31 April 2024", "March 2024", "", "13/13/2024"])
def test_what_is_no_date_is_not_read(text: str) -> None:
    verdict = score({"type": "date"}, text, "2024-03-05")
    assert (verdict.value, verdict.answer) == (0, None)
    assert "is no date" in (build_scorer({"type": "date"}).target_problem(text or "x", FOUR) or "")


def test_the_order_of_digits_and_the_tolerance_of_dates() -> None:
    american = {"type": "date", "order": "month-day-year"}
    assert score(american, "03/05/2024", "2024-03-05").value == 1
    assert score(american, "05/03/2024", "2024-03-05").value == 0
    assert score({"type": "date", "tolerance_days": 1}, "2024-02-29", "2024-03-01").value == 1
    assert score({"type": "date", "tolerance_days": 1}, "2023-02-28", "2024-03-01").value == 0


@pytest.mark.parametrize(
    ("output", "target", "right"),
    [
        ("5 km", "5000 m", 1),
        ("It is 3.107 miles.", "5 km", 1),
        ("3.2 miles", "5 km", 0),
        ("25 °C", "77 degF", 1),
        ("77°F", "25 °C", 1),
        ("9.81 m/s^2", "981 cm/s^2", 1),
        ("9.81 m/s²", "9.81 m/s**2", 1),
        ("36 km/h", "10 m/s", 1),
        ("90 minutes", "1.5 hours", 1),
        (r"\boxed{2.5\,\text{kg}}", "2500 g", 1),
        ("1 kWh", "3.6 MJ", 1),
        ("5 kg", "5 m", 0),
        ("five", "5 m", 0),
        ("5", "5 m", 0),
        ("5 m long and 2 apples", "5 m", 1),
        ("250 mL", "0.25 liter", 1),
    ],
)
def test_quantities(output: str, target: str, right: float) -> None:
    verdict = score({"type": "quantity"}, output, target)
    assert verdict.value == right, verdict.explanation


def test_tolerances_and_targets_of_quantities() -> None:
    assert score({"type": "quantity", "relative_tolerance": 0}, "5.001 km", "5000 m").value == 0
    exact = {"type": "quantity", "relative_tolerance": 0, "absolute_tolerance": 1}
    assert score(exact, "5.001 km", "5000 m").value == 1
    assert score({"type": "quantity"}, "5 km", ["1 kg", "5000 m"]).value == 1
    scorer = build_scorer({"type": "quantity"})
    assert "no number with a unit" in (scorer.target_problem("5", FOUR) or "")
    assert "no number with a unit" in (scorer.target_problem("5 blorps", FOUR) or "")
    assert scorer.target_problem("5 kg", FOUR) is None
