"""The numbers of a snapshot as pages write them, for programs that show them to people."""

from collections.abc import Mapping
from typing import Any

from leaderboards_app.board.columns import GROUP_METRIC
from leaderboards_app.board.rows import Row
from plumbmark.web.numbers import format_interval, format_score, format_score_short, writers_of


def written_rows(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return score, interval and further scores of each row of the content, in its order."""
    write_short = writers_of(content["metric"])[1]
    return [
        {
            "contender": row["contender"]["id"],
            "score": format_score(score.get("value"), content["metric"]),
            "interval": format_interval(score.get("low"), score.get("high"), write_short),
            "tasks": [
                format_score(cell["value"], task["metric"])
                for task, cell in zip(content["tasks"], row["tasks"], strict=True)
            ],
            **_further(content, row),
        }
        for row in content["rows"]
        for score in (row["score"] or {},)
    ]


def _further(content: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """Return the texts of further metrics and groups, where the board has some."""
    found: dict[str, Any] = {}
    if any(task.get("secondary") for task in content["tasks"]):
        found["secondary"] = [
            [
                format_score((one or {}).get("value"), metric)
                for metric, one in zip(
                    task.get("secondary", ()), cell.get("secondary", ()), strict=True
                )
            ]
            for task, cell in zip(content["tasks"], row["tasks"], strict=True)
        ]
    if "groups" in content:
        found["groups"] = [format_score_short(value, GROUP_METRIC) for value in row["groups"]]
    return found
