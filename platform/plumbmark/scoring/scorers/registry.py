"""From the scorer entry of a definition to a scorer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, get_args

from pydantic import Field, TypeAdapter, ValidationError

from plumbmark.scoring.scorers.base import Scorer, ScorerSpecError
from plumbmark.scoring.scorers.bleu import Bleu
from plumbmark.scoring.scorers.chrf import Chrf
from plumbmark.scoring.scorers.code_execution import CodeExecution
from plumbmark.scoring.scorers.date import Date
from plumbmark.scoring.scorers.edit_distance import EditDistance
from plumbmark.scoring.scorers.exact import Exact
from plumbmark.scoring.scorers.includes import Includes
from plumbmark.scoring.scorers.json_answer import JsonAnswer
from plumbmark.scoring.scorers.math import Math
from plumbmark.scoring.scorers.model_judge import ModelJudge
from plumbmark.scoring.scorers.multiple_choice import MultipleChoice
from plumbmark.scoring.scorers.multiple_select import MultipleSelect
from plumbmark.scoring.scorers.numeric import Numeric
from plumbmark.scoring.scorers.python import PythonScorer
from plumbmark.scoring.scorers.quantity import Quantity
from plumbmark.scoring.scorers.regex import Regex
from plumbmark.scoring.scorers.rouge_l import RougeL
from plumbmark.scoring.scorers.set_match import SetMatch
from plumbmark.scoring.scorers.token_f1 import TokenF1
from plumbmark.scoring.scorers.tool_use import ToolUse
from plumbmark.shapes import BY_TYPE, read_problems

_AnyScorer = (
    Exact
    | Includes
    | Regex
    | Numeric
    | MultipleChoice
    | JsonAnswer
    | ModelJudge
    | ToolUse
    | PythonScorer
    | CodeExecution
    | SetMatch
    | TokenF1
    | RougeL
    | EditDistance
    | Bleu
    | Chrf
    | MultipleSelect
    | Date
    | Quantity
    | Math
)
ScorerEntry = Annotated[_AnyScorer, Field(discriminator="type"), BY_TYPE]
"""The entry of a definition, of any type."""

SCORER_TYPES: Mapping[str, type[Scorer]] = MappingProxyType(
    {
        name: scorer
        for scorer in get_args(_AnyScorer)
        for name in get_args(scorer.model_fields["type"].annotation)
    }
)
_ENTRIES: TypeAdapter[Scorer] = TypeAdapter(ScorerEntry)


def build_scorer(spec: Mapping[str, object]) -> Scorer:
    """Build the scorer of a definition's entry: `type`, an optional `name`, and the type's options.

    Raises `ScorerSpecError` naming the option at fault.
    """
    try:
        scorer = _ENTRIES.validate_python(spec)
    except ValidationError as error:
        first = read_problems(error)[0]
        raise ScorerSpecError(str(first), str(first.path[0]) if first.path else "") from None
    scorer.check()
    return scorer
