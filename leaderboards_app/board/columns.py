"""The columns of a board: rank, model and score always, and others as the reader chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from leaderboards_app.board.rows import Row

MAX_TASK_COLUMNS = 4
"""More tasks than that are folded until a reader asks for them."""

MAX_METRIC_COLUMNS = 3
"""More further metrics than that are shown when a reader asks for them."""

LABELS: Mapping[str, Promise] = {
    "groups": _("Groups of tasks"),
    "tasks": _("Tasks"),
    "metrics": _("Further metrics"),
    "items": _("Items"),
    "unscored": _("Unscored"),
    "cost": _("Cost per item"),
    "latency": _("Latency"),
    "date": _("Date"),
    "attempts": _("Attempts"),
}


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A column that a reader can add or take away."""

    name: str
    label: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class ScoreColumn:
    """A column of scores beside the board's own: of a group, a task, or a further metric."""

    kind: str
    """`group`, `task` or `metric`."""
    place: int
    """Of the group or the task, from 0."""
    title: str
    sort: str
    """Its name as an order."""
    metric: Mapping[str, Any]
    metric_place: int = 0
    """Of a further metric among those of its task."""

    def value_of(self, row: Row) -> float | None:
        """Return the row's score in this column."""
        if self.kind == "group":
            found: float | None = row["groups"][self.place]
            return found
        cell = row["tasks"][self.place]
        if self.kind == "metric":
            cell = cell["secondary"][self.metric_place] or {}
        value: float | None = cell.get("value")
        return value


GROUP_METRIC = {"name": "mean", "direction": "higher", "unit": "share", "lower": 0, "upper": 1}
"""The scale of the means of groups."""


def list_score_columns(content: Mapping[str, Any]) -> list[ScoreColumn]:
    """Return every column of scores that a board could show, in the order of the table: each group
    before its tasks, then tasks without a group, each task before its further metrics.
    """
    tasks = content["tasks"]
    groups = content.get("groups", ())
    grouped = {number for group in groups for number in group["tasks"]}
    found = []
    for place, group in enumerate(groups):
        title, sort = group["title"], f"group-{place + 1}"
        metric = GROUP_METRIC
        if chosen := content["metric"].get("format"):
            metric = {**GROUP_METRIC, "format": chosen}
        found.append(ScoreColumn("group", place, title, sort, metric))
        for number in group["tasks"]:
            found += _columns_of_task(tasks, number - 1)
    for place in range(len(tasks)):
        if place + 1 not in grouped:
            found += _columns_of_task(tasks, place)
    return found


def _columns_of_task(tasks: Sequence[Mapping[str, Any]], place: int) -> list[ScoreColumn]:
    task = tasks[place]
    found = []
    if len(tasks) > 1:
        sort = f"task-{place + 1}"
        found.append(ScoreColumn("task", place, task["title"], sort, task["metric"]))
    further = task.get("secondary", ())
    names = [task["metric"]["name"], *(one["name"] for one in further)]
    for number, one in enumerate(further):
        # Scorers that leave the metric's name out have the same one.
        name = one["name"] if names.count(one["name"]) == 1 else one["scorer"]
        # The name first: heads of columns are cut.
        title = f"{name}, {task['title']}" if len(tasks) > 1 else name
        sort = f"metric-{place + 1}-{number + 1}"
        found.append(ScoreColumn("metric", place, title[:1].upper() + title[1:], sort, one, number))
    return found


def choose_score_columns(
    columns: Sequence[str], content: Mapping[str, Any], opened: str = ""
) -> list[ScoreColumn]:
    """Return the columns of scores to show. `columns` are those of `choose_columns`.

    With groups, their means are shown, tasks without a group, and the tasks of groups whose numbers
    `opened` has, with commas between them.
    """
    groups = content.get("groups", ())
    grouped = {number - 1 for group in groups for number in group["tasks"]}
    open_tasks = {
        number - 1
        for place in opened_groups(opened, content)
        for number in groups[place - 1]["tasks"]
    }
    shown = []
    for one in list_score_columns(content):
        is_ungrouped = "groups" in columns and one.place not in grouped
        is_shown = {
            "group": "groups" in columns,
            "task": "tasks" in columns or one.place in open_tasks or is_ungrouped,
            "metric": "metrics" in columns,
        }
        if is_shown[one.kind]:
            shown.append(one)
    return shown


def opened_groups(opened: str, content: Mapping[str, Any]) -> list[int]:
    """Return the numbers of the groups that a reader opened, from 1; unknown ones are ignored."""
    known = {str(number) for number in range(1, len(content.get("groups", ())) + 1)}
    return sorted({int(one) for one in opened.split(",") if one in known})


def choose_columns(wanted: str | None, content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the columns to show, in the order of the table.

    `wanted` has names with commas between them; unknown ones are ignored. Without it a board shows
    the columns that say something: few tasks, and what at least one row has.
    """
    available = _available(content)
    if wanted is not None:
        names = wanted.split(",")
        return tuple(name for name in available if name in names)
    rows: Sequence[Row] = content["rows"]
    return tuple(name for name in available if _is_useful(name, rows, content))


def list_choices(shown: Sequence[str], content: Mapping[str, Any]) -> list[ColumnChoice]:
    """Return every column that the board has besides those that are always there."""
    return [ColumnChoice(name, str(LABELS[name]), name in shown) for name in _available(content)]


def _available(content: Mapping[str, Any]) -> list[str]:
    missing = {
        "groups": not content.get("groups"),
        "tasks": len(content["tasks"]) < 2,
        "metrics": not _count_further(content),
    }
    return [name for name in LABELS if not missing.get(name)]


def _count_further(content: Mapping[str, Any]) -> int:
    return sum(len(task.get("secondary", ())) for task in content["tasks"])


def _is_useful(name: str, rows: Sequence[Row], content: Mapping[str, Any]) -> bool:
    if name == "tasks":
        return len(content["tasks"]) <= MAX_TASK_COLUMNS and not content.get("groups")
    if name == "metrics":
        return _count_further(content) <= MAX_METRIC_COLUMNS
    if name == "cost":
        return any(row["cost_per_item"] is not None for row in rows)
    if name == "latency":
        return any(row["median_latency_ms"] is not None for row in rows)
    if name == "items":
        counts = {(row["score"]["items"], row["score"]["repeats"]) for row in rows if row["score"]}
        return len(counts) > 1
    if name == "unscored":
        return any(row["score"] and row["score"]["unscored"] for row in rows)
    if name == "attempts":
        return any(row["attempts"] > 1 for row in rows)
    return True
