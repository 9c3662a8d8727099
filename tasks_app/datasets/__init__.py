"""Reading data files and files of submitted outputs: streamed, with every fault's line."""

from tasks_app.datasets.item_files import AttachedFiles, KnownFile
from tasks_app.datasets.items import ImportedItem, ImportResult, find_item, import_data, number_in
from tasks_app.datasets.rows import ColumnWarning, DataLimits
from tasks_app.runs.output_files import SubmittedOutput, read_outputs

__all__ = [
    "AttachedFiles",
    "ColumnWarning",
    "DataLimits",
    "ImportResult",
    "ImportedItem",
    "KnownFile",
    "SubmittedOutput",
    "find_item",
    "import_data",
    "number_in",
    "read_outputs",
]
