"""Swapped pairs and own families, against statsmodels and scipy."""

import pytest

from plumbmark.scoring.judge_trust import (
    Deviation,
    SwappedPair,
    family_preference,
    swap_flips,
)
from tests.oracles import np, proportion, stats


def pairs(*orders: tuple[float, float], cluster: str = "") -> list[SwappedPair]:
    return [SwappedPair(str(n), cluster, *order) for n, order in enumerate(orders)]


def test_a_flip_is_another_winner_and_a_tie_is_only_wavering() -> None:
    found = swap_flips(pairs((1, 0), (0, 1), (1, 1), (0, 0), (0.5, 1), (0.5, 0.5), (1, 0)))

    assert found.flipped == 3
    assert found.for_the_first == 2
    assert found.wavered == 1
    assert found.share.value == pytest.approx(3 / 7)
    low, high = proportion.proportion_confint(3, 7, method="wilson")
    assert (found.share.low, found.share.high) == pytest.approx((low, high))


def test_pairs_of_one_question_widen_the_interval() -> None:
    orders = [(1.0, 0.0)] * 6 + [(1.0, 1.0)] * 18
    alone = swap_flips([SwappedPair(str(n), "", *order) for n, order in enumerate(orders)])
    together = swap_flips(
        [SwappedPair(str(n), str(n // 3), *order) for n, order in enumerate(orders)]
    )

    assert together.share.value == alone.share.value
    assert together.share.high > alone.share.high


def test_nothing_swapped_has_no_share() -> None:
    assert swap_flips([]).share.value is None


def test_the_preference_is_the_difference_of_means_with_welchs_error() -> None:
    generator = np.random.default_rng(4)
    own, others = generator.normal(0.2, 0.4, 15), generator.normal(0.0, 0.3, 40)
    deviations = [Deviation(value, True, f"a{n}") for n, value in enumerate(own)]
    deviations += [Deviation(value, False, f"b{n}") for n, value in enumerate(others)]

    found = family_preference(deviations)

    welch = stats.ttest_ind(own, others, equal_var=False)
    error = (own.mean() - others.mean()) / welch.statistic
    assert found.difference == pytest.approx(own.mean() - others.mean())
    assert found.high - found.difference == pytest.approx(stats.t.ppf(0.975, 14) * error)
    assert (found.n_own, found.n_others) == (15, 40)


def test_answers_to_the_same_questions_are_compared_within_them() -> None:
    hardness = np.random.default_rng(5).normal(0, 1, 30)
    gap = np.random.default_rng(6).normal(0.5, 0.05, 30)
    same = [Deviation(value, False, str(n)) for n, value in enumerate(hardness)]
    same += [Deviation(value + gap[n], True, str(n)) for n, value in enumerate(hardness)]
    apart = [Deviation(one.value, one.is_own, f"{one.is_own}{one.cluster}") for one in same]

    paired, unpaired = family_preference(same), family_preference(apart)

    assert paired.difference == pytest.approx(unpaired.difference)
    error = gap.std(ddof=1) / 30**0.5
    assert paired.high - paired.difference == pytest.approx(stats.t.ppf(0.975, 29) * error)
    assert unpaired.high - unpaired.low > 5 * (paired.high - paired.low)


def test_without_both_groups_nothing_can_be_told() -> None:
    found = family_preference([Deviation(0.1, False, "a"), Deviation(0.2, False, "b")])

    assert found.difference is None
    assert found.n_own == 0


def test_one_answer_in_a_group_has_a_difference_but_no_interval() -> None:
    found = family_preference(
        [Deviation(1.0, True, "a"), Deviation(0.0, False, "b"), Deviation(0.5, False, "c")]
    )

    assert found.difference == pytest.approx(0.75)
    assert found.low is None
