"""The kinds that there are, read from the folder `files` beside this module."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

JUDGE = "example/judge"
"""Stands in the files for the deployment that judges."""
_FILES = Path(__file__).parent / "files"


@dataclass(frozen=True)
class StartingPoint:
    """A kind of task, with its files. `guide` is its section of docs/authors/examples.md."""

    slug: str
    title: Promise
    purpose: Promise
    guide: str
    needs_sandbox: bool = False

    @cached_property
    def definition(self) -> str:
        """The definition as YAML; empty where the task is a program."""
        return self._text("definition.yaml")

    @cached_property
    def rows(self) -> str:
        """The data as JSONL."""
        return self._text("items.jsonl")

    @cached_property
    def code(self) -> str:
        return self._text("task.py.txt")

    @cached_property
    def media(self) -> Mapping[str, bytes]:
        folder = _FILES / self.slug / "media"
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}

    @property
    def needs_judge(self) -> bool:
        return JUDGE in self.definition

    def _text(self, name: str) -> str:
        path = _FILES / self.slug / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""


STARTING_POINTS: Sequence[StartingPoint] = (
    StartingPoint(
        "question-and-answer",
        _("Question and answer"),
        _("A short answer that is compared with the right one."),
        "question-and-answer",
    ),
    StartingPoint(
        "multiple-choice",
        _("Multiple choice"),
        _("One of several options, shown in an order that differs from item to item."),
        "multiple-choice",
    ),
    StartingPoint(
        "classification",
        _("Classification"),
        _("One of a few classes that the prompt names."),
        "classification",
    ),
    StartingPoint(
        "json-extraction",
        _("Extraction to JSON"),
        _("Facts from a text, as JSON that follows a schema."),
        "an-answer-as-json",
    ),
    StartingPoint(
        "mathematics",
        _("Mathematics"),
        _("An expression that is compared as mathematics: 1/2 is 0.5."),
        "mathematics",
        needs_sandbox=True,
    ),
    StartingPoint(
        "code-with-tests",
        _("Code with tests"),
        _("A function that the model writes and your tests run."),
        "code-that-is-run",
        needs_sandbox=True,
    ),
    StartingPoint(
        "model-judge",
        _("Model judge with a rubric"),
        _("Free text that another model grades by your criteria."),
        "a-model-as-the-judge",
    ),
    StartingPoint(
        "pairwise-judge",
        _("Pairwise judge"),
        _("Another model says whether the answer or your reference is better."),
        "two-answers-side-by-side",
    ),
    StartingPoint(
        "image-question",
        _("Image question"),
        _("A question about a picture that is sent with it."),
        "images",
    ),
    StartingPoint(
        "several-turns",
        _("Several turns"),
        _("A conversation by a script; the last answer is scored."),
        "several-turns-by-a-script",
    ),
    StartingPoint(
        "tool-use",
        _("Tool use"),
        _("A tool that the model has to call, with answers that you write."),
        "tools",
    ),
    StartingPoint(
        "python-scorer",
        _("Your own Python scorer"),
        _("A function of yours that scores each answer."),
        "a-scorer-of-your-own",
        needs_sandbox=True,
    ),
    StartingPoint(
        "code-task",
        _("Code task"),
        _("A program of yours that asks the model and reports its own score."),
        "a-program-with-the-standard-library-alone",
        needs_sandbox=True,
    ),
)
BY_SLUG: Mapping[str, StartingPoint] = {one.slug: one for one in STARTING_POINTS}
