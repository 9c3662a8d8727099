"""From the scorer entry of a definition to a scorer."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from plumbmark.scoring.scorers.base import Scorer, ScorerSpecError
from plumbmark.scoring.scorers.code_execution import CodeExecution
from plumbmark.scoring.scorers.exact import Exact
from plumbmark.scoring.scorers.includes import Includes
from plumbmark.scoring.scorers.json_answer import JsonAnswer
from plumbmark.scoring.scorers.model_judge import ModelJudge
from plumbmark.scoring.scorers.multiple_choice import MultipleChoice
from plumbmark.scoring.scorers.numeric import Numeric
from plumbmark.scoring.scorers.python import PythonScorer
from plumbmark.scoring.scorers.regex import Regex
from plumbmark.scoring.scorers.tool_use import ToolUse

SCORER_TYPES: Mapping[str, Callable[[Mapping[str, object], str], Scorer]] = MappingProxyType(
    {
        "exact": Exact.from_spec,
        "includes": Includes.from_spec,
        "regex": Regex.from_spec,
        "numeric": Numeric.from_spec,
        "multiple_choice": MultipleChoice.from_spec,
        "json": JsonAnswer.from_spec,
        "tool_use": ToolUse.from_spec,
        "python": PythonScorer.from_spec,
        "code_execution": CodeExecution.from_spec,
        "model_judge": ModelJudge.from_spec,
    }
)


def build_scorer(spec: Mapping[str, object]) -> Scorer:
    """Build the scorer of a definition's entry: `type`, an optional `name`, and the type's options.

    `metric` is not the scorer's business and passes unread. Raises `ScorerSpecError` naming the
    option at fault.
    """
    scorer_type = spec.get("type")
    if not isinstance(scorer_type, str) or scorer_type not in SCORER_TYPES:
        known = ", ".join(SCORER_TYPES)
        raise ScorerSpecError(f"{scorer_type!r} is no type of scorer; there are {known}", "type")
    name = spec.get("name", scorer_type)
    if not isinstance(name, str) or not name:
        raise ScorerSpecError("name must be a text", "name")
    return SCORER_TYPES[scorer_type](spec, name)
