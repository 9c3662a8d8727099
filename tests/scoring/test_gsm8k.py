"""The real outputs of four models on GSM8K: our verdicts, counts and ranks."""

import json
import os
from functools import cache
from pathlib import Path

import pytest

from plumbmark.scoring.estimates import estimate
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.paired import compare
from plumbmark.scoring.ranking import RankingRow, rank
from plumbmark.scoring.scorers import ScorerContext, build_scorer
from tests.oracles import stats

DATA = os.environ.get("PLUMBMARK_REAL_DATA", "")

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA, reason="PLUMBMARK_REAL_DATA is not set"),
]

RIGHT = {
    "175b_verification": 742,
    "6b_verification": 515,
    "175b_finetuning": 458,
    "6b_finetuning": 286,
}
HERE = ScorerContext()
# These models were tuned to end in "A: <number>"; the data has its number after "####".
SCORER = build_scorer({"type": "numeric", "after": "A:"})


def lines(name: str) -> list[dict[str, object]]:
    with (Path(DATA) / "gsm8k" / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@cache
def verdicts() -> dict[str, dict[str, tuple[float, bool, str]]]:
    """Return, by model and item, our score, the authors' verdict, our explanation."""
    found: dict[str, dict[str, tuple[float, bool, str]]] = {model: {} for model in RIGHT}
    pairs = zip(lines("test.jsonl"), lines("model_solutions.jsonl"), strict=True)
    for number, (question, solutions) in enumerate(pairs):
        assert question["question"] == solutions["question"]
        target = str(question["answer"]).rpartition("####")[2].strip()
        for model in RIGHT:
            solution = solutions[model]
            assert isinstance(solution, dict)
            verdict = SCORER.score(solution["solution"], target, HERE)
            assert verdict.value is not None
            found[model][f"q{number}"] = (
                verdict.value,
                solution["is_correct"],
                verdict.explanation,
            )
    return found


def row(model: str) -> dict[str, ItemScore]:
    return {key: ItemScore((value,)) for key, (value, _, _) in verdicts()[model].items()}


def test_all_5276_verdicts_agree_with_those_of_the_authors() -> None:
    different = [
        (model, key, explanation)
        for model, items in verdicts().items()
        for key, (value, is_correct, explanation) in items.items()
        if bool(value) != is_correct
    ]

    assert sum(map(len, verdicts().values())) == 5276
    assert different == []


@pytest.mark.parametrize(("model", "right"), RIGHT.items())
def test_the_published_counts_are_reproduced(model: str, right: int) -> None:
    found = estimate(row(model), Metric())

    assert found.value == pytest.approx(right / 1319)
    assert (found.n_items, found.method) == (1319, "wilson")


def test_the_four_models_are_told_apart() -> None:
    found = rank([RankingRow(model, row(model)) for model in sorted(RIGHT)], Metric())

    assert [row.key for row in found] == list(RIGHT)
    assert [(row.best_rank, row.worst_rank) for row in found] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert found[0].is_sole_first


def test_the_closest_pair_differs_by_mcnemars_mid_p_test() -> None:
    found = compare(row("6b_verification"), row("175b_finetuning"), Metric())

    assert (found.a_higher, found.b_higher) == (209, 152)
    # The exact test's 0.00315, without half of what was observed on either side.
    exact = 2 * stats.binom.cdf(152, 361, 0.5)
    assert exact == pytest.approx(0.00315, abs=5e-6)
    assert found.p_value == pytest.approx(exact - stats.binom.pmf(152, 361, 0.5))
    assert found.low is not None
    assert found.low > 0
