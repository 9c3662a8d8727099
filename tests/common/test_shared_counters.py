"""Counters that processes share."""

import subprocess
import sys
from pathlib import Path

from plumbmark.common.shared_counters import SharedCounters

ROOT = Path(__file__).resolve().parents[2]


def test_names_and_windows_are_counted_apart(tmp_path: Path) -> None:
    counters = SharedCounters(tmp_path / "rates")

    assert [counters.increment("ada", 1) for _ in range(3)] == [1, 2, 3]
    assert counters.increment("bob", 1) == 1
    assert counters.increment("ada", 2) == 1
    assert counters.increment("bob", 1) == 2
    counters.clear()
    assert counters.increment("bob", 1) == 1


def test_processes_count_together_and_lose_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from threading import Thread\n"
        "from plumbmark.common.shared_counters import SharedCounters\n"
        "counters = SharedCounters(Path(sys.argv[1]))\n"
        "def count():\n    for _ in range(500): counters.increment('ada', 1)\n"
        "threads = [Thread(target=count) for _ in range(2)]\n"
        "[one.start() for one in threads]; [one.join() for one in threads]\n"
    )
    file = tmp_path / "rates"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(file)], env={"PYTHONPATH": str(ROOT / "platform")}
        )
        for _ in range(3)
    ]
    assert [one.wait(300) for one in started] == [0, 0, 0]

    assert SharedCounters(file).increment("ada", 1) == 3001


def test_a_flood_of_names_does_not_lose_one_that_counts_high(tmp_path: Path) -> None:
    counters = SharedCounters(tmp_path / "rates")
    for _ in range(50):
        counters.increment("greedy", 1)

    for number in range(200_000):
        counters.increment(f"name {number}", 1)

    assert counters.increment("greedy", 1) == 51
