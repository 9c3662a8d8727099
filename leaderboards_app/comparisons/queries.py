"""The runs of a comparison, as far as a visitor may see them, with their scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.http import Http404

from plumbmark.accounts.permissions import Visitor
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.scoring.comparison import extend_row
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.vectors import Booleans, ItemList, ScoreVector, as_vector
from tasks_app.code_tasks.scores import program_scores
from tasks_app.kinds import kind_of
from tasks_app.models import Item, Run, Scoring, TaskVersion
from tasks_app.permissions import can_view_private_items, can_view_version
from tasks_app.runs.queries import viewable_runs
from tasks_app.scorings.estimates import item_scores, metric_of
from tasks_app.scorings.packed_scores import VectorReader


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """Keys, slices and visibility of the items of a comparison, in their order."""

    keys: Sequence[str]
    slices: Sequence[Mapping[str, str]]
    visible: Booleans
    """Items that the visitor may see."""

    @property
    def hidden(self) -> int:
        """The number of items that the visitor may not see."""
        return int(np.count_nonzero(~self.visible))


@dataclass(frozen=True, slots=True)
class RunSet:
    """Some runs of the same questions, all scored by the same rules."""

    runs: Sequence[Run]
    scorings: Sequence[Scoring]
    version: TaskVersion
    """The one whose scorers the scores are of."""
    metric: Metric
    rows: Sequence[ScoreVector]
    """On one list of items; programs have their own."""
    runs_program: bool

    @property
    def items(self) -> ItemList:
        return self.rows[0].items

    @property
    def is_right_or_wrong(self) -> bool:
        """Return whether every item of every run is right or wrong: one answer each, no partial
        score.
        """
        levels = {self.metric.lower, self.metric.upper}
        return self.metric.is_bounded and all(
            row.levels is not None
            and levels.issuperset(row.levels)
            and row.summary.most_scored <= 1
            for row in self.rows
        )

    def place_of(self, run_id: int) -> int | None:
        """Return the place of a run in the comparison."""
        return next((n for n, run in enumerate(self.runs) if run.pk == run_id), None)


def runs_to_compare(run_ids: Sequence[int], *, to: Visitor) -> RunSet:
    """Return runs with their scores, in the order of their ids' list.

    It is a 404 if the visitor may not see one of them, and `InvalidInput` if they cannot be
    compared.
    """
    found = {run.pk: run for run in viewable_runs(to=to).filter(pk__in=run_ids)}
    if len(found) < len(run_ids):
        raise Http404
    runs = [found[run_id] for run_id in run_ids]
    other = next((run for run in runs if run.question_hash != runs[0].question_hash), None)
    if other is not None:
        raise _refuse(
            f"runs {runs[0].pk} and {other.pk} answered different questions, so they have no item "
            "in common; name runs of one task version, or of versions with equal questions"
        )
    scorings = _common_scorings(runs, to)
    version = scorings[0].task_version
    metric = metric_of(version)
    runs_program = kind_of(version).runs_program
    if runs_program:
        programs = [program_scores(one, item_scores(one), metric) for one in scorings]
        if all(one.is_share for one in programs):
            metric = programs[0].metric(metric)
        rows = [as_vector(one.pairs) for one in programs]
    else:
        vectors = VectorReader().read(scorings)
        items = max((vectors[one.pk].items for one in scorings), key=len)
        rows = [extend_row(vectors[one.pk], items) for one in scorings]
    return RunSet(runs, scorings, version, metric, rows, runs_program)


def _refuse(message: str) -> InvalidInput:
    return InvalidInput([Problem(message, "runs")])


def _common_scorings(runs: Sequence[Run], to: Visitor) -> list[Scoring]:
    """Return a completed scoring of each run, all by the same marking: that of the first run if
    there is a choice.
    """
    by_marking: dict[str, dict[int, Scoring]] = {}
    ids = {run.pk: run for run in runs}
    may_use = {run.task_version_id: True for run in runs}
    rows = Scoring.objects.filter(run__in=ids, state=Scoring.State.COMPLETED)
    rows = rows.select_related("task_version__task__namespace")
    for one in rows.order_by("revision", "id"):
        # Others may have scored the run by a version of theirs that is nobody else's business.
        if one.task_version_id not in may_use:
            may_use[one.task_version_id] = can_view_version(to, one.task_version)
        if not may_use[one.task_version_id]:
            continue
        one.run = ids[one.run_id]
        # Later ones take the place of earlier ones.
        by_marking.setdefault(one.marking_hash, {})[one.run_id] = one
    for run in runs:
        if not any(run.pk in found for found in by_marking.values()):
            raise _refuse(f"run {run.pk} has no completed scoring, so there are no scores of it")
    markings = sorted(by_marking, key=lambda one: one != runs[0].marking_hash)
    for marking in markings:
        if len(by_marking[marking]) == len(runs):
            return [by_marking[marking][run.pk] for run in runs]
    raise _refuse(
        "these runs are scored by different rules; score them by one version of the task (on a "
        "run's page or with POST /api/v1/runs/{run_id}/scorings), and they can be compared"
    )


def item_facts(found: RunSet, *, to: Visitor) -> ItemFacts:
    """Return keys, slices and visibility of the items; one query, and one more for each task with
    private items. Programs have no items that a page could show.
    """
    keys = found.items.keys
    if found.runs_program:
        return ItemFacts((), (), np.zeros(0, bool))
    rows = list(
        Item.objects.filter(version=found.version, position__lt=len(keys))
        .order_by("position")
        .values_list("split", "slices")
    )
    tasks = {run.task_version.task_id: run.task_version.task for run in found.runs}
    tasks[found.version.task_id] = found.version.task
    has_private = any(split == Item.Split.PRIVATE for split, _ in rows)
    # The split of an item is part of the question hash: it is the same in the versions of all runs.
    sees_all = not has_private or all(can_view_private_items(to, task) for task in tasks.values())
    visible = [sees_all or split == Item.Split.PUBLIC for split, _ in rows]
    return ItemFacts(keys, [slices for _, slices in rows], np.array(visible, bool))
