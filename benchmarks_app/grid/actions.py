"""Starting the runs of a grid's cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from benchmarks_app.actions.entries import enter
from benchmarks_app.grid.queries import RunCell, RunsByPlace, make_grid, newest_runs
from benchmarks_app.models import BenchmarkTask, BenchmarkVersion
from benchmarks_app.permissions import can_enter
from benchmarks_app.queries import members_of
from plumbmark.accounts.models import Namespace, User
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from tasks_app.kinds import CostBound
from tasks_app.models import Contender, Run
from tasks_app.runs.bound_inputs import BoundRequest, read_bound_inputs
from tasks_app.runs.cost import bound_request
from tasks_app.runs.start import start_run

MAX_CELLS = 1000
"""Runs that are started at once."""


class RunPolicy(models.TextChoices):
    """Which cells of the chosen contenders get a run. Those at work never get a second one."""

    MISSING = "missing", _("what is missing or has failed")
    FAILED = "failed", _("only what has failed")
    OLDER = "older", _("what is missing, has failed or is older than a date")
    ALL = "all", _("all, also what is complete")


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A cell of the grid that is to get a run, with the maximum cost of it."""

    task: BenchmarkTask
    contender: Contender
    bound: CostBound
    state: str
    """Of the cell before."""


def plan_runs(
    *,
    version: BenchmarkVersion,
    contenders: Sequence[Contender],
    policy: str = RunPolicy.MISSING,
    before: datetime | None = None,
    payer: Namespace | None = None,
    tasks: Sequence[BenchmarkTask] | None = None,
    runs: RunsByPlace | None = None,
) -> list[PlannedRun]:
    """Return the cells that the policy gives a run, each with its cost bound; nothing is started.

    `before` belongs to the policy `older`: the time before which a run was started. `tasks` and
    `runs` are the version's tasks and these contenders' newest runs, where they were read.
    """
    if policy not in RunPolicy.values:
        raise InvalidInput([Problem(f"must be one of {', '.join(RunPolicy.values)}", "policy")])
    if policy == RunPolicy.OLDER and before is None:
        raise InvalidInput([Problem("say which date; older runs are repeated", "before")])
    callable_ones = [one for one in contenders if one.deployment_id is not None]
    tasks = list(members_of(version)) if tasks is None else tasks
    runs = newest_runs(version, tasks, callable_ones) if runs is None else runs
    grid = make_grid(tasks, callable_ones, runs)
    wanted = [
        (task, contender, cell)
        for contender, cells in grid.rows
        for task, cell in zip(grid.tasks, cells, strict=True)
        if _is_wanted(cell, policy, before)
    ]
    if len(wanted) > MAX_CELLS:
        raise Conflict(
            f"These are {len(wanted):,} runs; at most {MAX_CELLS:,} are started at once. Choose "
            "fewer contenders."
        )
    requests = [
        BoundRequest(
            version=task.task_version,
            contender=contender,
            payer=payer or task.task_version.task.namespace,
            items=task.task_version.item_count,
        )
        for task, contender, _cell in wanted
    ]
    inputs = read_bound_inputs(requests)
    return [
        PlannedRun(task, contender, bound_request(request, inputs), cell.state)
        for (task, contender, cell), request in zip(wanted, requests, strict=True)
    ]


def _is_wanted(cell: RunCell, policy: str, before: datetime | None) -> bool:
    if cell.state == "running":
        return False
    if policy == RunPolicy.FAILED:
        return cell.state == Run.State.FAILED and not cell.has_valid
    if policy == RunPolicy.ALL or not cell.has_valid:
        return True
    if policy == RunPolicy.OLDER:
        assert before is not None
        assert cell.run is not None
        return cell.run.created_at < before
    return False


def start_runs(
    *,
    version: BenchmarkVersion,
    contenders: Sequence[Contender],
    namespace: Namespace,
    policy: str = RunPolicy.MISSING,
    before: datetime | None = None,
    by: User,
    spend_limit: int | None = None,
) -> list[Run]:
    """Start a declared run for every cell that the policy gives one, and enter the contenders."""
    if not can_enter(by, version):
        raise NotAllowed("You may not enter contenders into this benchmark.")
    with transaction.atomic():
        # One at a time: a double click must not start a cell twice.
        BenchmarkVersion.objects.select_for_update().get(pk=version.pk)
        planned = plan_runs(
            version=version, contenders=contenders, policy=policy, before=before, payer=namespace
        )
        if not planned:
            raise Conflict(_NOTHING[policy])
        runs = [
            start_run(
                version=cell.task.task_version,
                contender=cell.contender,
                purpose=Run.Purpose.DECLARED,
                namespace=namespace,
                by=by,
                spend_limit=spend_limit,
            )
            for cell in planned
        ]
        for contender in {cell.contender.pk: cell.contender for cell in planned}.values():
            enter(version=version, contender=contender, by=by)
    return runs


_NOTHING: dict[str, str] = {
    RunPolicy.MISSING: "Nothing is missing: every cell has a run.",
    RunPolicy.FAILED: "Nothing has failed.",
    RunPolicy.OLDER: "Nothing is missing, and no run is older than this date.",
    RunPolicy.ALL: "Every cell has a run that is at work.",
}
