"""A look at an author's code without running it: its tasks, its runs, and what will go wrong.

The look is shallow on purpose. It follows imports and plain assignments, not values; where it does
not know, it says nothing.
"""

import ast
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from tasks_app.code_tasks.findings import Finding, error, note
from tasks_app.code_tasks.output.result_schema import RESULT_FILE
from tasks_app.code_tasks.source.functions import (
    FixedModel,
    RunCall,
    TaskFunction,
    runs_of,
    tasks_of,
)
from tasks_app.code_tasks.source.names import (
    Import,
    Names,
    constant_text,
    names_of,
)
from tasks_app.code_tasks.source.result_kinds import ResultKind
from tasks_app.code_tasks.source.rules import (
    import_findings,
    model_findings,
    run_findings,
    task_findings,
    usage_findings,
)

MAX_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class Inspection:
    """The facts about code that has not been run."""

    uses_sdk: bool
    """Whether it imports `kaggle_benchmarks`; else it must write the result file itself."""
    tasks: Sequence[TaskFunction] = ()
    runs: Sequence[RunCall] = ()
    models: Sequence[FixedModel] = ()
    """Models that the code names: judges, for the most part."""
    judge_line: int | None = None
    """Where the SDK's `judge_llm` is first used."""
    imports: Sequence[Import] = ()
    findings: Sequence[Finding] = ()

    def task_named(self, named: str) -> TaskFunction | None:
        """Find a task by variable, function or name, as `%choose` accepts them."""
        for attribute in ("variable", "function", "name", "file_name"):
            for task in self.tasks:
                if getattr(task, attribute) == named:
                    return task
        return None

    def kinds(self) -> dict[str, ResultKind]:
        """Return what each task returns, by the name that run files have."""
        return {task.name: task.returns for task in self.tasks if task.name is not None}


def inspect_code(
    code: str, *, available: Collection[str] | None = None, chosen: str | None = None
) -> Inspection:
    """Look at a script.

    `available` are the top-level names of the packages that are installed where it will run,
    besides the standard library; None leaves imports unchecked. `chosen` is what `%choose` named.
    """
    try:
        tree = _parse(code)
        if isinstance(tree, Finding):
            return Inspection(uses_sdk="kaggle_benchmarks" in code, findings=(tree,))
        return _inspect(tree, available, chosen)
    except (RecursionError, MemoryError):
        deep = error("syntax-error", "The code is nested too deeply.", "Split long expressions up.")
        return Inspection(uses_sdk="kaggle_benchmarks" in code, findings=(deep,))


def _parse(code: str) -> ast.Module | Finding:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
            # Some faults show only here, such as a `return` outside of a function.
            compile(tree, "<code>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as problem:
        return error(
            "syntax-error",
            f"Python cannot read the code: {problem.msg}.",
            "Correct this line or the one before it.",
            line=problem.lineno,
        )
    except ValueError as problem:
        return error("syntax-error", f"Python cannot read the code: {problem}.")
    return tree


def _inspect(tree: ast.Module, available: Collection[str] | None, chosen: str | None) -> Inspection:
    names = names_of(tree)
    nodes = list(ast.walk(tree))
    tasks = tasks_of(tree, nodes, names)
    runs = runs_of(tree, names, tasks)
    inspection = Inspection(
        uses_sdk=names.uses_sdk,
        tasks=tasks,
        runs=runs.calls,
        models=runs.models,
        judge_line=min(runs.judge, default=None),
        imports=names.imports,
    )
    found = [
        *task_findings(tasks, names),
        *run_findings(tasks, runs, names),
        *model_findings(runs),
        *import_findings(nodes, names, available),
        *usage_findings(tree, nodes, names),
        *_findings_of_choice(inspection, chosen),
        *_findings_of_result(nodes, names, tasks),
    ]
    return replace(inspection, findings=_sort_findings(found))


def _findings_of_choice(inspection: Inspection, chosen: str | None) -> Iterator[Finding]:
    if chosen is None or not inspection.tasks or inspection.task_named(chosen) is not None:
        return
    if any(task.name is None for task in inspection.tasks):
        return
    known = ", ".join(sorted(task.variable for task in inspection.tasks))
    yield error(
        "chosen-unknown",
        f"%choose names {chosen!r}, which the code does not define.",
        f"Choose one of: {known}.",
    )


def _findings_of_result(
    nodes: Sequence[ast.AST], names: Names, tasks: Sequence[TaskFunction]
) -> Iterator[Finding]:
    if names.uses_sdk or tasks:
        return
    for node in nodes:
        if isinstance(node, ast.Constant) and RESULT_FILE in (constant_text(node) or ""):
            return
    yield error(
        "no-result",
        f"The code defines no task of kaggle_benchmarks and never names {RESULT_FILE}.",
        f"Define and run a task, or write the score to {RESULT_FILE} in the working directory.",
    )


def _sort_findings(found: list[Finding]) -> tuple[Finding, ...]:
    order = {"error": 0, "warning": 1, "note": 2}
    found = list(dict.fromkeys(found))
    found.sort(key=lambda one: (order[one.severity], one.line or 0))
    if len(found) > MAX_FINDINGS:
        more = len(found) - MAX_FINDINGS + 1
        found = [
            *found[: MAX_FINDINGS - 1],
            note("too-many-findings", f"{more} more findings are not shown."),
        ]
    return tuple(found)
