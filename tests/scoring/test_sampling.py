"""The reproducible choice of answers."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.sampling import Choosable, stratified_choice


def strata(**sizes: int) -> dict[str, list[Choosable]]:
    return {
        name: [Choosable(f"{name}/{n}", f"q{n}") for n in range(size)]
        for name, size in sizes.items()
    }


@given(st.integers(0, 2**31))
def test_the_same_seed_chooses_the_same_whatever_the_order_given(seed: int) -> None:
    given_one = strata(a=20, b=20, c=5)
    turned = {name: list(reversed(pool)) for name, pool in reversed(given_one.items())}

    assert stratified_choice(given_one, size=12, seed=seed) == stratified_choice(
        turned, size=12, seed=seed
    )


def test_each_stratum_gives_equally_until_it_is_empty() -> None:
    chosen = stratified_choice(strata(a=100, b=100, c=4), size=30, seed=1)

    counts = Counter(one.key.partition("/")[0] for one in chosen)
    assert counts["c"] == 4
    assert {counts["a"], counts["b"]} == {13}


def test_as_many_questions_as_possible_are_seen() -> None:
    chosen = stratified_choice(strata(a=40, b=40), size=40, seed=3)

    assert len({one.question for one in chosen}) == 40


def test_where_there_are_too_few_all_are_taken_once() -> None:
    chosen = stratified_choice(strata(a=3, b=2), size=50, seed=3)

    assert len(chosen) == len(set(chosen)) == 5


def test_another_seed_chooses_otherwise_and_every_answer_has_a_chance() -> None:
    seen = Counter(
        one.key for seed in range(300) for one in stratified_choice(strata(a=10), size=2, seed=seed)
    )

    assert len(seen) == 10
    assert min(seen.values()) > 30
