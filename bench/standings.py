"""What the arithmetic of a board costs: estimates, tests of all pairs, and ranks in two scopes.

Boards are made in memory, so nothing is read from a database. Each board is computed in a process
of its own, which prints processor seconds (of all threads) and the most memory that it held above
what it held with the scores alone. The last lines compare with the same statistics one number at a
time (`tests/scoring/oracle`), in one process and on a board small enough for it.

    python bench/standings.py                  all boards
    python bench/standings.py --only clusters  boards whose name contains this
"""

import argparse
import gc
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "platform"))

import numpy as np

from plumbmark.scoring.aggregates import WeightedTask, aggregate_rows
from plumbmark.scoring.estimates import estimate_rows
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.ranking import AggregateRow, RankingRow, rank, rank_aggregate
from plumbmark.scoring.vectors import ItemList, ScoreVector
from tests.scoring.oracle import aggregates as old_aggregates
from tests.scoring.oracle import estimates as old_estimates
from tests.scoring.oracle import ranking as old_ranking

SHARE = Metric()
LOSS = Metric(name="loss", direction="lower", lower=None, upper=None)
SCOPES = 2
"""Both are computed if some rows were submitted; else they have the same ranks."""


@dataclass(frozen=True)
class Board:
    name: str
    rows: int
    tasks: int
    items: int
    kind: str = "binary"
    """`binary`, `partial` (0 to 1) or `unbounded`."""
    cluster: int = 0
    """Items per cluster; 0 for none."""
    absent: float = 0.0
    """The share of unscored samples."""
    shares_clusters: bool = False
    """All tasks have the same clusters."""
    limit: str = ""
    """What the board may cost, with reading it."""


BOARDS = [
    Board("binary", 200, 10, 1000, limit="3 s, 300 MiB"),
    Board("binary, 1 % unscored", 200, 10, 1000, absent=0.01, limit="3 s, 300 MiB"),
    Board("partial", 200, 10, 1000, "partial", limit="3 s, 300 MiB"),
    Board("clusters", 200, 10, 1000, cluster=4, limit="3 s, 300 MiB"),
    Board("clusters, 1 % unscored", 200, 10, 1000, cluster=4, absent=0.01, limit="3 s, 300 MiB"),
    Board("clusters over all tasks", 200, 10, 1000, cluster=4, shares_clusters=True,
          limit="3 s, 300 MiB"),
    Board("binary", 1000, 1, 500, limit="2 s, 250 MiB"),
    Board("binary, 1 % unscored", 1000, 1, 500, absent=0.01, limit="2 s, 250 MiB"),
    Board("partial", 1000, 1, 500, "partial", limit="2 s, 250 MiB"),
    Board("unbounded", 1000, 1, 500, "unbounded", limit="2 s, 250 MiB"),
    Board("clusters", 1000, 1, 500, cluster=4, limit="2 s, 250 MiB"),
    Board("binary", 500, 10, 1000, limit="8 s, 600 MiB"),
    Board("partial, 1 % unscored", 500, 10, 1000, "partial", absent=0.01, limit="8 s, 600 MiB"),
    Board("clusters", 500, 10, 1000, cluster=4, limit="8 s, 600 MiB"),
]  # fmt: skip
SMALL = [
    Board("binary", 30, 3, 300),
    Board("partial", 30, 3, 300, "partial"),
    Board("clusters", 30, 3, 300, cluster=4),
    Board("clusters, 1 % unscored", 30, 3, 300, cluster=4, absent=0.01),
    Board("binary", 60, 1, 500),
    Board("binary", 100, 5, 1000),
    Board("clusters, 1 % unscored", 100, 5, 1000, cluster=4, absent=0.01),
    Board("unbounded", 30, 1, 300, "unbounded"),
]


def vectors_of(board: Board) -> list[dict[str, ScoreVector]]:
    """Make the rows of a board, whose skill grows from row to row."""
    draw = np.random.default_rng(7)
    rows: list[dict[str, ScoreVector]] = [{} for _ in range(board.rows)]
    for task in range(board.tasks):
        prefix = "" if board.shares_clusters else f"{task}."
        items = ItemList(
            [f"i{number}" for number in range(board.items)],
            [
                f"{prefix}c{number // board.cluster}" if board.cluster else None
                for number in range(board.items)
            ],
        )
        hardness = draw.uniform(-0.2, 0.2, board.items)
        for number, row in enumerate(rows):
            chance = 0.3 + 0.4 * number / board.rows + hardness
            scored = (draw.random(board.items) >= board.absent).astype("<u1")
            if board.kind == "binary":
                totals = (draw.random(board.items) < chance).astype("<u1") * scored
                levels: tuple[float, ...] | None = (0.0, 1.0)
            elif board.kind == "partial":
                totals = np.clip(chance + draw.normal(0, 0.1, board.items), 0, 1) * scored
                levels = None
            else:
                totals = draw.lognormal(chance, 0.8, board.items) * scored
                levels = None
            row[f"t{task}"] = ScoreVector(items, totals, scored, 1 - scored, levels)
    return rows


