"""Reading data files and files of submitted outputs: streamed, with every fault's line."""

from tasks_app.datasets.item_files import AttachedFiles, KnownFile
from tasks_app.datasets.items import Imported, ImportedItem, import_data
from tasks_app.datasets.rows import Limits, Warned
from tasks_app.runs.output_files import SubmittedOutput, read_outputs

__all__ = [
    "AttachedFiles",
    "Imported",
    "ImportedItem",
    "KnownFile",
    "Limits",
    "SubmittedOutput",
    "Warned",
    "import_data",
    "read_outputs",
]
