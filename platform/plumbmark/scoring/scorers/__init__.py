"""Scorers: pure functions of an output, a target and the item's context."""

from plumbmark.scoring.scorers.base import (
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
)
from plumbmark.scoring.scorers.code_execution import CodeExecution
from plumbmark.scoring.scorers.model_judge import ModelJudge
from plumbmark.scoring.scorers.registry import SCORER_TYPES, build_scorer

__all__ = [
    "SCORER_TYPES",
    "CodeExecution",
    "ModelJudge",
    "Scorer",
    "ScorerContext",
    "ScorerSpecError",
    "Target",
    "build_scorer",
]
