"""What names in a module stand for: imports and the aliases made of them."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SDK = "kaggle_benchmarks"
# What `from kaggle_benchmarks import *` brings and what matters here.
_STAR = ("benchmark", "judge_llm", "kaggle", "llm", "llms", "task")


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module."""

    module: str
    """Its top-level name; empty for a relative import."""
    full: str
    line: int
    is_optional: bool
    """Inside a `try` that takes a missing module into account."""


@dataclass(slots=True)
class Names:
    """The names of one module; scopes are not told apart."""

    origins: dict[str, str] = field(default_factory=dict)
    """A name, and the dotted thing that it was imported as or assigned from."""
    imports: list[Import] = field(default_factory=list)
    defined: set[str] = field(default_factory=set)
    """Functions and classes of the module itself."""
    annotations: dict[str, ast.expr] = field(default_factory=dict)
    """Assignments of the module that may be used as annotations."""
    has_text_annotations: bool = False
    """Whether `from __future__ import annotations` stands in it."""

    def dotted_name(self, node: ast.expr) -> str | None:
        """Return `kaggle_benchmarks.models.load` for `kbench.models.load`; None for other
        expressions.
        """
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        origin = self.origins.get(node.id)
        if origin is None:
            return None
        return ".".join([origin, *reversed(parts)])

    def of_sdk(self, node: ast.expr) -> str | None:
        """Return the last name if the expression belongs to the SDK: `task` of
        `kbench.tasks.task`.
        """
        dotted = self.dotted_name(node)
        if dotted is None or not dotted.startswith(SDK + "."):
            return None
        return dotted.rpartition(".")[2]

    @property
    def uses_sdk(self) -> bool:
        return any(one.module == SDK for one in self.imports)


def names_of(tree: ast.Module) -> Names:
    names = Names()
    for node, is_optional in _statements(tree):
        if isinstance(node, ast.Import):
            _add_import(names, node, is_optional)
        elif isinstance(node, ast.ImportFrom):
            _add_import_from(names, node, is_optional)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.defined.add(node.name)
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                _add_alias(names, target.id, statement.value)
    return names


def _statements(tree: ast.Module) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node, and whether an import there may fail without harm."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, is_optional = waiting.pop()
        yield node, is_optional
        if isinstance(node, ast.Try) and any(map(_takes_missing, node.handlers)):
            waiting += [(child, True) for child in node.body]
            rest = [*node.handlers, *node.orelse, *node.finalbody]
            # A handler imports what is to stand in.
            waiting += [(child, is_optional) for child in rest]
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            waiting += [(child, is_optional) for child in node.orelse]
        else:
            waiting += [(child, is_optional) for child in ast.iter_child_nodes(node)]


def _takes_missing(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    wanted = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
    return any(isinstance(kind, ast.Name) and kind.id in wanted for kind in kinds)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _add_import(names: Names, node: ast.Import, is_optional: bool) -> None:
    for alias in node.names:
        top = alias.name.partition(".")[0]
        names.imports.append(Import(top, alias.name, node.lineno, is_optional))
        names.origins[alias.asname or top] = alias.name if alias.asname else top


def _add_import_from(names: Names, node: ast.ImportFrom, is_optional: bool) -> None:
    module = node.module or ""
    if module == "__future__":
        names.has_text_annotations |= any(alias.name == "annotations" for alias in node.names)
        return
    top = "" if node.level else module.partition(".")[0]
    names.imports.append(Import(top, "." * node.level + module, node.lineno, is_optional))
    for alias in node.names:
        if alias.name == "*":
            if top == SDK:
                names.origins |= {name: f"{SDK}.{name}" for name in _STAR}
        else:
            names.origins[alias.asname or alias.name] = f"{module}.{alias.name}"


def _add_alias(names: Names, name: str, value: ast.expr) -> None:
    names.annotations[name] = value
    dotted = names.dotted_name(value)
    if dotted is not None:
        names.origins[name] = dotted
    elif name in names.origins and not isinstance(value, ast.Name):
        # Given another meaning: no longer what was imported.
        del names.origins[name]


def constant_text(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def keywords_of(call: ast.Call) -> Mapping[str, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
