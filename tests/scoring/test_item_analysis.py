"""Statistics of items, against brute force, textbook numbers and simulated answers."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbmark.scoring import item_analysis as lab

NAN = math.nan


def brute_discrimination(scores: np.ndarray, item: int) -> float:
    """Return the correlation of an item with the mean of the others, by the definition."""
    xs, ys = [], []
    for row in scores:
        others = [value for place, value in enumerate(row) if place != item and value == value]
        if row[item] == row[item] and others:
            xs.append(row[item])
            ys.append(statistics.fmean(others))
    if len(xs) < lab.MIN_ROWS_FOR_DISCRIMINATION:
        return NAN
    try:
        return statistics.correlation(xs, ys)
    except statistics.StatisticsError:
        return NAN


def test_the_difficulty_is_the_mean_over_the_rows_with_a_score() -> None:
    scores = np.array([[1, 0, NAN], [1, 1, NAN], [0, NAN, NAN], [1, 0, NAN]])
    found = lab.difficulties(scores)
    assert found[:2].tolist() == [0.75, pytest.approx(1 / 3)]
    assert math.isnan(found[2])


def test_a_point_biserial_equals_the_textbook_formula() -> None:
    """r = (M1 - M0) / s * sqrt(p q), with the population's s (Lord and Novick 1968)."""
    item = [1, 1, 1, 0, 0, 1, 0, 0]
    rest = [9, 8, 7, 6, 3, 5, 4, 2]
    # The rest of each row is spread over ten further items.
    scores = np.array(
        [[one] + [1.0] * n + [0.0] * (10 - n) for one, n in zip(item, rest, strict=True)]
    )
    right = [n for one, n in zip(item, rest, strict=True) if one]
    wrong = [n for one, n in zip(item, rest, strict=True) if not one]
    share = len(right) / len(item)
    expected = (
        (statistics.fmean(right) - statistics.fmean(wrong))
        / statistics.pstdev(rest)
        * math.sqrt(share * (1 - share))
    )
    assert lab.discriminations(scores)[0] == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(5, 12).flatmap(
        lambda rows: st.lists(
            st.lists(st.sampled_from([0.0, 0.5, 1.0, NAN]), min_size=6, max_size=6),
            min_size=rows,
            max_size=rows,
        )
    )
)
def test_discriminations_equal_brute_force(rows: list[list[float]]) -> None:
    scores = np.array(rows)
    found = lab.discriminations(scores)
    for item in range(scores.shape[1]):
        expected = brute_discrimination(scores, item)
        assert found[item] == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_discriminations_are_the_same_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(1).integers(0, 2, (9, 23)).astype(float)
    whole = lab.discriminations(scores)
    monkeypatch.setattr(lab, "_CHUNK", 5)
    np.testing.assert_allclose(lab.discriminations(scores), whole)


def test_few_rows_have_no_discrimination() -> None:
    scores = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1.0]])
    assert np.isnan(lab.discriminations(scores)).all()


def test_items_that_all_or_none_get_right_and_that_one_alone_does() -> None:
    scores = np.array(
        [
            [1, 0, 1, 0, NAN, 1.0],
            [1, 0, 0, 0, NAN, 0.5],
            [1, 0, 0, NAN, NAN, 0.0],
            [NAN, 0, 0, NAN, NAN, 0.0],
        ]
    )
    assert lab.all_right(scores).tolist() == [True, False, False, False, False, False]
    assert lab.none_right(scores).tolist() == [False, True, False, True, False, False]
    assert lab.only_right_row(scores).tolist() == [-1, -1, 0, -1, -1, -1]


def test_scores_of_a_metric_are_brought_onto_one_scale() -> None:
    scores = np.array([[0.0, 5.0], [10.0, NAN]])
    up = lab.scale_scores(scores, lower=0, upper=10, higher_is_better=True)
    down = lab.scale_scores(scores, lower=None, upper=None, higher_is_better=False)
    np.testing.assert_allclose(up, [[0, 0.5], [1, NAN]])
    np.testing.assert_allclose(down, [[1, 0.5], [0, NAN]])


def test_strong_rows_are_the_best_quarter_and_three_at_least() -> None:
    scores = np.tril(np.ones((20, 20)))
    assert lab.strong_rows(scores) == [19, 18, 17, 16, 15]
    assert lab.strong_rows(scores[:4]) == [3, 2, 1]
    assert lab.strong_rows(scores[:2]) == []


