"""Scores as arrays, and as bytes."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.estimates import estimate
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.vectors import BadVectorError, ItemList, ScoreVector, join, pack

values = st.one_of(
    st.sampled_from([0.0, 1.0]), st.integers(0, 70_000).map(float), st.floats(-1e30, 1e30)
)
rows = st.dictionaries(
    st.text(max_size=5),
    st.builds(
        ItemScore,
        st.lists(values, max_size=3).map(tuple),
        st.integers(0, 300),
        st.sampled_from([None, "a", "b"]),
    ),
    max_size=12,
)


def binary(count: int) -> dict[str, ItemScore]:
    return {f"i{n}": ItemScore((float(n % 3 == 0),)) for n in range(count)}


def test_arrays_hold_sums_counts_and_levels() -> None:
    found = pack(
        {
            "a": ItemScore((1.0, 0.0, 1.0), 1, "x"),
            "b": ItemScore((), 4),
            "c": ItemScore((1.0,), 3, "y"),
        }
    )

    assert found.totals.tolist() == [2, 0, 1]
    assert found.counts.tolist() == [3, 0, 1]
    assert found.unscored.tolist() == [1, 4, 3]
    assert found.levels == (0.0, 1.0)
    assert found.items.clusters == ("x", None, "y")
    assert found.means == pytest.approx([2 / 3, np.nan, 1], nan_ok=True)
    assert (found.summary.items, found.summary.repeats) == (2, 4)


def test_rows_of_the_same_items_share_the_list_of_them() -> None:
    first = pack(binary(5))

    assert pack(binary(5), first.items).items is first.items
    assert pack(binary(4), first.items).items == ItemList([f"i{n}" for n in range(4)], [None] * 4)
    moved = {key: ItemScore(one.values, 0, "c") for key, one in binary(5).items()}
    assert pack(moved, first.items).items.clusters == ("c",) * 5


@given(rows)
def test_bytes_give_the_same_scores_again(row: dict[str, ItemScore]) -> None:
    vector = pack(row)

    assert ScoreVector.from_bytes(vector.to_bytes(), vector.items) == vector


def test_right_and_wrong_answers_take_a_byte_each() -> None:
    assert len(pack(binary(1000)).to_bytes()) == 28 + 1000 + 4 + 4


def test_bytes_are_little_endian_and_their_layout_is_fixed() -> None:
    data = pack({"a": ItemScore((0.5,), 1), "b": ItemScore((2.0, 3.0), 0)}).to_bytes()

    assert data == (
        b"PSV1\x08\x01\x01\xff"
        + struct.pack("<I2d", 2, 0, 0)
        + struct.pack("<2d", 0.5, 5.0)
        + b"\x01\x02"
        + b"\x01\x00"
    )


@given(st.lists(rows, min_size=1, max_size=3))
def test_further_runs_are_further_repeats(runs: list[dict[str, ItemScore]]) -> None:
    plain = [{k: ItemScore(s.values, s.unscored) for k, s in run.items()} for run in runs]
    joined: dict[str, ItemScore] = {}
    for run in plain:
        for key, score in run.items():
            known = joined.get(key, ItemScore())
            joined[key] = ItemScore(known.values + score.values, known.unscored + score.unscored)

    found, expected = join([pack(run) for run in plain]), pack(joined)

    assert found.items == expected.items
    assert found.counts.tolist() == expected.counts.tolist()
    assert found.unscored.tolist() == expected.unscored.tolist()
    assert found.levels == expected.levels
    assert found.totals == pytest.approx(expected.totals, rel=1e-12, abs=1e16)


def test_small_integers_do_not_overflow_with_large_bounds() -> None:
    percent = Metric(name="percent", lower=0, upper=100)
    row = {f"i{n}": ItemScore((100.0, 100.0), 3) for n in range(4)}

    found = estimate(row, percent)

    assert (found.value, found.worst, found.best) == (100, 40, 100)


GOOD = pack(binary(3)).to_bytes()
ITEMS = pack(binary(3)).items


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut off"),
        (GOOD[:-1], "cut off"),
        (GOOD + b"\0", "something follows"),
        (b"PSV2" + GOOD[4:], "unknown format"),
        (GOOD[:4] + b"\x03" + GOOD[5:], "totals have the unknown type 3"),
        (GOOD[:5] + b"\x03" + GOOD[6:], "counts have the unknown type 3"),
        (GOOD[:7] + b"\x07" + GOOD[8:], "number of levels is 7"),
        (GOOD[:8] + b"\x02" + GOOD[9:], "those of 2 items, not of 3"),
        (GOOD[:7] + b"\x00" + GOOD[8:], "no levels"),
        (GOOD[:28] + b"\x09" + GOOD[29:], "not between the levels"),
        (GOOD[:-8] + bytes(8), "without a scored repeat"),
        (GOOD[:12] + struct.pack("<2d", 1, 0) + GOOD[28:], "not ascending"),
        (
            GOOD[:4] + b"\x08\x00\x00\xff" + GOOD[8:28] + struct.pack("<3d2I", 1, 2, 1e31, 1, 0),
            "out of the range",
        ),
        (
            GOOD[:4]
            + b"\x08\x00\x00\xff"
            + GOOD[8:28]
            + struct.pack("<3d2I", 1, 2, float("nan"), 1, 0),
            "no finite number",
        ),
    ],
)
def test_bytes_that_are_no_scores_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(BadVectorError, match=message):
        ScoreVector.from_bytes(data, ITEMS)


@pytest.mark.parametrize("place", range(len(GOOD)))
def test_no_byte_can_be_changed_to_something_that_breaks(place: int) -> None:
    for byte in (0, 1, 2, 127, 128, 255):
        data = GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
        try:
            found = ScoreVector.from_bytes(data, ITEMS)
        except BadVectorError:
            continue
        estimate(found, Metric())
