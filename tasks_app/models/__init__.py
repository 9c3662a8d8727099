"""Rows of tasks and of their runs. Import them from here.

`tasks` does not refer to `runs`; `runs` refers to both `tasks` and `contenders`.
"""

from tasks_app.models.contenders import Contender
from tasks_app.models.judges import (
    JudgeLabel,
    JudgePanel,
    LabelSample,
    LabelSet,
)
from tasks_app.models.programs import LogChunk, ProgramReport, RunArtifact
from tasks_app.models.runs import Run, Sample, SampleCall, Shard
from tasks_app.models.scorings import PackedScores, SampleScore, Scoring, ScoringShard
from tasks_app.models.tasks import (
    AllowedDeployment,
    AttachedFile,
    Attachment,
    AttachmentUse,
    DataFile,
    Item,
    Task,
    TaskDraft,
    TaskVersion,
)

__all__ = [
    "AllowedDeployment",
    "AttachedFile",
    "Attachment",
    "AttachmentUse",
    "Contender",
    "DataFile",
    "Item",
    "JudgeLabel",
    "JudgePanel",
    "LabelSample",
    "LabelSet",
    "LogChunk",
    "PackedScores",
    "ProgramReport",
    "Run",
    "RunArtifact",
    "Sample",
    "SampleCall",
    "SampleScore",
    "Scoring",
    "ScoringShard",
    "Shard",
    "Task",
    "TaskDraft",
    "TaskVersion",
]
