"""Authors' functions in Python: checked here, called in the sandbox, their answers read here.

Data reach the function as JSON, never as code. Only lines that begin with a delimiter, drawn at
random for each start of the sandbox, are answers.
"""

import ast
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from plumbmark.scoring import author_harness
from plumbmark.scoring.harness_text import harness_text

MAX_SOURCE = 100_000


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of one call: a value, or why there is none."""

    value: Any = None
    error: str = ""
    line: int = 0
    """Of the author's source, where the error was raised; 0 where unknown."""
    is_late: bool = False

    @property
    def has_value(self) -> bool:
        return not self.error and not self.is_late

    @property
    def reason(self) -> str:
        """Return why there is no value, for people; without a full stop."""
        if self.is_late:
            return "it did not end in time"
        return f"{self.error} (line {self.line})" if self.line else self.error


def source_problem(source: str, function: str, parameters: Sequence[str]) -> str | None:
    """Return why an author's source cannot be accepted; None if it can."""
    if len(source) > MAX_SOURCE:
        return f"must have at most {MAX_SOURCE:,} characters"
    call = f"{function}({', '.join(parameters)})"
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return f"is no Python: {error.msg} in line {error.lineno}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"is no Python: {str(error) or 'it is nested too deeply'}"
    found = next(
        (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function),
        None,
    )
    if found is None:
        return f"must define the function {call}"
    arguments = [*found.args.posonlyargs, *found.args.args]
    needed = len(arguments) - len(found.args.defaults)
    if found.args.vararg is None and not needed <= len(parameters) <= len(arguments):
        return f"must take {len(parameters)} arguments: {call} (line {found.lineno})"
    if any(default is None for default in found.args.kw_defaults):
        return f"must take no further arguments than {call} (line {found.lineno})"
    return None


def program(preload: str = "") -> str:
    """Return the program that runs in the sandbox; `preload` is a module to import once before."""
    text = harness_text(author_harness.__file__)
    if not preload:
        return text
    first, _, rest = text.partition("\n")
    return f"{first}\nimport {preload}\n{rest}"


def program_input(
    *, source: str, function: str, cases: Sequence[Sequence[Any]], seconds: float, delimiter: str
) -> bytes:
    """Return what the program reads from its standard input."""
    request = {
        "source": source,
        "function": function,
        "cases": [list(case) for case in cases],
        "seconds": seconds,
        "delimiter": delimiter,
    }
    return json.dumps(request).encode()


def results(output: str, *, delimiter: str, count: int) -> list[CaseResult | None]:
    """Return the results of `count` cases; None for a case without one."""
    found: list[CaseResult | None] = [None] * count
    for line in output.split("\n"):
        if not line.startswith(f"{delimiter} "):
            continue
        try:
            answer = json.loads(line[len(delimiter) + 1 :])
            case = answer["case"]
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if isinstance(case, int) and 0 <= case < count and found[case] is None:
            found[case] = CaseResult(
                answer.get("value"),
                str(answer.get("error", ""))[:600],
                _read_line(answer.get("line")),
                bool(answer.get("late")),
            )
    return found


def _read_line(value: Any) -> int:
    """Return a line of the source; an author's code may have written anything in its place."""
    return value if type(value) is int and 0 < value <= MAX_SOURCE else 0
