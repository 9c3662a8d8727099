"""Runs inside the sandbox: whether an answer is equal to a target as mathematics, by math-verify.

Only its text is used by the platform, which never imports math-verify itself. The harness calls
`score`, each time in a process of its own with a time limit.
"""

from __future__ import annotations

import logging
import re
from typing import Any

# It warns that no time limit is set: the harness sets one.
logging.getLogger("math_verify").setLevel(logging.ERROR)

_MARKS = ("$", "\\boxed", "\\fbox", "\\(", "\\[")
_INTRODUCTION = re.compile(r"(?is).*\b(?:answer|result|solution)s?\b(?:\s+(?:is|are))?\s*[:=]?\s*")
_ROOT = re.compile(r"(?<!\\)sqrt\s*\(([^()]*)\)")
_BRACES = re.compile(r"(?<![\\_^}\w])\{([^{}]*)\}")
_WORD = re.compile(r"(?<!\\)[A-Za-z]{4,}")


def score(output: str, target: object, item: object) -> dict[str, object]:
    # Only in the environment of the sandbox.
    from math_verify import parse, verify  # type: ignore[import-not-found]

    answer = _read(parse, output)
    if not answer:
        return {"value": 0, "explanation": "No mathematics could be read in the answer."}
    targets = target if isinstance(target, list) else [target]
    shown = str(answer[0])
    for one in targets:
        gold = _read(parse, str(one))
        if not gold:
            raise ValueError(f"the target {str(one)[:80]!r} could not be read as mathematics")
        if verify(gold, answer, timeout_seconds=None):
            why = f"Read as {shown[:200]}, which equals the target {str(gold[0])[:200]}."
            return {"value": 1, "answer": shown, "explanation": why}
    wanted = " or ".join(str(one)[:100] for one in targets[:5])
    why = f"Read as {shown[:200]}, which is not equal to the target {wanted}."
    return {"value": 0, "answer": shown, "explanation": why}


def _read(parse: Any, text: str) -> Any:
    """Return the expressions of a text; plain notation is read as LaTeX where that is possible."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig

    forms = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]
    if not any(mark in text for mark in _MARKS):
        lines = [line for line in text.splitlines() if line.strip()]
        line = _INTRODUCTION.sub("", lines[-1]).strip().rstrip(".") if lines else ""
        if line and not _WORD.search(line.replace("sqrt", "")):
            line = _BRACES.sub(r"\\{\1\\}", _ROOT.sub(r"\\sqrt{\1}", line))
            line = re.sub(r"(?<!\\)%", r"\\%", line).replace("infinity", r"\infty")
            if found := parse(f"${line}$", extraction_config=forms, parsing_timeout=None):
                return found
    return parse(text, extraction_config=forms, parsing_timeout=None)
