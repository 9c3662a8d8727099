"""The roles of columns: which is the question, which the answer, which tells items apart."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.scoring.shuffling import LETTERS
from tasks_app.tables.profiles import ColumnProfile, Profile

Kind = Literal["answer", "number", "choices", "classes", "json", "judge"]
KINDS: tuple[Kind, ...] = ("answer", "number", "choices", "classes", "json", "judge")
_QUESTIONS = [
    "question",
    "prompt",
    "problem",
    "instruction",
    "query",
    "input",
    "stem",
    "premise",
    "text",
    "sentence",
    "article",
    "passage",
    "user",
    "frage",
    "aufgabe",
    "pregunta",
    "pergunta",
    "domanda",
    "vraag",
    "запитання",
    "вопрос",
    "问题",
    "質問",
    "질문",
]
_ANSWERS = [
    "answer",
    "target",
    "label",
    "solution",
    "ideal",
    "gold",
    "expected",
    "reference",
    "correct",
    "output",
    "response",
    "completion",
    "truth",
    "antwort",
    "lösung",
    "respuesta",
    "resposta",
    "réponse",
    "risposta",
    "antwoord",
    "ответ",
    "答案",
    "答え",
    "답",
]
_IDS = [
    "id",
    "uid",
    "uuid",
    "key",
    "item_id",
    "question_id",
    "task_id",
    "qid",
    "index",
    "idx",
    "nr",
    "no",
    "number",
    "name",
]
_OPTIONS = [
    "choices",
    "options",
    "answers",
    "candidates",
    "alternatives",
    "endings",
    "antworten",
    "opciones",
]
_SLICES = [
    "category",
    "subject",
    "topic",
    "subset",
    "level",
    "difficulty",
    "domain",
    "language",
    "lang",
    "type",
    "source",
    "kind",
    "area",
    "field",
    "genre",
    "year",
    "grade",
    "kategorie",
    "fach",
    "thema",
    "stufe",
    "sprache",
]
_SPLITS = ["split", "set", "partition", "visibility"]
_CLUSTERS = [
    "passage",
    "context",
    "document",
    "story",
    "group",
    "paragraph",
    "article",
    "cluster",
    "doc_id",
    "passage_id",
]
_PRIVATE = [
    "private",
    "hidden",
    "test",
    "secret",
    "held-out",
    "heldout",
    "holdout",
    "geheim",
    "privat",
]
_OPTION = re.compile(
    r"(?:(?:option|choice|answer|antwort|opción|opcion|opt|mc|alternative|ending)[ _-]?)?"
    r"([a-z]|\d{1,2})",
    re.IGNORECASE,
)
_MAX_SLICE_VALUES = 40
_MAX_SLICES = 4
_MAX_CLASSES = 20


@dataclass(frozen=True, slots=True)
class Roles:
    """The purposes of the columns of a table. Names of columns; empty where there is none."""

    kind: Kind = "answer"
    question: tuple[str, ...] = ()
    """Asked one under the other."""
    answer: str = ""
    after: str = ""
    """The mark in the answer's text that what is right follows."""
    options: tuple[str, ...] = ()
    """One column with lists, or one for each option."""
    target_is: str = ""
    """Of options: `letter`, `text`, `index` (from 0) or `number` (from 1)."""
    id: str = ""
    cluster: str = ""
    slices: tuple[str, ...] = ()
    split: str = ""
    private: tuple[str, ...] = ()
    """Values of the split whose items stay private."""
    images: tuple[str, ...] = ()
    why: Mapping[str, str] = field(default_factory=dict, compare=False)
    """A reason by the name of the role, where it is not the column's name."""


def guess_roles(profile: Profile) -> Roles:
    """Return the roles that names and values suggest; what stays open is for the author."""
    columns = {one.name: one for one in profile.columns if one.kind != "empty"}
    left = dict(columns)
    why: dict[str, str] = {}
    images = tuple(name for name, one in columns.items() if one.kind == "image")
    for name in images:
        del left[name]
    options = _guess_options(left)
    for name in options:
        left.pop(name, None)
    split, private = _guess_split(left)
    left.pop(split, None)
    id = _guess_id(left)
    left.pop(id, None)
    answer = _best_named(left, _ANSWERS) or _guess_answer(left, columns, options)
    left.pop(answer, None)
    question = _best_named(left, _QUESTIONS) or _longest(left)
    left.pop(question, None)
    cluster = _guess_cluster(left, profile)
    asked = (cluster, question) if cluster and left[cluster].mean_length > 80 else (question,)
    left.pop(cluster, None)
    slices = tuple(name for name, one in left.items() if _is_slice(one, profile))[:_MAX_SLICES]
    after = ""
    if answer and (mark := columns[answer].marks.common()) is not None:
        after, count = mark
        why["after"] = f"{count:,} answers end in `{after} number`"
    target_is = _target_form(columns.get(answer), options, columns)
    kind = _guess_kind(columns.get(answer), options if target_is else (), after, profile)
    return Roles(
        kind=kind,
        question=tuple(name for name in asked if name),
        answer=answer,
        after=after,
        options=options if kind == "choices" else (),
        target_is=target_is if kind == "choices" else "",
        id=id,
        cluster=cluster,
        slices=slices,
        split=split,
        private=private,
        images=images,
        why=why,
    )


