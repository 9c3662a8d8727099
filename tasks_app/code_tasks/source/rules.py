"""What is told of tasks, runs, models, imports and habits in an author's code."""

import ast
import re
import sys
from collections.abc import Collection, Iterator, Sequence

from tasks_app.code_tasks.findings import Finding, error, note, warning
from tasks_app.code_tasks.source.functions import Runs, TaskFunction
from tasks_app.code_tasks.source.names import Names, constant_text, keywords_of
from tasks_app.code_tasks.source.result_kinds import ResultKind

_NETWORK = frozenset(
    {"aiohttp", "ftplib", "httpx", "paramiko", "requests", "smtplib", "socket", "urllib3"}
    | {"http.client", "urllib.request", "websockets", "websocket"}
)
_SECRET = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{30,}|hf_[A-Za-z0-9]{30,}|gh[po]_[A-Za-z0-9]{30,}"
    r"|pmk_[A-Za-z0-9_-]{20,}|xai-[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{30,})"
)
_AWAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)
_UNSUPPORTED = frozenset({"bytes", "complex", "list", "object", "set", "str", "tuple"})
_SUPPORTED = "None, bool, int, float, tuple[float, float], tuple[int, int] or dict"


def task_findings(tasks: Sequence[TaskFunction], names: Names) -> Iterator[Finding]:
    if names.uses_sdk and not tasks:
        yield error(
            "no-task",
            "The code imports kaggle_benchmarks but defines no task.",
            "Put @kbench.task() above the function that asks the model.",
        )
    for task in tasks:
        yield from _findings_of_task(task, names)
    if tasks and all(task.decorator == "benchmark" for task in tasks):
        yield note(
            "only-benchmark",
            "Tasks are marked with @benchmark alone; the kaggle command pushes only @task.",
            line=tasks[0].line,
        )
    by_file: dict[str, TaskFunction] = {}
    for task in tasks:
        if task.name is None:
            continue
        other = by_file.setdefault(task.file_name, task)
        if other is not task:
            yield warning(
                "same-name",
                f"{task.variable!r} and {other.variable!r} both write {task.file_name}.task.json.",
                "Give each its own name=…; else the one that is run last counts.",
                line=task.line,
            )


def _findings_of_task(task: TaskFunction, names: Names) -> Iterator[Finding]:
    if not task.is_called:
        yield error(
            "decorator-not-called",
            f"@{task.decorator} above {task.function!r} has no brackets.",
            f"Write @{task.decorator}().",
            line=task.line,
        )
    if not task.parameters:
        yield warning(
            "no-model-parameter",
            f"{task.function!r} takes no model, so its runs do not tell which one they asked.",
            "Let its first parameter be the model.",
            line=task.line,
        )
    annotation = task.annotation
    if annotation is None:
        return
    if names.has_text_annotations or constant_text(annotation) is not None:
        yield error(
            "string-annotations",
            f"The SDK cannot read the annotation of {task.function!r}, because it is kept as text.",
            "Remove `from __future__ import annotations`, and quotes around the annotation.",
            line=task.line,
        )
    elif task.returns is ResultKind.UNKNOWN:
        annotation_text = ast.unparse(annotation)
        message = f"The SDK knows no result of the type {annotation_text[:60]} ({task.function!r})."
        remedy = f"Return {_SUPPORTED}."
        is_certain = isinstance(annotation, ast.Subscript | ast.BinOp | ast.Constant) or (
            isinstance(annotation, ast.Name) and annotation.id in _UNSUPPORTED
        )
        tell = error if is_certain else warning
        yield tell("unsupported-result", message, remedy, line=task.line)


def run_findings(tasks: Sequence[TaskFunction], runs: Runs, names: Names) -> Iterator[Finding]:
    if not tasks:
        return
    reached = [call for call in runs.calls if call.is_reached]
    if not reached and not runs.has_unknown:
        first = tasks[0].variable
        yield error(
            "no-run",
            "No task is ever run, so nothing would be measured.",
            f"Add {first}.run(kbench.llm) at the end of the code.",
            line=tasks[-1].line,
        )
        return
    outside = [call for call in reached if call.function is None]
    if outside and all(call.is_guarded for call in outside) and len(outside) == len(reached):
        yield note(
            "guarded-run",
            'Tasks run only under `if __name__ == "__main__"`, which not every host observes.',
            "Run the task at the end of the code, without the condition.",
            line=outside[0].line,
        )
    if runs.has_unknown:
        return
    run = {call.task for call in reached}
    by_variable = {task.variable: task for task in tasks}
    for task in tasks:
        if task.variable not in run:
            yield note(
                "task-not-run",
                f"The task {task.variable!r} is defined and never run.",
                line=task.line,
            )
    for call in outside:
        if not by_variable[call.task].stores_run:
            yield error(
                "run-not-stored",
                f"The run of {call.task!r} leaves no file, because of store_run=False.",
                "Remove store_run=False from the task that gives the score.",
                line=call.line,
            )


