"""The simulation of intervals and ranks: it runs, and shows what the earlier formulas got wrong."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def measured(family: str, draws: int) -> list[list[str]]:
    """Return the cells of the rows of the table that the command prints."""
    done = subprocess.run(
        [sys.executable, "bench/trust.py", "--only", family, "--draws", str(draws)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if "|" in line]
    assert rows[0] == [
        "family", "setting", "coverage before", "now", "error of ranks before", "now", "verdict"
    ]  # fmt: skip
    return rows[2:]


def share(text: str) -> float:
    return float(text.removesuffix("%")) / 100


def test_a_giant_cluster_made_ranks_wrong_and_does_no_more() -> None:
    (row,) = measured("one giant", 60)

    coverage_before, coverage, error_before, error = map(share, row[2:6])
    assert coverage_before < 0.88 < 0.93 < coverage
    assert error_before > 0.2 > 0.05 >= error


def test_what_has_not_changed_has_no_share_before() -> None:
    rows = measured("counts", 60)

    assert [row[2] for row in rows] == ["–", "–"]
    assert all(share(row[3]) < 0.95 for row in rows)
    assert all("too narrow" in row[-1] for row in rows)
