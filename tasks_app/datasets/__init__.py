"""Reading data files and files of submitted outputs: streamed, with every fault's line."""

from tasks_app.importers.data import Imported, ImportedItem, import_data
from tasks_app.importers.files import AttachedFiles, KnownFile
from tasks_app.importers.outputs import SubmittedOutput, read_outputs
from tasks_app.importers.rows import Limits, Warned

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
