"""Computing a board: estimates, rank ranges in both scopes, and everything its rows show.

The result is plain data, stored as the content of a snapshot; docs/design/standings.md describes
it. Nothing statistical happens on a page view.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks_app.models import BenchmarkTask, BenchmarkVersion
from benchmarks_app.queries import members_of
from leaderboards_app.slices.computation import SlicedRow, SlicedTask, compute_slices
from leaderboards_app.standings.collection import (
    Candidate,
    TaskCell,
    candidates_of,
    failed_requests,
    join_cell_scores,
    read_vectors,
)
from leaderboards_app.weights.computation import compute_weightings, normalised_value
from plumbmark.accounts.models import User
from plumbmark.scoring.aggregates import TaskScores, WeightedTask, aggregate_rows
from plumbmark.scoring.estimates import Estimate, round_digits
from plumbmark.scoring.ranking import (
    AggregateRow,
    Ranked,
    RankingRow,
    rank,
    rank_aggregate,
)
from plumbmark.scoring.relevance import is_practically_equal
from plumbmark.scoring.vectors import ItemList, ScoreVector
from tasks_app.code_tasks.scores import ProgramScores, estimates_of_programs
from tasks_app.judges.queries import trust_in_judges
from tasks_app.kinds import kind_of
from tasks_app.models import Contender, TaskVersion
from tasks_app.scorings.estimates import as_document, metric_of, round_stored
from tasks_app.scorings.metric_documents import (
    SecondaryMetric,
    metric_document,
    secondary_metrics,
)
from tasks_app.scorings.secondary import join_estimates, read_secondary

STATISTICS = 3
"""Of intervals, tests and ranks; docs/design/statistics.md lists what each version changed. Content
without the key `statistics` has version 1."""

MIN_COMMON_SHARE = 0.9
"""A row with a smaller share of the board's items is marked."""

SCOPES = ("platform", "all")
"""`platform`: rows that the platform ran itself. `all`: with submitted rows."""

RANKED, REFERENCE, INCOMPLETE, INVALID, PENDING = (
    "ranked",
    "reference",
    "incomplete",
    "invalid",
    "pending",
)


@dataclass(frozen=True, slots=True)
class ComputedBoard:
    """The content of a snapshot, and what is derived from it, where there is something."""

    content: dict[str, Any]
    slices: dict[str, Any] | None
    """Scores of its rows on slices of the items."""
    weightings: dict[str, Any] | None = None
    """Which row leads under other weights of the tasks."""


def compute_board(version: BenchmarkVersion) -> ComputedBoard:
    """Compute the content of the board's snapshot, and its slices."""
    tasks = list(members_of(version))
    candidates = candidates_of(version, tasks)
    board = _Board(version, tasks, candidates)
    content: dict[str, Any] = {
        "format": 1,
        "statistics": STATISTICS,
        "tasks": board.tasks(),
        "metric": board.score_metric(),
        "unscored_allowed": float(version.unscored_allowed),
        "entry_policy": version.entry_policy,
        "rows": board.rows(),
    }
    if version.smallest_difference is not None:
        # Only where it is stated, so that other boards' content stays as it was.
        content["smallest_difference"] = version.smallest_difference
    if groups := groups_of(content["tasks"]):
        content["groups"] = groups
        add_group_means(content)
    return ComputedBoard(
        content,
        compute_slices(board.tasks_with_rows(content["rows"])),
        compute_weightings(content, [task.task_version.task.tags for task in tasks]),
    )


def _task_document(
    task: BenchmarkTask, weight: float, secondary: Sequence[SecondaryMetric]
) -> dict[str, Any]:
    version = task.task_version
    trust = trust_in_judges(version)
    return {
        **({"group": task.group} if task.group else {}),
        **({"secondary": [one.as_document() for one in secondary]} if secondary else {}),
        # Only where models judge, so that other boards' content stays as it was.
        **({"judges": trust} if trust else {}),
        "id": version.public_id,
        "task": version.task.public_id,
        "handle": version.task.namespace.handle,
        "slug": version.task.slug,
        "number": version.number,
        "title": _title(task),
        "weight": weight,
        "items": version.item_count,
        "private_items": version.private_item_count,
        "metric": metric_document(version),
    }


