"""What was noticed in an author's code, or in what it left behind."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

CODES = {
    # The file as it was handed in.
    "syntax-error": "Python cannot read the code.",
    "magic-ignored": "A notebook command was left out; the rest of the code can do without it.",
    "magic-not-run": "A notebook or shell command was left out; what it did does not happen.",
    "magic-refused": "A notebook command was left out on whose outcome later code depends.",
    "install-not-run": "A command that installs packages was left out.",
    "nothing-chosen": "`%choose` names no task.",
    "chosen-twice": "`%choose` appears more than once; the last one counts.",
    "no-code": "The notebook has no code.",
    # The code, looked at without running it.
    "no-task": "The code uses the SDK but defines no task.",
    "no-run": "No task is ever run, so nothing would be measured.",
    "no-result": "The code has no task and never names the result file.",
    "task-not-run": "A task is defined and never run.",
    "guarded-run": 'A task runs only under `if __name__ == "__main__"`.',
    "decorator-not-called": "`@task` has no brackets.",
    "chosen-unknown": "`%choose` names a task that the code does not define.",
    "bounds-of-share": "The metric has other bounds than 0 and 1, and the code gives shares.",
    "no-model-parameter": "A task takes no model, so it cannot be run for another one.",
    "same-name": "Two tasks have names that make the same file name.",
    "run-not-stored": "A task with `store_run=False` leaves no run file.",
    "unsupported-result": "The SDK knows no result of the annotated type.",
    "string-annotations": "Annotations are kept as text, which the SDK refuses.",
    "only-benchmark": "Tasks are marked with `@benchmark` alone, which the kaggle command refuses.",
    "fixed-candidate": "A task is run with a model that is named in the code.",
    "fixed-model": "A model is named in the code.",
    "every-model": "The code walks over all models.",
    "unknown-model": "A model is named that this platform does not have.",
    "own-judge": "The model under test judges itself.",
    "missing-import": "A package is imported that is not installed where tasks run.",
    "optional-import": "A package that is not installed is imported where the code can do without.",
    "openai-client": "The code calls models through an OpenAI client.",
    "fixed-address": "A client is given a fixed address.",
    "secret-in-code": "A key seems to stand in the code.",
    "network": "A package for network access is imported.",
    "asks-input": "The code waits for input.",
    "await-outside": "`await` is outside of a function, which only notebooks allow.",
    "too-many-findings": "There is more to tell than is shown.",
    # The files that a run left.
    "unreadable-file": "A file could not be read.",
    "not-a-file": "There is a link or a folder where a file is expected.",
    "file-too-large": "A file is larger than is read.",
    "too-many-files": "There are more files than are read.",
    "duplicate-key": "An object has the same key twice; the last one counts.",
    "unstorable-characters": "Characters that no database keeps were replaced.",
    "wrong-type": "A value has another type than expected.",
    "unknown-value": "A value is none of those that are known.",
    "unknown-key": "A key is not known, and its value was ignored.",
    "not-a-number": "A score is NaN, infinite, beyond 1e30, or no number.",
    "no-value": "A run ended without a result.",
    "several-results": "A run has more than one overall result; the first one counts.",
    "bad-count": "A count is not of the form k of n.",
    "count-or-interval": "A result may be k of n or a value with a margin; it is read as that.",
    "result-type-differs": "A result is not of the type that its task announces.",
    "result-of-error": "A run that failed has a result, which says nothing.",
    "run-failed": "A run ended with an error.",
    "run-unfinished": "A run was still going on when its file was written.",
    "file-twice": "Two files tell of the same run; one counts.",
    "run-without-file": "A task was to run and left no run file.",
    "task-without-file": "A run tells of a task that has no task file.",
    "no-main-task": "Several tasks ran and none is chosen as the main one.",
    "chosen-not-run": "The chosen task left no run.",
    "several-runs": "The main task ran more than once; the last run counts.",
    # Our own result file.
    "missing-key": "A key is missing.",
    "out-of-range": "A number lies outside of what is possible.",
    "same-id": "Two samples have the same id.",
    "score-differs": "The score is not the mean of the samples' scores.",
    "too-many-samples": "There are more samples than are read.",
}
"""Every code, with what it means. docs/authors/code-tasks.md lists them all."""


class Severity(StrEnum):
    ERROR = "error"
    """It cannot work, or a result is lost."""
    WARNING = "warning"
    """It may work otherwise than meant."""
    NOTE = "note"
    """Worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was noticed: what it is, where it is, and how to mend it."""

    code: str
    severity: Severity
    message: str
    remedy: str = ""
    line: int | None = None
    """In the script, counted from 1."""
    file: str = ""
    path: str = ""
    """In a JSON file, such as `$.samples[3].score`."""

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"{self.code!r} is no known code of a finding")

    def __str__(self) -> str:
        place = [self.file] if self.file else []
        if self.line is not None:
            place.append(f"line {self.line}")
        if self.path:
            place.append(self.path)
        message = f"{', '.join(place)}: {self.message}" if place else self.message
        return f"{message} {self.remedy}" if self.remedy else message

    def in_file(self, file: str) -> "Finding":
        return replace(self, file=file)


def has_errors(findings: Iterable[Finding]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


def error(code: str, message: str, remedy: str = "", **where: object) -> Finding:
    return Finding(code, Severity.ERROR, message, remedy, **where)  # type: ignore[arg-type]


def warning(code: str, message: str, remedy: str = "", **where: object) -> Finding:
    return Finding(code, Severity.WARNING, message, remedy, **where)  # type: ignore[arg-type]


def note(code: str, message: str, remedy: str = "", **where: object) -> Finding:
    return Finding(code, Severity.NOTE, message, remedy, **where)  # type: ignore[arg-type]
