"""The cost of a comparison of two runs: the pair, its slices, its items, and the marked words.

Rows are made in memory. Processor seconds, the median of some rounds; the last column is the share
of the goal of 0.3 s for a pair of 10,000 common items.

    python bench/comparisons.py
"""

import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "platform"))

import numpy as np

from plumbmark.scoring.comparison import choose_items, compare_rows, find_directions, share_items
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.vectors import ItemList, ScoreVector
from plumbmark.web.word_differences import mark_differences

ITEMS = 10_000
SLICES = 20
ROUNDS = 7
GOAL_SECONDS = 0.3
ACCURACY = Metric()


def row(items: ItemList, skill: float, draw: np.random.Generator) -> ScoreVector:
    right = (draw.random(ITEMS) < skill).astype("<u1")
    ones, zeros = np.ones(ITEMS, "<u1"), np.zeros(ITEMS, "<u1")
    return ScoreVector(items, right, ones, zeros, (0.0, 1.0))


def measure(name: str, work: Callable[[], object]) -> None:
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    middle = statistics.median(seconds)
    print(f"{name:<34} {middle:8.4f} s {middle / GOAL_SECONDS:8.1%}")


def compare_slices(a: ScoreVector, b: ScoreVector, codes: np.ndarray) -> None:
    for code in range(SLICES):
        one = choose_items(a, codes == code)
        compare_rows(one, share_items(b, codes == code, one.items), ACCURACY)


def main() -> None:
    draw = np.random.default_rng(1)
    codes = draw.integers(0, SLICES, ITEMS)
    for name, cluster in (("", 0), (" in clusters of 5", 5)):
        keys = [f"item {n}" for n in range(ITEMS)]
        items = ItemList(keys, [f"c{n // cluster}" if cluster else None for n in range(ITEMS)])
        a, b = row(items, 0.6, draw), row(items, 0.62, draw)
        measure(f"pair{name}", lambda a=a, b=b: compare_rows(a, b, ACCURACY))
        measure(f"{SLICES} slices{name}", lambda a=a, b=b: compare_slices(a, b, codes))
        measure(f"items{name}", lambda a=a, b=b: find_directions(a, b, ACCURACY))
    words = random.Random(1)
    first = " ".join(str(words.randrange(300)) for _ in range(1500))
    second = " ".join(str(words.randrange(300)) for _ in range(1500))
    measure("words of two answers", lambda: mark_differences(first, second))
    # Every second word is the same: the slowest texts that were found.
    slow = [" ".join(f"{n} {mark}{n}" for n in range(750)) for mark in "yz"]
    measure("words of two answers, slowest", lambda: mark_differences(slow[0], slow[1]))


if __name__ == "__main__":
    main()
