"""The tasks that code defines, the runs that it starts, and the models that it names."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tasks_app.code_tasks.source.names import (
    SDK,
    Names,
    constant_text,
    keywords_of,
)
from tasks_app.code_tasks.source.result_kinds import (
    ResultKind,
    kind_of_annotation,
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class TaskFunction:
    """A function that the SDK makes a task of."""

    function: str
    variable: str
    """The name that the task has in the code: the function's own, for a decorator."""
    name: str | None
    """The name in its files; None where the code computes it."""
    line: int
    parameters: tuple[str, ...]
    returns: ResultKind
    annotation: ast.expr | None = field(compare=False)
    decorator: Literal["task", "benchmark"] = "task"
    is_called: bool = True
    """Whether the decorator stands with its brackets, as it must."""
    stores_run: bool = True

    @property
    def file_name(self) -> str:
        """Return the beginning of its files' names; empty where the code computes the name."""
        return file_name_of(self.name or "")


@dataclass(frozen=True, slots=True)
class RunCall:
    """`task.run(…)` or `task.evaluate(…)`."""

    task: str
    """The task's variable."""
    method: Literal["run", "evaluate"]
    line: int
    function: str | None
    """The function that it stands in; None: the module itself."""
    is_guarded: bool
    """Under `if __name__ == "__main__"`."""
    is_reached: bool
    """Whether running the script comes to it, as far as can be seen."""
    models: tuple[str, ...] = ()
    """Models named in the code that it is run with."""


@dataclass(frozen=True, slots=True)
class FixedModel:
    """A model that is named in the code."""

    name: str
    line: int
    is_candidate: bool
    """Whether a task is run with it."""


@dataclass(slots=True)
class Runs:
    calls: list[RunCall] = field(default_factory=list)
    models: list[FixedModel] = field(default_factory=list)
    every_model: list[int] = field(default_factory=list)
    """Lines that walk over all models."""
    judge: list[int] = field(default_factory=list)
    """Lines that take the SDK's `judge_llm`."""
    has_unknown: bool = False
    """Whether something is run of which the task cannot be told."""


def file_name_of(name: str) -> str:
    """Return the name of a task or a model as the SDK writes it into file names; different names
    can give the same one.
    """
    return re.sub(r"[^A-Za-z0-9_.-]", "", re.sub(r"[ /\\]", "_", name))


# --- Tasks --------------------------------------------------------------------------------------


def tasks_of(tree: ast.Module, nodes: Sequence[ast.AST], names: Names) -> tuple[TaskFunction, ...]:
    """Return the tasks; `nodes` are all nodes of the tree."""
    functions: dict[str, Function] = {}
    found: list[TaskFunction] = []
    for node in nodes:
        if isinstance(node, Function):
            functions[node.name] = node
            for decorator in node.decorator_list:
                called = isinstance(decorator, ast.Call)
                maker = decorator.func if isinstance(decorator, ast.Call) else decorator
                kind = _decorator_kind(maker, names)
                if kind is not None:
                    options = decorator if isinstance(decorator, ast.Call) else None
                    found.append(_task(node, node.name, kind, options, names, called))
                    break
    for statement in tree.body:
        found += _applied_decorators(statement, functions, names)
    return tuple(sorted(found, key=lambda task: task.line))