def _scores_by_entry(candidates: Sequence[Candidate]) -> dict[int, dict[str, ProgramScores]]:
    """Return the scores by entry and task; rows of the same items share one list of them."""
    found: dict[int, dict[str, ProgramScores]] = {}
    lists: dict[str, ItemList] = {}
    vectors = read_vectors(candidates)
    for candidate in candidates:
        scores = found[candidate.entry.pk] = {}
        for cell in candidate.cells:
            if cell.counted:
                key = str(cell.task.pk)
                scores[key] = packed = join_cell_scores(cell, vectors).pack(lists.get(key))
                if isinstance(packed.pairs, ScoreVector):
                    lists.setdefault(key, packed.pairs.items)
    return found


class _Board:
    def __init__(
        self,
        version: BenchmarkVersion,
        tasks: Sequence[BenchmarkTask],
        candidates: Sequence[Candidate],
    ) -> None:
        self._version = version
        self._tasks = tasks
        self._candidates = candidates
        self._failed = failed_requests(candidates)
        total = sum(float(task.weight) for task in tasks)
        self.weights = {task.pk: float(task.weight) / total for task in tasks}
        self._weighted = [
            WeightedTask(str(task.pk), self.weights[task.pk], metric_of(task.task_version))
            for task in tasks
        ]
        self._is_single = len(tasks) == 1
        self._scores = _scores_by_entry(candidates)
        self._parts = self._estimate_parts()
        """Estimates by entry and task, on the scale of each task."""
        self._secondary_estimates = read_secondary(
            one.scoring for row in candidates for cell in row.cells for one in cell.counted
        )
        self._secondary = self._known_secondary()
        self._estimates = self._estimate_entries()
        self._status = {candidate.entry.pk: self._status_of(candidate) for candidate in candidates}

    def tasks(self) -> list[dict[str, Any]]:
        """Return the documents of the tasks, in their order."""
        return [
            _task_document(task, self.weights[task.pk], self._secondary[task.pk])
            for task in self._tasks
        ]

    def score_metric(self) -> dict[str, Any]:
        """Return the scale of the score column: the task's own, or the normalised mean."""
        chosen = {"format": self._version.score_format} if self._version.score_format else {}
        if self._is_single:
            return metric_document(self._tasks[0].task_version) | chosen
        return {
            "name": "weighted mean",
            "direction": "higher",
            "unit": "share",
            "lower": 0.0,
            "upper": 1.0,
            **chosen,
        }

    def _known_secondary(self) -> dict[int, list[SecondaryMetric]]:
        """Return the further metrics by task, of which some row has an estimate."""
        names: dict[int, set[str]] = {task.pk: set() for task in self._tasks}
        for row in self._candidates:
            for cell in row.cells:
                for one in cell.counted:
                    names[cell.task.pk].update(self._secondary_estimates.get(one.scoring.pk, ()))
        return {
            task.pk: [
                one for one in secondary_metrics(task.task_version) if one.scorer in names[task.pk]
            ]
            for task in self._tasks
        }

    def _secondary_cell(self, cell: TaskCell) -> dict[str, Any]:
        """Return the further scores of a cell; empty for a task without further metrics."""
        metrics = self._secondary[cell.task.pk]
        if not metrics:
            return {}
        known = [self._secondary_estimates.get(one.scoring.pk, {}) for one in cell.counted]
        return {
            "secondary": [
                join_estimates([one[metric.scorer] for one in known])
                if known and all(metric.scorer in one for one in known)
                else None
                for metric in metrics
            ]
        }

    def _estimate_parts(self) -> dict[int, dict[str, Estimate]]:
        parts: dict[int, dict[str, Estimate]] = {entry: {} for entry in self._scores}
        for task in self._weighted:
            entries = [entry for entry, scores in self._scores.items() if task.key in scores]
            rows = [self._scores[entry][task.key] for entry in entries]
            found = estimates_of_programs(rows, task.metric)
            for entry, one in zip(entries, found, strict=True):
                parts[entry][task.key] = one
        return parts

    def _estimate_entries(self) -> dict[int, Estimate | None]:
        found: dict[int, Estimate | None] = dict.fromkeys(self._scores)
        entries = [entry for entry, scores in self._scores.items() if scores]
        if self._is_single:
            key = self._weighted[0].key
            return found | {entry: self._parts[entry][key] for entry in entries}
        rows = [{task: one.items for task, one in self._scores[entry].items()} for entry in entries]
        for entry, one in zip(entries, aggregate_rows(rows, self._weighted), strict=True):
            found[entry] = one.estimate
        return found

    def _pairs(self, candidate: Candidate) -> TaskScores:
        """Return the scores that are compared with other rows, task by task."""
        return {task: one.pairs for task, one in self._scores[candidate.entry.pk].items()}

    def _status_of(self, candidate: Candidate) -> tuple[str, str]:
        """Return the status of a row, and the reason if it is not ranked."""
        entry = candidate.entry
        if entry.invalid_reason:
            return INVALID, entry.invalid_reason
        absent = [cell for cell in candidate.cells if not cell.counted]
        found = self._estimates[entry.pk]
        if found is None:
            return PENDING, _absence(absent)
        if entry.contender.is_reference_line:
            return REFERENCE, _absence(absent) if absent else ""
        if absent:
            return INCOMPLETE, _absence(absent)
        unscored = self._unscored_reason(candidate, found)
        return (INCOMPLETE, unscored) if unscored else (RANKED, "")

    def _unscored_reason(self, candidate: Candidate, found: Estimate) -> str:
        """Return why too much of a row is unscored; empty if the allowance is kept.

        It holds for each task and for all together: a task may have few items and much weight.
        """
        if not found.n_scored:
            return "Nothing of it is scored."
        parts = self._parts[candidate.entry.pk]
        cells = [(_title(cell.task), parts[str(cell.task.pk)]) for cell in candidate.cells]
        empty = [title for title, part in cells if part.value is None]
        if empty:
            return f"{'; '.join(empty)}: nothing is scored."
        allowed = float(self._version.unscored_allowed)
        several = [] if self._is_single else cells
        for title, part in [*several, ("", found)]:
            if part.unscored_share > allowed:
                place = f"{title}: " if title else ""
                return (
                    f"{place}{part.n_unscored} of {part.n_scored + part.n_unscored} samples are "
                    f"unscored; {allowed:.1%} are allowed."
                )
        return ""

    def rows(self) -> list[dict[str, Any]]:
        """Return ranked rows from best to worst, then the others, each group by score."""
        ranks = self._ranks_by_scope()
        rows = [self._row(candidate, ranks) for candidate in self._candidates]
        order = (RANKED, REFERENCE, INCOMPLETE, PENDING, INVALID)
        lower_is_better = self.score_metric()["direction"] == "lower"

        def place(row: Mapping[str, Any]) -> tuple[int, float, str]:
            value = row["score"]["value"] if row["score"] else None
            if value is None:
                rank_by = float("inf")
            else:
                rank_by = value if lower_is_better else -value
            return order.index(row["status"]), rank_by, row["contender"]["label"]

        rows.sort(key=place)
        mark_practically_best(rows, self._version.smallest_difference)
        return rows

    def tasks_with_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[SlicedTask]:
        """Return the tasks that have slices, with the scores of the rows in their order."""
        found = []
        for number, (task, weighted) in enumerate(
            zip(self._tasks, self._weighted, strict=True), start=1
        ):
            version = task.task_version
            if not _has_slices(version):
                continue
            sliced = [
                SlicedRow(row["contender"]["id"], row["contender"]["label"], one.pairs)
                for row in rows
                if row["status"] in {RANKED, REFERENCE}
                and (one := self._scores[row["entry"]].get(weighted.key)) is not None
                and isinstance(one.pairs, ScoreVector)
            ]
            document = metric_document(version)
            found.append(
                SlicedTask(number, _title(task), version.pk, weighted.metric, document, sliced)
            )
        return found

    def _ranks_by_scope(self) -> dict[str, dict[int, Ranked]]:
        ranked = [
            candidate
            for candidate in self._candidates
            if self._status[candidate.entry.pk][0] == RANKED
        ]
        own = [one for one in ranked if one.entry.contender.kind == Contender.Kind.RUN]
        every = self._ranks(ranked)
        return {"platform": every if len(own) == len(ranked) else self._ranks(own), "all": every}

    def _ranks(self, rows: Sequence[Candidate]) -> dict[int, Ranked]:
        # A contradiction within the noise means nothing: docs/design/standings.md.
        if self._is_single:
            key = str(self._tasks[0].pk)
            metric = self._weighted[0].metric
            found = [self._scores[c.entry.pk][key] for c in rows]
            if all(one.is_share for one in found):
                metric = found[0].metric(metric) if found else metric
            ranked = rank(
                [RankingRow(str(c.entry.pk), self._pairs(c)[key]) for c in rows],
                metric,
                contradiction="significant",
            )
        else:
            ranked = rank_aggregate(
                [AggregateRow(str(c.entry.pk), self._pairs(c)) for c in rows],
                self._weighted,
                contradiction="significant",
            )
        return {int(one.key): one for one in ranked}

    def _row(
        self, candidate: Candidate, ranks: Mapping[str, Mapping[int, Ranked]]
    ) -> dict[str, Any]:
        entry = candidate.entry
        contender = entry.contender
        status, reason = self._status[entry.pk]
        found = self._estimates[entry.pk]
        runs = candidate.runs
        platform_runs = [run for run in runs if not run.is_submitted]
        sample_count = sum(run.samples_total for run in platform_runs)
        latencies = [
            run.median_latency_ms for run in platform_runs if run.median_latency_ms is not None
        ]
        finished = [run.finished_at for run in runs if run.finished_at]
        failed = sum(self._failed.get(run.pk, 0) for run in runs)
        # Counts and single numbers of programs are no items that another row could have.
        are_items_known = all(
            one.items is one.pairs and not one.is_number for one in self._scores[entry.pk].values()
        )
        return {
            "entry": entry.pk,
            "contender": {
                "id": contender.public_id,
                "label": contender.label,
                "maker": contender.maker,
                "kind": contender.kind,
                "model": contender.model.slug if contender.model else None,
                # Only where something is known, so that other rows stay as they were.
                **({"facts": facts} if (facts := _facts_of_contender(contender)) else {}),
            },
            "by": contender.owner.handle if contender.owner else None,
            "status": status,
            "reason": reason,
            "score": as_document(found) if found else None,
            "ranks": {
                scope: _rank_document(ranks[scope].get(entry.pk), are_items_known=are_items_known)
                for scope in SCOPES
            },
            "tasks": [
                _cell_document(cell, self._parts[entry.pk]) | self._secondary_cell(cell)
                for cell in candidate.cells
            ],
            "cost_per_item": round(sum(run.provider_cost for run in platform_runs) / sample_count)
            if sample_count
            else None,
            "median_latency_ms": round(statistics.median(latencies)) if latencies else None,
            "date": max(finished).date().isoformat() if finished else None,
            "attempts": max((cell.attempts for cell in candidate.cells), default=0),
            "declared": max((cell.declared for cell in candidate.cells), default=0),
            "model_changed": any(len(run.upstream_models) > 1 for run in runs),
            # Only where there are some, so that other rows stay as they were.
            **({"failed_requests": failed} if failed else {}),
        }


