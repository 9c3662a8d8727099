"""The files in which a program's client library writes down its tasks and runs.

What knows that library registers its readers here, as kinds of tasks are registered.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tasks_app.code_tasks.output.records import RunFile, TaskFile
from tasks_app.code_tasks.output.shapes import Shape
from tasks_app.code_tasks.source.result_kinds import ResultKind

Kinds = Mapping[str, ResultKind]
"""Kinds of results by the name of the task, as the inspection of the code found them."""


class RunFileReader(Protocol):
    """Reads tolerantly: whatever is wrong with a file goes into the report of its shape.

    A module with these functions is one.
    """

    def read_task(self, shape: Shape, *, kinds: Kinds, file: str = "") -> TaskFile:
        """Return the task that a file describes."""
        ...

    def read_run(
        self, shape: Shape, *, kinds: Kinds, roots: Sequence[str] = (), file: str = ""
    ) -> RunFile:
        """Return the run that a file describes, with the runs that are part of it."""
        ...


_readers: list[RunFileReader] = []


def register_run_file_reader(reader: RunFileReader) -> None:
    _readers[:] = [reader]


def run_file_reader() -> RunFileReader:
    """Return the reader that was registered when the platform started."""
    return _readers[0]