def _applied_decorators(
    statement: ast.stmt, functions: Mapping[str, Function], names: Names
) -> Iterator[TaskFunction]:
    """Yield the tasks of `main = kbench.task(name="…")(function)`."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
        return
    outer = statement.value
    if not isinstance(outer.func, ast.Call) or len(outer.args) != 1:
        return
    kind = _decorator_kind(outer.func.func, names)
    argument = outer.args[0]
    if kind is None or not isinstance(argument, ast.Name) or argument.id not in functions:
        return
    for target in statement.targets:
        if isinstance(target, ast.Name):
            yield _task(functions[argument.id], target.id, kind, outer.func, names, True)


def _decorator_kind(maker: ast.expr, names: Names) -> Literal["task", "benchmark"] | None:
    last = names.of_sdk(maker)
    if last is None and names.uses_sdk and names.dotted_name(maker) is None:
        # Reached in a way that is not followed, such as importlib; not one of the code's own.
        root = maker
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id not in names.defined:
            last = maker.attr if isinstance(maker, ast.Attribute) else getattr(maker, "id", None)
    if last == "task":
        return "task"
    return "benchmark" if last == "benchmark" else None


def _task(
    node: Function,
    variable: str,
    kind: Literal["task", "benchmark"],
    options: ast.Call | None,
    names: Names,
    is_called: bool,
) -> TaskFunction:
    keywords = dict(keywords_of(options)) if options else {}
    if options and options.args:
        keywords.setdefault("name", options.args[0])
    name: str | None = node.name.title().replace("_", " ")
    if "name" in keywords and not _is_none(keywords["name"]):
        # An empty name counts as none; the function's is taken.
        name_text = constant_text(keywords["name"])
        name = None if name_text is None else name_text or name
    elif options and any(keyword.arg is None for keyword in options.keywords):
        name = None
    stores = keywords.get("store_run")
    return TaskFunction(
        function=node.name,
        variable=variable,
        name=name,
        line=node.lineno,
        parameters=tuple(one.arg for one in (*node.args.posonlyargs, *node.args.args)),
        returns=kind_of_annotation(node.returns, names.annotations),
        annotation=node.returns,
        decorator=kind,
        is_called=is_called,
        stores_run=not (isinstance(stores, ast.Constant) and stores.value is False),
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


# --- Runs and models ----------------------------------------------------------------------------


def runs_of(tree: ast.Module, names: Names, tasks: Sequence[TaskFunction]) -> Runs:
    walker = _Walker(names, tasks)
    walker.visit(tree)
    return walker.result()


@dataclass(frozen=True, slots=True)
class _Call:
    task: str
    method: Literal["run", "evaluate"]
    line: int
    function: str | None
    is_guarded: bool
    models: tuple[str, ...]


class _Walker(ast.NodeVisitor):
    """Walks the code once, knowing in which function it is and whether under the guard."""

    def __init__(self, names: Names, tasks: Sequence[TaskFunction]) -> None:
        self._names = names
        self._tasks = {task.variable: task for task in tasks}
        self._called_as: dict[str, tuple[str, ...]] = {}
        """Other names of tasks: plain aliases, and variables of loops over several."""
        self._model_names: dict[str, tuple[str, ...]] = {}
        """Variables that hold models named in the code."""
        self._function: str | None = None
        self._is_guarded = False
        self._uses: dict[str | None, set[str]] = {}
        """Which names each function uses; None: the module."""
        self._calls: list[_Call] = []
        self._called: set[ast.expr] = set()
        self._runs = Runs()

    def result(self) -> Runs:
        reached = self._find_reachable()
        runs = self._runs
        runs.calls = [
            RunCall(
                call.task,
                call.method,
                call.line,
                call.function,
                call.is_guarded,
                call.function is None or call.function in reached,
                call.models,
            )
            for call in self._calls
        ]
        candidates = {name for call in runs.calls for name in call.models}
        runs.models = [
            FixedModel(model.name, model.line, model.name in candidates) for model in runs.models
        ]
        return runs

    def _find_reachable(self) -> set[str]:
        """Return the functions that the module calls, directly or through others."""
        reached: set[str] = set()
        waiting = list(self._uses.get(None, ()))
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += self._uses.get(name, ())
        return reached

    # --- Where the walk is

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def _visit_function(self, node: Function) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        before = self._function
        # What stands in an inner function belongs to the outer one, which alone can be called.
        self._function = before or node.name
        self.visit(node.args)
        for statement in node.body:
            self.visit(statement)
        self._function = before

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        before = self._is_guarded
        self._is_guarded = before or _is_guard(node.test)
        for statement in node.body:
            self.visit(statement)
        self._is_guarded = before
        for statement in node.orelse:
            self.visit(statement)

    # --- What it meets

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._note_assignment(target.id, node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        if isinstance(node.target, ast.Name):
            self._note_assignment(node.target.id, node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        if isinstance(node.target, ast.Name):
            self._note_assignment(node.target.id, node.iter)
        self.generic_visit(node)

    def _note_assignment(self, name: str, value: ast.expr) -> None:
        tasks = self._tasks_in(value)
        if tasks and name not in self._tasks:
            self._called_as[name] = tasks
        models = self._models_in(value)
        if models:
            self._model_names[name] = models

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._visit_comprehension(node, node.elt)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._visit_comprehension(node, node.elt)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._visit_comprehension(node, node.elt)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._visit_comprehension(node, node.key, node.value)

    def _visit_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, *of: ast.expr
    ) -> None:
        # The variables first, as Python does.
        for generator in node.generators:
            self.visit(generator)
        for part in of:
            self.visit(part)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._uses.setdefault(self._function, set()).add(node.id)
            for task in self._tasks_in(node):
                self._uses[self._function].add(self._tasks[task].function)
            if self._is_llms(node):
                self._runs.every_model.append(node.lineno)
            self._note_judge(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if self._is_llms(node):
            self._runs.every_model.append(node.lineno)
        else:
            self._note_judge(node)
            if node.attr in {"run", "evaluate"} and self._tasks_in(node.value):
                # Handed on uncalled: whoever gets it may call it.
                self._runs.has_unknown |= node not in self._called
            # A method may be called by it: which object it belongs to is not followed.
            self._uses.setdefault(self._function, set()).add(node.attr)
            self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if self._note_model(node, self._model_of(node)):
            self.visit(node.slice)
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"run", "evaluate"}:
            self._called.add(node.func)
            self._run_called(node, node.func)
        if self._note_model(node, self._model_of(node)):
            for argument in (*node.args, *(one.value for one in node.keywords)):
                self.visit(argument)
        else:
            self.generic_visit(node)

    def _note_model(self, node: ast.expr, name: str | None) -> bool:
        if name is None:
            return False
        self._runs.models.append(FixedModel(name, node.lineno, False))
        return True

    def _run_called(self, node: ast.Call, called: ast.Attribute) -> None:
        method: Literal["run", "evaluate"] = "run" if called.attr == "run" else "evaluate"
        tasks = self._tasks_in(called.value)
        if not tasks:
            # `subprocess.run` is known to be something else.
            if self._names.dotted_name(called.value) is None:
                self._runs.has_unknown = True
            return
        for task in tasks:
            self._calls.append(
                _Call(
                    task,
                    method,
                    node.lineno,
                    self._function,
                    self._is_guarded,
                    self._candidates(node, self._tasks[task]),
                )
            )

    def _candidates(self, node: ast.Call, task: TaskFunction) -> tuple[str, ...]:
        """Return the models named in the code in place of the model under test."""
        first = task.parameters[0] if task.parameters else "llm"
        arguments = [*node.args[:1], *(keywords_of(node).get(key) for key in {first, "llm"})]
        found: list[str] = []
        for one in arguments:
            if isinstance(one, ast.Dict):
                for key, value in zip(one.keys, one.values, strict=True):
                    if constant_text(key) == first:
                        found += self._models_in(value)
            elif one is not None:
                found += self._models_in(one)
        return tuple(dict.fromkeys(found))

    def _tasks_in(self, node: ast.expr) -> tuple[str, ...]:
        if isinstance(node, ast.Name):
            return (node.id,) if node.id in self._tasks else self._called_as.get(node.id, ())
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return tuple(task for one in node.elts for task in self._tasks_in(one))
        return ()

    def _models_in(self, node: ast.expr) -> tuple[str, ...]:
        name = self._model_of(node)
        if name is not None:
            return (name,)
        if isinstance(node, ast.Name):
            return self._model_names.get(node.id, ())
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return tuple(model for one in node.elts for model in self._models_in(one))
        return ()

    def _model_of(self, node: ast.expr) -> str | None:
        """Return the name in `kbench.llms["name"]`, `kbench.llms.get("name")`,
        `load_model("name")`.
        """
        if isinstance(node, ast.Subscript):
            return constant_text(node.slice) if self._is_llms(node.value) else None
        if not isinstance(node, ast.Call):
            return None
        argument = node.args[0] if node.args else None
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr == "get":
            return constant_text(argument) if self._is_llms(called.value) else None
        dotted = self._names.dotted_name(node.func) or ""
        if dotted.startswith(SDK) and dotted.endswith(".load_model"):
            keywords = keywords_of(node)
            return constant_text(argument or keywords.get("model_name") or keywords.get("model"))
        return None

    def _note_judge(self, node: ast.expr) -> None:
        if self._names.of_sdk(node) == "judge_llm":
            self._runs.judge.append(getattr(node, "lineno", 0))

    def _is_llms(self, node: ast.expr) -> bool:
        return self._names.of_sdk(node) == "llms"


def _is_guard(test: ast.expr) -> bool:
    if not isinstance(test, ast.Compare) or len(test.comparators) != 1:
        return False
    sides = (test.left, test.comparators[0])
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides) and any(
        constant_text(side) == "__main__" for side in sides
    )
