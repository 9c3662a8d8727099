"""A code task as it is frozen in a version: its script, its settings, and the tasks that count."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from plumbmark.manifests import content_hash
from tasks_app.code_tasks.findings import Finding, error
from tasks_app.code_tasks.settings import (
    BARE,
    KAGGLE,
    MAX_MODELS,
    CodeSettings,
    is_name_of_model,
)
from tasks_app.code_tasks.source.inspection import Inspection
from tasks_app.code_tasks.source.notebook import Cell, Script
from tasks_app.code_tasks.source.result_kinds import ResultKind
from tasks_app.definitions.document import MetricSpec, omit_unset_format

READER_VERSION = "1"
"""Of what makes a score of the files that a program leaves."""
RESULT_KEY = "result"
"""The item of a program that writes the result file."""
_SHARES = {ResultKind.PASSED, ResultKind.BOOLEAN, ResultKind.COUNT}


@dataclass(frozen=True, slots=True)
class CountedTask:
    """A task whose result counts: one item of the version."""

    key: str
    task: str | None
    """As its run files name it; None: told by the result file, or not known before it runs."""
    returns: str


@dataclass(frozen=True, slots=True)
class AttachedFileSpec:
    """A file that the program finds as `/kaggle/input/<name>`."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class CodeDefinition:
    """Everything that a run needs of the version, beside the attached files themselves."""

    file_name: str
    script: str
    cells: tuple[Cell, ...]
    chosen: str | None
    uses_sdk: bool
    counted: tuple[CountedTask, ...]
    environment: str
    timeout_minutes: int
    metric: MetricSpec
    files: tuple[AttachedFileSpec, ...] = ()
    is_private: bool = False
    description: str = ""
    judge: str = ""
    models: tuple[str, ...] = ()
    """Further models that the settings open to the code; a run needs each of them."""
    named: tuple[str, ...] = ()
    """Further models that the code names; those that are there are open to it."""

    @property
    def as_script(self) -> Script:
        """For places in tracebacks."""
        return Script(self.script, self.cells, self.chosen)

    def as_document(self) -> dict[str, Any]:
        """Return a JSON-able document that `from_document` reads back."""
        document: dict[str, Any] = {"kind": "code", **_STORED.dump_python(self, mode="json")}
        omit_unset_format(document["metric"])
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "CodeDefinition":
        return _STORED.validate_python(
            {key: value for key, value in document.items() if key != "kind"}
        )

    def question_hash(self, *, salt: str) -> str:
        """Hash what is asked: script, settings and the digests of what is attached."""
        side = {
            "solver": "code",
            "script": self.script,
            "environment": self.environment,
            "timeout_minutes": self.timeout_minutes,
            "items": [one.key for one in self.counted],
            "files": [[one.name, one.sha256] for one in self.files],
            "private": self.is_private,
        }
        if self.judge or self.models:
            side |= {"judge": self.judge, "models": sorted(self.models)}
        return content_hash(side, salt=salt if self.is_private else None)

    def marking_hash(self) -> str:
        """Hash how it is scored: what kind of result counts, and on which scale."""
        metric = self.metric
        return content_hash(
            {
                "solver": "code",
                "items": [[one.key, one.returns] for one in self.counted],
                "metric": {
                    "name": metric.name,
                    "direction": metric.direction,
                    "unit": metric.unit,
                    "bounds": [
                        None if bound is None else repr(bound + 0.0)
                        for bound in (metric.lower, metric.upper)
                    ],
                },
            }
        )


_STORED = TypeAdapter(CodeDefinition)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A definition, or None where the findings hold an error."""

    definition: CodeDefinition | None
    findings: Sequence[Finding]


def build_definition(
    *,
    file_name: str,
    script: Script,
    inspection: Inspection,
    settings: CodeSettings,
    files: Sequence[AttachedFileSpec] = (),
) -> BuildResult:
    """Put together what a version holds."""
    chosen = settings.main or script.chosen
    found = _counted_tasks(inspection, chosen)
    if isinstance(found, Finding):
        return BuildResult(None, (found,))
    metric = settings.metric or _metric_of(found)
    if problem := _find_metric_problem(metric, found):
        return BuildResult(None, (problem,))
    definition = CodeDefinition(
        file_name=file_name,
        script=script.code,
        cells=tuple(script.cells),
        chosen=chosen,
        uses_sdk=inspection.uses_sdk,
        counted=found,
        environment=environment_of(inspection, settings),
        timeout_minutes=settings.timeout_minutes,
        metric=metric,
        files=tuple(files),
        is_private=settings.is_private,
        description=settings.description,
        judge=settings.judge,
        models=settings.models,
        named=_named_models(inspection),
    )
    return BuildResult(definition, ())


def environment_of(inspection: Inspection, settings: CodeSettings) -> str:
    """Return the environment of the code: as the settings say, else as its imports need."""
    return settings.environment or (KAGGLE if inspection.uses_sdk else BARE)


def _named_models(inspection: Inspection) -> tuple[str, ...]:
    names = dict.fromkeys(model.name for model in inspection.models)
    return tuple(name for name in names if is_name_of_model(name))[:MAX_MODELS]


def _counted_tasks(inspection: Inspection, chosen: str | None) -> tuple[CountedTask, ...] | Finding:
    if not inspection.tasks:
        if chosen is not None:
            message = f"The main task is to be {chosen!r}, but the code defines no task."
            return error("chosen-unknown", message, "Leave `main` and %choose out.")
        return (CountedTask(RESULT_KEY, None, ResultKind.UNKNOWN.value),)
    if chosen is not None:
        task = inspection.task_named(chosen)
        if task is None:
            known = ", ".join(sorted(one.variable for one in inspection.tasks))
            message = f"The main task is to be {chosen!r}, which the code does not define."
            return error("chosen-unknown", message, f"Choose one of: {known}.")
        return (CountedTask((task.name or task.variable)[:200], task.name, task.returns.value),)
    run = {call.task for call in inspection.runs if call.is_reached and call.function is None}
    tasks = [task for task in inspection.tasks if task.variable in run and task.stores_run]
    counted: dict[str, CountedTask] = {}
    # None is found where they are run in a way that the look does not follow: then the first one.
    for task in tasks or inspection.tasks[:1]:
        key = (task.name or task.variable)[:200]
        counted.setdefault(key, CountedTask(key, task.name, task.returns.value))
    return tuple(counted.values())


def _find_metric_problem(metric: MetricSpec, counted: Collection[CountedTask]) -> Finding | None:
    """Return what is wrong with the bounds where every task gives a share."""
    bounds = (metric.lower, metric.upper)
    if bounds in {(0, 1), (None, None)} or any(one.returns not in _SHARES for one in counted):
        return None
    message = "The code gives scores from 0 to 1, and the metric in the settings has other bounds."
    return error("bounds-of-share", message, "Write lower: 0 and upper: 1, or leave both out.")


def _metric_of(counted: Collection[CountedTask]) -> MetricSpec:
    if all(one.returns in _SHARES for one in counted):
        return MetricSpec()
    return MetricSpec(name="score", unit="", lower=None, upper=None)
