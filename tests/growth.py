"""Growth of the time that a function takes with the length of the text that it reads."""

import time
from collections.abc import Callable

LENGTHS = (30_000, 300_000)


def growth(read: Callable[[str], object], unit: str) -> float:
    """Return how many times longer a text takes that is ten times as long: 10 where the time is in
    proportion to the length, 100 where it is to its square. The text repeats the unit.

    Times below 10 ms count as 10 ms, since they say little.
    """
    seconds = []
    for length in LENGTHS:
        text = unit * (length // len(unit))
        started = time.process_time()
        read(text)
        seconds.append(max(time.process_time() - started, 0.01))
    return seconds[1] / seconds[0]
