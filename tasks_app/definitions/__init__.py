"""The task definition: a YAML or JSON document beside a data file. Pure; no rows.

`parse_definition` reads what an author wrote and names every problem with its line;
`render_messages` makes the prompt of one item; `question_hash` and `marking_hash` are the two
hashes of a version.
"""

from tasks_app.definitions.document import (
    ChoicesSpec,
    DataSpec,
    Definition,
    FewShot,
    MetricSpec,
    Part,
    PromptSpec,
    SamplingSpec,
    ScorerSpec,
    SplitSpec,
    TargetSpec,
    Turn,
)
from tasks_app.definitions.entries import DEFINITION_SCHEMA
from tasks_app.definitions.hashes import VersionHashes
from tasks_app.definitions.parsing import parse_definition
from tasks_app.definitions.rendering import (
    Question,
    render_follow_ups,
    render_messages,
    render_user_instructions,
)

__all__ = [
    "DEFINITION_SCHEMA",
    "ChoicesSpec",
    "DataSpec",
    "Definition",
    "FewShot",
    "MetricSpec",
    "Part",
    "PromptSpec",
    "Question",
    "SamplingSpec",
    "ScorerSpec",
    "SplitSpec",
    "TargetSpec",
    "Turn",
    "VersionHashes",
    "parse_definition",
    "render_follow_ups",
    "render_messages",
    "render_user_instructions",
]
