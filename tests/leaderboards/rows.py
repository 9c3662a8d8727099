"""Rows and contents of snapshots, written by hand."""

from typing import Any

SHARE = {"name": "accuracy", "direction": "higher", "unit": "share", "lower": 0, "upper": 1}

RANK = {
    "best": 1,
    "worst": 3,
    "above": 0,
    "below": 0,
    "sole_first": False,
    "coverage_differs": False,
}


def row(label: str, value: float, **changes: Any) -> dict[str, Any]:
    """Return a ranked row; `cost` in nanodollars, `facts` of its model."""
    return {
        "entry": 1,
        "contender": {
            "id": "x",
            "label": label,
            "maker": changes.get("maker", "Arbor"),
            "kind": "run",
            "model": None,
            **({"facts": changes["facts"]} if "facts" in changes else {}),
        },
        "by": None,
        "status": changes.get("status", "ranked"),
        "reason": "",
        "score": {
            "value": value,
            "low": value - 0.05,
            "high": value + 0.05,
            "items": 100,
            "repeats": 1,
            "unscored": 0,
        },
        "ranks": {"platform": RANK, "all": RANK},
        "tasks": [
            {"state": "scored", "runs": [1], "value": one, "low": None, "high": None, "unscored": 0}
            for one in changes.get("tasks", [value])
        ],
        "cost_per_item": changes.get("cost"),
        "median_latency_ms": changes.get("latency"),
        "date": changes.get("date", "2026-11-01"),
        "attempts": 1,
        "declared": 1,
        "model_changed": False,
    }


def content(*rows: dict[str, Any], tasks: int = 1, **metric: Any) -> dict[str, Any]:
    task = {"title": "Task", "metric": {**SHARE, **metric}, "items": 100}
    return {
        "tasks": [{**task, "title": f"Task {number + 1}"} for number in range(tasks)],
        "metric": {**SHARE, **metric},
        "rows": list(rows),
    }


def keep(board: Any, document: dict[str, Any]) -> str:
    """Make a snapshot of a board with this content; return the board's address."""
    from leaderboards_app.models import Standings

    newest = Standings.objects.filter(version=board).latest("number")
    tasks = [{**newest.content["tasks"][0], **one} for one in document["tasks"]]
    Standings.objects.create(
        version=board,
        number=newest.number + 1,
        content_hash="h1:made",
        content={**newest.content, **document, "tasks": tasks},
        row_count=len(document["rows"]),
    )
    return str(board.benchmark.get_absolute_url())