def tasks_of(board: Board) -> list[WeightedTask]:
    return [WeightedTask(f"t{n}", 1 / board.tasks, SHARE) for n in range(board.tasks)]


def metric_of(board: Board) -> Metric:
    return LOSS if board.kind == "unbounded" else SHARE


def compute(board: Board, rows: list[dict[str, ScoreVector]]) -> None:
    """Compute what a snapshot contains, as the platform does."""
    if board.tasks == 1:
        metric = metric_of(board)
        estimate_rows([row["t0"] for row in rows], metric)
        entries = [RankingRow(str(number), row["t0"]) for number, row in enumerate(rows)]
        for _ in range(SCOPES):
            rank(entries, metric, contradiction="significant")
        return
    tasks = tasks_of(board)
    aggregate_rows(rows, tasks)
    wholes = [AggregateRow(str(number), row) for number, row in enumerate(rows)]
    for _ in range(SCOPES):
        rank_aggregate(wholes, tasks, contradiction="significant")


def compute_before(board: Board, rows: list[dict[str, dict[str, ItemScore]]]) -> None:
    """Compute the same one number at a time."""
    if board.tasks == 1:
        metric = metric_of(board)
        for row in rows:
            old_estimates.estimate(row["t0"], metric)
        entries = [RankingRow(str(number), row["t0"]) for number, row in enumerate(rows)]
        for _ in range(SCOPES):
            old_ranking.rank(entries, metric, contradiction="significant")
        return
    tasks = tasks_of(board)
    for row in rows:
        old_aggregates.aggregate_estimate(row, tasks)
    wholes = [AggregateRow(str(number), row) for number, row in enumerate(rows)]
    for _ in range(SCOPES):
        old_ranking.rank_aggregate(wholes, tasks, contradiction="significant")


def unpack(vector: ScoreVector) -> dict[str, ItemScore]:
    return {
        key: ItemScore((float(total),) if count else (), int(not count), cluster)
        for key, cluster, total, count in zip(
            vector.items.keys, vector.items.clusters, vector.totals, vector.counts, strict=True
        )
    }


def seconds(work: Callable[[], None]) -> float:
    """Return the processor seconds of all threads."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(board: Board) -> str:
    rows = vectors_of(board)
    before = peak_mib()
    taken = seconds(lambda: compute(board, rows))
    peak = peak_mib()
    return f"{taken:.2f} | {peak - before:.0f} | {peak:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="boards whose name contains this")
    parser.add_argument("--board", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.board is not None:
        print(measure(BOARDS[given.board]))
        return
    print("| board | rows × tasks × items | processor s | MiB more | MiB in all | limit |")
    print("|---|---|---|---|---|---|")
    for number, board in enumerate(BOARDS):
        if given.only not in board.name:
            continue
        done = subprocess.run(
            [sys.executable, __file__, "--board", str(number)],
            capture_output=True,
            text=True,
            check=True,
        )
        size = f"{board.rows} × {board.tasks} × {board.items}"
        print(f"| {board.name} | {size} | {done.stdout.strip()} | {board.limit} |", flush=True)
    print("\n| board | rows × tasks × items | one by one, s | arrays, s | ratio |")
    print("|---|---|---|---|---|")
    for board in SMALL:
        if given.only not in board.name:
            continue
        rows = vectors_of(board)
        items = [{task: unpack(one) for task, one in row.items()} for row in rows]
        before = seconds(lambda board=board, items=items: compute_before(board, items))  # type: ignore[misc]
        # New vectors each time, as these keep their estimates.
        drawn = [vectors_of(board) for _ in range(3)]
        now = min(
            seconds(lambda board=board, rows=rows: compute(board, rows))  # type: ignore[misc]
            for rows in drawn
        )
        size = f"{board.rows} × {board.tasks} × {board.items}"
        print(
            f"| {board.name} | {size} | {before:.2f} | {now:.3f} | {before / now:.0f} |", flush=True
        )


if __name__ == "__main__":
    main()