def model_findings(runs: Runs) -> Iterator[Finding]:
    for call in runs.calls:
        for name in call.models:
            yield warning(
                "fixed-candidate",
                f"{call.task!r} is run with the model {name!r}, whichever is to be measured.",
                "Run it with kbench.llm: a run that asks other models alone gives no score.",
                line=call.line,
            )
    for model in runs.models:
        if not model.is_candidate:
            yield note(
                "fixed-model",
                f"The code asks the model {model.name!r}, besides the one that is measured.",
                "Its calls are paid by whoever runs the task.",
                line=model.line,
            )
    for line in sorted(set(runs.every_model))[:1]:
        yield warning(
            "every-model",
            "The code walks over kbench.llms; a run has one model to measure.",
            "Use kbench.llm; the platform runs the code once for each model.",
            line=line,
        )


def import_findings(
    nodes: Sequence[ast.AST], names: Names, available: Collection[str] | None
) -> Iterator[Finding]:
    reported: set[str] = set()
    written = set(_modules_written(nodes))
    for one in sorted(names.imports, key=lambda one: one.line):
        if (
            available is None
            or one.module in reported
            or one.module in sys.stdlib_module_names
            or one.module in available
            or one.module in written
        ):
            continue
        reported.add(one.module)
        if one.is_optional:
            yield note(
                "optional-import",
                f"{one.full} is not installed where tasks run; the code seems to know.",
                line=one.line,
            )
        else:
            remedy = "Ask the operator for the package, or do without it."
            if not one.module:
                remedy = "Put the code into one file: there is no package around it."
            yield error(
                "missing-import",
                f"{one.full} is not installed where tasks run.",
                remedy,
                line=one.line,
            )


def _modules_written(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Yield modules that the code writes itself before it imports them."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            name = constant_text(node.args[0]) if node.func.id == "open" else None
            if name is not None and name.endswith(".py"):
                yield name.removesuffix(".py")


def usage_findings(tree: ast.Module, nodes: Sequence[ast.AST], names: Names) -> Iterator[Finding]:
    for one in names.imports:
        if one.module in _NETWORK or one.full in _NETWORK:
            yield note(
                "network",
                f"{one.full} reaches nothing where tasks run: only models can be asked.",
                "Attach data instead of fetching it.",
                line=one.line,
            )
        if one.module == "openai":
            yield note(
                "openai-client",
                "The code asks models through an OpenAI client.",
                "Make it as OpenAI(): its address and key come from the environment.",
                line=one.line,
            )
    if any(map(_waits, nodes)):
        yield from _awaits_outside(tree)
    for node in nodes:
        if isinstance(node, ast.Call):
            yield from _findings_of_call(node, names)
        elif isinstance(node, ast.Constant) and _SECRET.search(constant_text(node) or ""):
            yield _secret(node.lineno)


def _findings_of_call(node: ast.Call, names: Names) -> Iterator[Finding]:
    is_own = "input" in names.defined or "input" in names.origins
    if isinstance(node.func, ast.Name) and node.func.id == "input" and not is_own:
        yield warning(
            "asks-input",
            "The code waits for input, and nobody answers.",
            "Remove input().",
            line=node.lineno,
        )
    keywords = keywords_of(node)
    if (names.dotted_name(node.func) or "").startswith("openai."):
        address = constant_text(keywords.get("base_url"))
        if address:
            yield warning(
                "fixed-address",
                f"The client is given the address {address[:80]!r}, which is out of reach.",
                "Leave base_url out: it comes from the environment.",
                line=node.lineno,
            )
        key = constant_text(keywords.get("api_key"))
        if key and len(key) >= 20 and not _SECRET.search(key):
            yield _secret(node.lineno)


def _secret(line: int) -> Finding:
    # Never with the text itself.
    return warning(
        "secret-in-code",
        "A key seems to stand in the code, where everybody can read it who sees the task.",
        "Remove it and revoke it: keys come from the environment.",
        line=line,
    )


def _waits(node: ast.AST) -> bool:
    return isinstance(node, _AWAITS) or (isinstance(node, ast.comprehension) and node.is_async > 0)


def _line_of(node: ast.AST) -> int | None:
    place = node.target if isinstance(node, ast.comprehension) else node
    return getattr(place, "lineno", None)


def _awaits_outside(tree: ast.Module) -> Iterator[Finding]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if _waits(node):
            yield error(
                "await-outside",
                "`await` outside of a function works in notebooks only.",
                "Put it into `async def main(): …` and call asyncio.run(main()).",
                line=_line_of(node),
            )
            return
        waiting += ast.iter_child_nodes(node)
