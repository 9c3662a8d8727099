"""What a task of the SDK returns, read from the annotation of its function.

The SDK knows exactly these; the run file alone does not tell a count `(8, 10)` from `8 ± 10`.
"""

import ast
import textwrap
import warnings
from collections.abc import Mapping
from enum import StrEnum


class ResultKind(StrEnum):
    PASSED = "passed"
    """No annotation, or None: whether all assertions held."""
    BOOLEAN = "boolean"
    WHOLE = "whole"
    NUMBER = "number"
    MARGIN = "margin"
    """A number and its margin: `tuple[float, float]`."""
    COUNT = "count"
    """k of n: `tuple[int, int]`."""
    TABLE = "table"
    """A dictionary."""
    UNKNOWN = "unknown"


_NAMES = {
    "None": ResultKind.PASSED,
    "bool": ResultKind.BOOLEAN,
    "int": ResultKind.WHOLE,
    "float": ResultKind.NUMBER,
    "dict": ResultKind.TABLE,
}
_PAIRS = {("int", "int"): ResultKind.COUNT, ("float", "float"): ResultKind.MARGIN}


def kind_of_annotation(
    annotation: ast.expr | None, aliases: Mapping[str, ast.expr] | None = None
) -> ResultKind:
    """Return the kind of an annotation; `aliases` are the module's, such as `Passed = tuple[int,
    int]`.
    """
    if annotation is None:
        return ResultKind.PASSED
    if isinstance(annotation, ast.Constant):
        if annotation.value is None:
            return ResultKind.PASSED
        if isinstance(annotation.value, str):
            return _kind_of_text(annotation.value, aliases)
        return ResultKind.UNKNOWN
    if isinstance(annotation, ast.Name):
        if annotation.id in _NAMES:
            return _NAMES[annotation.id]
        alias = (aliases or {}).get(annotation.id)
        # Without the aliases: one that means itself must not go round for ever.
        return ResultKind.UNKNOWN if alias is None else kind_of_annotation(alias)
    if isinstance(annotation, ast.Subscript) and _last_name(annotation.value) in {"tuple", "Tuple"}:
        inner = annotation.slice
        if isinstance(inner, ast.Tuple) and len(inner.elts) == 2:
            first, second = (_last_name(one) for one in inner.elts)
            return _PAIRS.get((first, second), ResultKind.UNKNOWN)
    return ResultKind.UNKNOWN


def kind_of_definition(definition: str) -> ResultKind:
    """Return the kind of the first function in a source text from task and run files."""
    tree = parse_quietly(textwrap.dedent(definition))
    if tree is not None:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                return kind_of_annotation(node.returns)
    return ResultKind.UNKNOWN


def parse_quietly(source: str) -> ast.Module | None:
    """Return the tree of a source, or None: for texts whose errors are reported elsewhere."""
    try:
        with warnings.catch_warnings():
            # Such as an invalid escape in a text of the author's.
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _kind_of_text(text: str, aliases: Mapping[str, ast.expr] | None) -> ResultKind:
    tree = parse_quietly(text)
    if tree is None or len(tree.body) != 1:
        return ResultKind.UNKNOWN
    statement = tree.body[0]
    # A text within the text would be no annotation that anybody writes.
    if not isinstance(statement, ast.Expr) or isinstance(statement.value, ast.Constant):
        return ResultKind.PASSED if text.strip() == "None" else ResultKind.UNKNOWN
    return kind_of_annotation(statement.value, aliases)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    return ""
