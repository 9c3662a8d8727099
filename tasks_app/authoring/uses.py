"""Uses of a task or a run: links that the apps above add to their pages."""

from collections.abc import Callable
from dataclasses import dataclass

from plumbmark.accounts.permissions import Visitor
from tasks_app.models import Run, Task


@dataclass(frozen=True, slots=True)
class UsePage:
    """A page about something that uses a task or a run."""

    title: str
    url: str


UsesOfTask = Callable[[Task, Visitor], list[UsePage]]
UsesOfRun = Callable[[Run, Visitor], list[UsePage]]

_of_tasks: dict[str, UsesOfTask] = {}
_of_runs: dict[str, UsesOfRun] = {}


def register_uses(name: str, *, of_task: UsesOfTask, of_run: UsesOfRun) -> None:
    """Show what these return, as far as the visitor may see it, on pages of tasks and runs."""
    _of_tasks[name] = of_task
    _of_runs[name] = of_run


def uses_of_task(task: Task, *, to: Visitor) -> list[UsePage]:
    return [use for find in _of_tasks.values() for use in find(task, to)]


def uses_of_run(run: Run, *, to: Visitor) -> list[UsePage]:
    return [use for find in _of_runs.values() for use in find(run, to)]