def mark_practically_best(rows: Sequence[dict[str, Any]], smallest: float | None) -> None:
    """Add `near_best` to rows: the scopes in which a row is not the best one, and differs from it
    by less than the smallest difference that matters.

    `rows` are in the board's order, so that the first ranked one of a scope is its best.
    """
    if smallest is None:
        return
    for scope in SCOPES:
        ranked = [row for row in rows if row["ranks"][scope]]
        for row in ranked[1:]:
            difference = row["score"]["value"] - ranked[0]["score"]["value"]
            if is_practically_equal(difference, smallest):
                row.setdefault("near_best", []).append(scope)


def groups_of(tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the groups of a board's tasks in the order of their first ones; none where there is a
    single task.
    """
    if len(tasks) < 2:
        return []
    found: dict[str, dict[str, Any]] = {}
    for number, task in enumerate(tasks, start=1):
        if title := task.get("group"):
            group = found.setdefault(title, {"title": title, "tasks": [], "weight": 0.0})
            group["tasks"].append(number)
            group["weight"] += task["weight"]
    return [{**group, "weight": round_digits(group["weight"])} for group in found.values()]


def add_group_means(content: Mapping[str, Any]) -> None:
    """Add `groups` to each row: the weighted means of the groups' tasks, mapped to 0 … 1; None
    where the row lacks a task of the group.
    """
    for row in content["rows"]:
        row["groups"] = [
            _group_mean(content["tasks"], row["tasks"], group["tasks"])
            for group in content["groups"]
        ]


def _group_mean(
    tasks: Sequence[Mapping[str, Any]], cells: Sequence[Mapping[str, Any]], numbers: Sequence[int]
) -> float | None:
    values = [normalised_value(tasks[n - 1]["metric"], cells[n - 1]["value"]) for n in numbers]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    weights = [tasks[number - 1]["weight"] for number in numbers]
    pairs = zip(known, weights, strict=True)
    return round_digits(math.fsum(value * weight for value, weight in pairs) / math.fsum(weights))


def _has_slices(version: TaskVersion) -> bool:
    """Return whether a version's items have slices. Those of programs are of each run alone."""
    if kind_of(version).runs_program:
        return False
    has_both_splits = 0 < version.private_item_count < version.item_count
    return has_both_splits or bool(version.definition.get("data", {}).get("slices"))


def _facts_of_contender(contender: Contender) -> dict[str, Any]:
    """Return what is known of a row's model: a snapshot shows it as it was known then."""
    facts: dict[str, Any] = {}
    if effort := contender.configuration.get("reasoning_effort"):
        facts["effort"] = effort
    model = contender.model
    if model is None:
        return facts
    if model.open_weights is not None:
        facts["open_weights"] = model.open_weights
    if model.modalities:
        facts["modalities"] = sorted(set(map(str, model.modalities)))
    if model.licence:
        facts["licence"] = model.licence
    if model.released_on:
        facts["released_on"] = model.released_on.isoformat()
    return facts


def _cell_document(cell: TaskCell, parts: Mapping[str, Estimate]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "state": cell.state,
        "runs": [counted.run.pk for counted in cell.counted],
        "value": None,
        "low": None,
        "high": None,
        "unscored": 0,
    }
    if cell.counted:
        found = parts[str(cell.task.pk)]
        document |= {
            **{name: round_stored(getattr(found, name)) for name in ("value", "low", "high")},
            "unscored": found.n_unscored,
        }
    if cell.manifests:
        # Only where there are some: runs from before there were manifests leave a row as it was.
        document["manifests"] = list(cell.manifests)
    if cell.passed_over:
        # Only where there are some, so that other rows stay as they were.
        document["passed_over"] = [
            {
                "run": run.pk,
                "reason": run.invalid_reason,
                "by": _handle_of(run.invalidated_by),
                "by_its_owner": run.invalidated_by_id == run.started_by_id,
            }
            for run in cell.passed_over
        ]
    return document


def _handle_of(user: User | None) -> str | None:
    namespace = getattr(user, "namespace", None)
    return namespace.handle if namespace else None


def _rank_document(ranked: Ranked | None, *, are_items_known: bool) -> dict[str, Any] | None:
    if ranked is None or ranked.best_rank is None:
        return None
    document: dict[str, Any] = {
        "best": ranked.best_rank,
        "worst": ranked.worst_rank,
        "above": ranked.significantly_above,
        "below": ranked.significantly_below,
        "sole_first": ranked.is_sole_first,
        "coverage_differs": ranked.coverage_differs,
        "marginal": {"best": ranked.marginal_best, "worst": ranked.marginal_worst},
    }
    if ranked.common_share is not None and ranked.common_share < 1 and are_items_known:
        # Only where it lacks some, so that other rows stay short.
        document["common_share"] = round(ranked.common_share, 4)
        document["few_common"] = ranked.common_share < MIN_COMMON_SHARE
    return document


_ABSENCES = {
    "missing": "not run",
    "running": "still running",
    "failed": "failed",
    "cancelled": "cancelled",
    "invalid": "marked as invalid",
    "unmarked": "not scored by this version yet",
}


def _absence(cells: Sequence[TaskCell]) -> str:
    return "; ".join(f"{_title(cell.task)}: {_ABSENCES[cell.state]}" for cell in cells)


def _title(task: BenchmarkTask) -> str:
    return task.label or task.task_version.task.title