def check_roles(roles: Roles, columns: Collection[str]) -> None:
    """Refuse roles that make no task. Raises `InvalidInput` with every problem."""
    problems = []
    named = {
        "question": roles.question,
        "answer": (roles.answer,),
        "options": roles.options,
        "id": (roles.id,),
        "cluster": (roles.cluster,),
        "slices": roles.slices,
        "split": (roles.split,),
        "images": roles.images,
    }
    for role, names in named.items():
        problems += [
            Problem(f"there is no column {name!r}", role)
            for name in names
            if name and name not in columns
        ]
    if not roles.question and not roles.images:
        problems.append(Problem("choose the column that is asked", "question"))
    if not roles.answer and roles.kind != "judge":
        problems.append(Problem("choose the column with the right answer", "answer"))
    if roles.answer and roles.answer in roles.question:
        problems.append(
            Problem("the answer would be a part of the question; choose another column", "answer")
        )
    if roles.kind == "choices" and not roles.options:
        problems.append(Problem("choose the columns with the options", "options"))
    if roles.split and not roles.private:
        problems.append(Problem("choose which of its values are private", "private"))
    if problems:
        raise InvalidInput(problems)


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-zäöü])(?=[A-Z])", " ", name)
    return [one for one in re.split(r"[\W_]+", spaced.lower()) if one]


def _best_named(columns: Mapping[str, ColumnProfile], wanted: Sequence[str]) -> str:
    """Return the column with the earliest of the wanted names, whole names before words in them."""
    for match in (lambda name, word: name == word, lambda name, word: word in _words(name)):
        for word in wanted:
            for name in columns:
                if match(name.lower().strip(), word):
                    return name
    return ""


def _guess_options(columns: Mapping[str, ColumnProfile]) -> tuple[str, ...]:
    """Return a column of lists, or a series of columns with the letters or numbers of options."""
    for name, column in columns.items():
        if column.kind in {"list", "object"} and any(word in _OPTIONS for word in _words(name)):
            return (name,)
    series: dict[str, list[tuple[str, str]]] = {}
    for name in columns:
        if found := _OPTION.fullmatch(name.strip()):
            series.setdefault(name[: found.start(1)].lower(), []).append((found[1].lower(), name))
    for found_columns in series.values():
        marks = sorted(mark for mark, _name in found_columns)
        letters = list(LETTERS[: len(marks)].lower())
        numbers = {str(n) for n in range(len(marks))}, {str(n + 1) for n in range(len(marks))}
        if len(marks) >= 2 and (marks == letters or set(marks) in numbers):
            ordered = sorted(found_columns, key=lambda one: (len(one[0]), one[0]))
            return tuple(name for _mark, name in ordered)
    return ()


def _guess_split(columns: Mapping[str, ColumnProfile]) -> tuple[str, tuple[str, ...]]:
    for name, column in columns.items():
        if any(word in _SPLITS for word in _words(name)) and 2 <= column.distinct <= 10:
            private = tuple(one for one in column.values if one.lower().strip() in _PRIVATE)
            public = any(one.lower().strip() not in _PRIVATE for one in column.values)
            if private and public and not column.blank:
                return name, private
    return "", ()


def _guess_id(columns: Mapping[str, ColumnProfile]) -> str:
    for name, column in columns.items():
        words = _words(name)
        is_named = name.lower().strip() in _IDS or (words and words[-1] in {"id", "uid", "uuid"})
        if is_named and column.is_unique and column.longest <= 200:
            return name
    return ""


def _guess_answer(
    left: Mapping[str, ColumnProfile],
    columns: Mapping[str, ColumnProfile],
    options: tuple[str, ...],
) -> str:
    """Return the column that can only be the answer: an option of each row, or the last."""
    for name, column in left.items():
        if options and _target_form(column, options, columns):
            return name
    texts = [name for name, one in left.items() if one.kind in {"text", "number", "mixed"}]
    return texts[-1] if len(texts) == 2 else ""


def _longest(columns: Mapping[str, ColumnProfile]) -> str:
    texts = [one for one in columns.values() if one.kind in {"text", "mixed", "list"}]
    return max(texts, key=lambda one: one.mean_length).name if texts else ""


def _guess_cluster(columns: Mapping[str, ColumnProfile], profile: Profile) -> str:
    """Return a column whose values repeat, two rows a value or more on average, by its name."""
    for name, column in columns.items():
        is_named = any(word in _CLUSTERS for word in _words(name)) or name.lower() in _CLUSTERS
        if is_named and 1 < column.distinct <= profile.rows / 1.5 and column.repeated:
            return name
    return ""


def _is_slice(column: ColumnProfile, profile: Profile) -> bool:
    if not 2 <= column.distinct <= _MAX_SLICE_VALUES or column.blank or column.longest > 80:
        return False
    if any(word in _SLICES for word in _words(column.name)):
        return column.distinct < profile.rows
    return column.kind == "text" and column.distinct <= profile.rows / 5


def _target_form(
    answer: ColumnProfile | None, options: tuple[str, ...], columns: Mapping[str, ColumnProfile]
) -> str:
    """Return how the answer names an option; empty if it seems to name none."""
    if answer is None or not options or not answer.values:
        return ""
    most = len(options) if len(options) > 1 else max(columns[options[0]].lengths, default=4)
    given = [one.strip() for one in answer.values]
    if all(len(one) == 1 and one.upper() in LETTERS[:most] for one in given):
        return "letter"
    if all(one.isdecimal() for one in given):
        numbers = {int(one) for one in given}
        if min(numbers) == 0 and max(numbers) < most:
            return "index"
        if min(numbers) >= 1 and max(numbers) <= most:
            return "number"
    return "text"


def _guess_kind(
    answer: ColumnProfile | None, options: tuple[str, ...], after: str, profile: Profile
) -> Kind:
    if answer is None:
        return "judge"
    if options:
        return "choices"
    if after or answer.kind == "number":
        return "number"
    if answer.kind == "object":
        return "json"
    few = 2 <= answer.distinct <= _MAX_CLASSES and answer.longest <= 60
    if few and profile.rows >= 5 * answer.distinct:
        return "classes"
    return "answer"
