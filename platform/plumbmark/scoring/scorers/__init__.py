"""Scorers: pure functions of an output, a target and the item's context."""

from plumbmark.scoring.scorers.base import (
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
)
from plumbmark.scoring.scorers.code_execution import CodeExecution
from plumbmark.scoring.scorers.json_answer import JsonAnswer
from plumbmark.scoring.scorers.math import Math
from plumbmark.scoring.scorers.model_judge import ModelJudge
from plumbmark.scoring.scorers.python import PythonScorer
from plumbmark.scoring.scorers.registry import SCORER_TYPES, ScorerEntry, build_scorer
from plumbmark.scoring.scorers.tool_use import ToolUse

__all__ = [
    "SCORER_TYPES",
    "CodeExecution",
    "JsonAnswer",
    "Math",
    "ModelJudge",
    "PythonScorer",
    "Scorer",
    "ScorerContext",
    "ScorerEntry",
    "ScorerSpecError",
    "Target",
    "ToolUse",
    "build_scorer",
]
