"""Programs of an answer and its tests: taken apart here, run by `program_harness` in the sandbox.

What follows the answer in the author's template are the tests. They run in another process than
the answer, which therefore cannot know them, change them, or say that they passed.
"""

import ast
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from plumbmark.scoring import program_harness
from plumbmark.scoring.harness_text import harness_text
from plumbmark.scoring.templates import Template


class UnreadableTests(ValueError):
    """The tests after the answer are no program of their own; the message says why."""


@dataclass(frozen=True, slots=True)
class TestedProgram:
    """A filled template in its three parts."""

    __test__ = False

    given: str
    """The author's part before the answer."""
    answer: str
    """The same with the answer, up to the end of its last line."""
    tests: str
    """Everything after that."""

    def as_input(self, code: str, *, token: str) -> bytes:
        """Return what the harness reads from its standard input; `code` is the model's."""
        tests = _parse_tests(self.tests)
        start, unfinished = _parse_given(self.given, code)
        names, classes = _kept_names(start, unfinished, code)
        wanted = {
            node.id
            for node in ast.walk(tests)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        request = {
            "answer": self.answer,
            "given": ast.unparse(start),
            "tests": self.tests if tests.body else "",
            "kept": sorted(names),
            "classes": sorted(classes),
            "wanted": sorted(wanted),
            "token": token,
        }
        return json.dumps(request).encode()


def split_program(
    template: Template, values: Mapping[str, str], code: str, *, name: str
) -> TestedProgram:
    """Fill a template and take it apart at the last place where the code `name` goes."""
    marker = secrets.token_hex(16)
    filled = template.fill({**values, name: marker})
    end = filled.find("\n", filled.rindex(marker))
    head = filled if end < 0 else filled[:end]
    first = filled.index(marker)
    given = filled[: filled.rfind("\n", 0, first) + 1]
    return TestedProgram(given, head.replace(marker, code), filled[len(head) + 1 :])


def harness() -> str:
    """Return the program that runs in the sandbox."""
    return harness_text(program_harness.__file__)


def _parse_tests(tests: str) -> ast.Module:
    try:
        return ast.parse(tests)
    except SyntaxError as error:
        place = f" (line {error.lineno} after the answer)" if error.lineno else ""
        raise UnreadableTests(
            "what follows {output} in the program must be Python that begins at the left margin, "
            f"because it runs apart from the answer: {error.msg}{place}"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableTests(f"the tests cannot be read: {error}") from error


def _parse_given(start: str, code: str) -> tuple[ast.Module, ast.stmt | None]:
    """Return what is complete before the answer, and its last statement if the answer goes on
    with it.
    """
    lines = start.splitlines(keepends=True)
    while lines:
        try:
            parsed = ast.parse("".join(lines))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # What the answer completes begins where the last line at the left margin does.
            while lines and (lines[-1][:1].isspace() or not lines[-1].strip()):
                lines.pop()
            if lines:
                lines.pop()
            continue
        first = next((line for line in code.splitlines() if line.strip()), "")
        goes_on = first[:1].isspace() and bool(parsed.body)
        return parsed, parsed.body[-1] if goes_on else None
    return ast.Module([], []), None


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _kept_names(
    start: ast.Module, unfinished: ast.stmt | None, code: str
) -> tuple[set[str], set[str]]:
    """Return the names before the answer that it cannot replace, and the classes among them.

    These are imports and complete definitions. Where nothing is left to be written, the answer may
    be a better form of one of them: then what it defines anew is the answer's.
    """
    names: set[str] = set()
    classes: set[str] = set()
    definitions = [node for node in start.body if isinstance(node, _DEFINITIONS)]
    to_write = {node.name for node in definitions if node is unfinished or _is_stub(node.body)}
    replaced = set() if to_write else set(_defined_names(code))
    for node in start.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update((one.asname or one.name).partition(".")[0] for one in node.names)
    for node in definitions:
        if node.name not in to_write | replaced:
            names.add(node.name)
            if isinstance(node, ast.ClassDef):
                classes.add(node.name)
    return names - {"*"}, classes


def _is_stub(body: Sequence[ast.stmt]) -> bool:
    """Return whether a body has nothing in it yet; of a class, whether a method has not."""
    return all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Raise) and "NotImplemented" in ast.dump(node))
        for node in body
    ) or any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name != "__init__"
        and _is_stub(node.body)
        for node in body
    )


def _defined_names(code: str) -> Iterator[str]:
    """Yield the names that code binds outside of its functions and classes."""
    try:
        parsed = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    waiting: list[ast.AST] = list(parsed.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, _DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        else:
            waiting.extend(ast.iter_child_nodes(node))
