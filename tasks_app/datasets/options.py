"""The options of an item, as rows have them: texts, or texts with labels of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plumbmark.common.errors import Problem
from plumbmark.scoring.shuffling import LETTERS
from tasks_app.datasets.rows import DataRow, RowProblem
from tasks_app.definitions.document import ChoicesSpec
from tasks_app.definitions.rendering import text_of

_FORMS = 'write texts, {"text": …, "label": …} objects, or {"text": […], "label": […]}'


@dataclass(frozen=True, slots=True)
class Options:
    """The texts that a model chooses from, and the labels by which the data name them, if any."""

    texts: Sequence[str]
    labels: Sequence[str] = ()

    def position_of_label(self, target: Any) -> int | None:
        """Return which option a target names by its label; case counts only where it must."""
        wanted = text_of(target).strip()
        if wanted in self.labels:
            return self.labels.index(wanted)
        folded = [label.casefold() for label in self.labels]
        if folded.count(wanted.casefold()) == 1:
            return folded.index(wanted.casefold())
        return None


def read_options(row: DataRow, spec: ChoicesSpec) -> Options:
    """Return the options of a row; RowProblem says which one is at fault."""
    place = ", ".join(spec.columns)[:80]
    if spec.is_list:
        options = _read_column(row.values[spec.columns[0]], place, row.line)
    else:
        values = [row.values[column] for column in spec.columns]
        # Items with fewer options leave the last columns empty.
        while values and not text_of(values[-1]).strip():
            values.pop()
        options = _read_list(values, place, row.line)
    texts = options.texts
    if not 2 <= len(texts) <= len(LETTERS):
        raise RowProblem(
            Problem(
                f"has {len(texts)} options; 2 to {len(LETTERS)} are taken",
                place,
                row.line,
            )
        )
    empty = next((n for n, option in enumerate(texts) if not option.strip()), None)
    if empty is not None:
        # Leaving it out would move the letters of those behind it.
        column = spec.columns[0 if spec.is_list else empty]
        raise RowProblem(Problem(f"option {LETTERS[empty]} is empty", column, row.line))
    if len(set(options.labels)) != len(options.labels):
        raise RowProblem(
            Problem("two options have the same label; give each its own", place, row.line)
        )
    return options


def replace_labels(target: Any, options: Options, place: str, line: int) -> Any:
    """Return the target with letters instead of the labels that the data give the options.

    A target may also be the text of an option. Anything else is a RowProblem: the labels of the
    data and the letters that models see may differ.
    """
    if isinstance(target, list):
        return [replace_labels(one, options, place, line) for one in target]
    position = options.position_of_label(target)
    texts = [text.strip() for text in options.texts]
    text = text_of(target).strip()
    if position is None and text in texts:
        position = texts.index(text)
    if position is None:
        labels = ", ".join(options.labels)
        raise RowProblem(
            Problem(
                f"the answer {text[:80]!r} is none of the options' labels ({labels}); write a "
                "label, or say with target_is what it is",
                place,
                line,
            )
        )
    return LETTERS[position]


def looks_like_options(value: Any) -> bool:
    """Return whether a value is options with texts of their own, in one of the two forms."""
    if isinstance(value, Mapping):
        return isinstance(value.get("text"), list)
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, Mapping) and "text" in one and "role" not in one for one in value)
    )


def _read_column(value: Any, place: str, line: int) -> Options:
    if isinstance(value, list):
        return _read_list(value, place, line)
    if not isinstance(value, Mapping):
        raise RowProblem(Problem("must be a list of options", place, line))
    texts, labels = value.get("text"), value.get("label")
    if not isinstance(texts, list):
        raise RowProblem(
            Problem(f"is an object without a list of texts as its text; {_FORMS}", place, line)
        )
    if labels is None:
        return _read_list(texts, place, line)
    if not isinstance(labels, list) or len(labels) != len(texts):
        count = f"{len(labels)} labels" if isinstance(labels, list) else "no list of labels"
        raise RowProblem(
            Problem(f"has {len(texts)} texts and {count}; write one label a text", place, line)
        )
    pairs = [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]
    return _read_list(pairs, place, line)


def _read_list(values: Sequence[Any], place: str, line: int) -> Options:
    texts: list[str] = []
    labels: list[str] = []
    for number, value in enumerate(values, 1):
        if not isinstance(value, Mapping):
            if isinstance(value, list):
                raise RowProblem(Problem(f"option {number} is a list; {_FORMS}", place, line))
            texts.append(text_of(value))
            continue
        text, label = value.get("text"), value.get("label")
        if text is None or isinstance(text, dict | list):
            raise RowProblem(
                Problem(f"option {number} is an object without a text; {_FORMS}", place, line)
            )
        texts.append(text_of(text))
        if label is None:
            continue
        if isinstance(label, dict | list) or not text_of(label).strip():
            raise RowProblem(
                Problem(f"the label of option {number} must be a text or number", place, line)
            )
        labels.append(text_of(label).strip())
    if labels and len(labels) != len(texts):
        raise RowProblem(
            Problem(
                f"{len(labels)} of {len(texts)} options have a label; give all one", place, line
            )
        )
    return Options(texts, labels)
