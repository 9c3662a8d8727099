"""Rows of tasks and of their runs. Import them from here.

`tasks` does not refer to `runs`; `runs` refers to both `tasks` and `contenders`.
"""

from tasks_app.models.contenders import Contender
from tasks_app.models.items import AnalysisRefresh, ItemAnalysis, ItemReport
from tasks_app.models.judges import (
    JudgeLabel,
    JudgePanel,
    LabelSample,
    LabelSet,
)
from tasks_app.models.programs import LogChunk, ProgramReport, RunArtifact
from tasks_app.models.runs import Run, Sample, SampleCall, Shard
from tasks_app.models.scorings import (
    PackedScores,
    RunManifest,
    SampleScore,
    Scoring,
    ScoringShard,
)
from tasks_app.models.tasks import (
    AllowedDeployment,
    AttachedFile,
    Attachment,
    AttachmentUse,
    DataFile,
    DraftSave,
    FormerAddress,
    Item,
    TableProfile,
    Task,
    TaskDraft,
    TaskVersion,
)
from tasks_app.models.transfers import TransferOffer
from tasks_app.models.trials import ItemTrial

__all__ = [
    "AllowedDeployment",
    "AnalysisRefresh",
    "AttachedFile",
    "Attachment",
    "AttachmentUse",
    "Contender",
    "DataFile",
    "DraftSave",
    "FormerAddress",
    "Item",
    "ItemAnalysis",
    "ItemReport",
    "ItemTrial",
    "JudgeLabel",
    "JudgePanel",
    "LabelSample",
    "LabelSet",
    "LogChunk",
    "PackedScores",
    "ProgramReport",
    "Run",
    "RunArtifact",
    "RunManifest",
    "Sample",
    "SampleCall",
    "SampleScore",
    "Scoring",
    "ScoringShard",
    "Shard",
    "TableProfile",
    "Task",
    "TaskDraft",
    "TaskVersion",
    "TransferOffer",
]