def test_only_items_that_strong_rows_get_wrong_are_doubtful() -> None:
    scores = np.array([[0, 1, 0, 1], [0, 0, 0, 1], [0, 0, NAN, 1], [0, 0, 1, 0.0]])
    assert lab.doubtful_items(scores, [0, 1, 2], most=10) == [0]
    assert lab.doubtful_items(scores, [1, 2, 3], most=10) == [0, 1]
    assert lab.doubtful_items(scores, [1, 2, 3], most=1) == [0]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([("4", 0), (" 4 ", 0), ("4", 0)], lab.KeyDoubt("4", 3, 3, 0)),
        ([("Paris", 0), ("paris", 0), ("Paris", 0), ("Rome", 1)], lab.KeyDoubt("Paris", 3, 4, 1)),
        ([("4", 0), ("4", 0), ("5", 0)], None),
        ([("4", 0)] * 3 + [("5", 1)] * 3, None),
        ([("", 0)] * 5, None),
        ([("4", 1)] * 5, None),
        ([], None),
    ],
)
def test_a_key_is_doubted_where_strong_rows_agree_against_it(
    answers: list[tuple[str, float]], expected: lab.KeyDoubt | None
) -> None:
    assert lab.doubt_key(answers) == expected


def test_saturation_counts_what_still_tells_models_apart() -> None:
    scores = np.array([[1, 1, 0, NAN], [1, 0, 0, NAN], [1, 1, 0, NAN]])
    found = lab.measure_saturation(scores)
    assert found == lab.Saturation(
        3, 3, best=2 / 3, median=2 / 3, all_right=1, none_right=1, informative=1, is_saturated=False
    )
    assert lab.measure_saturation(np.ones((3, 4))).is_saturated
    empty = lab.measure_saturation(np.zeros((0, 4)))
    assert (empty.rows, empty.best, empty.informative) == (0, None, 0)


def simulate(rows: int, items: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    ability = random.normal(size=rows)
    a = np.exp(random.normal(0, 0.4, items))
    b = random.normal(0, 1, items)
    chance = 1 / (1 + np.exp(-a * (ability[:, None] - b)))
    return (random.random((rows, items)) < chance).astype(float), a, b


def test_the_fit_recovers_the_parameters_of_simulated_answers() -> None:
    scores, a, b = simulate(2000, 40, 3)
    fit = lab.fit_logistic(scores)
    assert fit is not None
    assert fit.converged
    assert np.corrcoef(np.log(a), np.log(fit.discrimination))[0, 1] > 0.95
    assert np.corrcoef(b, fit.difficulty)[0, 1] > 0.98
    # Without bias: the mean error is small beside the spread of 1.
    assert abs((fit.difficulty - b).mean()) < 0.1
    assert abs(np.log(fit.discrimination / a).mean()) < 0.1


def test_the_fit_is_where_the_marginal_likelihood_is_largest() -> None:
    """Moving any parameter of the fit lowers the penalised likelihood, computed anew here."""
    scores, _, _ = simulate(200, 6, 5)
    fit = lab.fit_logistic(scores)
    assert fit is not None
    grid = np.linspace(-6, 6, 601)
    density = np.exp(-(grid**2) / 2)
    density /= density.sum()

    def objective(log_a: np.ndarray, b: np.ndarray) -> float:
        chance = 1 / (1 + np.exp(-np.exp(log_a)[:, None] * (grid - b[:, None])))
        log_rows = scores @ np.log(chance) + (1 - scores) @ np.log(1 - chance)
        likelihood = np.log(np.exp(log_rows) @ density).sum()
        return float(likelihood - (log_a**2).sum() / (2 * 0.5**2) - (b**2).sum() / (2 * 2.0**2))

    log_a, b = np.log(fit.discrimination), fit.difficulty
    best = objective(log_a, b)
    for item in range(6):
        for move in (-0.05, 0.05):
            for which in (0, 1):
                moved = [log_a.copy(), b.copy()]
                moved[which][item] += move
                assert objective(*moved) < best


def test_the_fit_is_finite_where_all_or_none_are_right_and_scores_are_missing() -> None:
    scores, _, _ = simulate(60, 12, 7)
    scores[:, 0], scores[:, 1], scores[:, 2] = 1, 0, NAN
    scores[::3, 5] = NAN
    fit = lab.fit_logistic(scores)
    assert fit is not None
    assert math.isnan(fit.difficulty[2])
    rest = [item for item in range(12) if item != 2]
    assert np.isfinite(fit.difficulty[rest]).all()
    assert fit.difficulty[0] < fit.difficulty[3:].min()
    assert fit.difficulty[1] > fit.difficulty[3:].max()


def test_too_few_rows_have_no_fit() -> None:
    scores, _, _ = simulate(lab.MIN_ROWS_FOR_FIT, 10, 9)
    assert lab.fit_logistic(scores) is not None
    assert lab.fit_logistic(scores[:-1]) is None
    assert lab.fit_logistic(scores[:, :4]) is None
