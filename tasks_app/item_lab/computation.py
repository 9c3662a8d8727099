"""Computing the analysis of a version's items, for everyone and for the task's people.

The numbers come from `plumbmark.scoring.item_analysis`; this module reads what they need. A row is
the newest completed run of a contender. Matrices have at most `MAX_CELLS` cells, because a job
takes about 50 bytes of memory for each: of more runs, the newest count.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from plumbmark.scoring import item_analysis as statistics
from plumbmark.scoring.item_analysis import Floats, KeyDoubt
from plumbmark.scoring.near_duplicates import MAX_TEXTS, find_near_duplicates
from tasks_app.item_lab import columns
from tasks_app.kinds import kind_of
from tasks_app.models import (
    Item,
    ItemAnalysis,
    Run,
    SampleScore,
    Scoring,
    TaskVersion,
)
from tasks_app.models.tasks import Visibility
from tasks_app.scorings.packed_scores import VectorReader

FORMAT = 1
"""Of the content of an analysis; another one is computed anew."""
MAX_CELLS = 5_000_000
"""Rows times items of one matrix."""
MAX_ROWS = 500
MAX_DOUBTFUL = 500
"""Items whose answers are compared, those that strong rows get wrong most often first."""
MAX_STRONG = 25
"""Rows whose answers are compared, the best ones."""
MAX_PAIRS = 2_000
"""Pairs of near-duplicates that are stored, the most similar ones first."""

_MAX_ANSWER = 200
"""Characters of an answer that are compared."""
_SHORT = 120
"""Characters of a text in which a single sign makes another question: 3 + 4 is not 3 - 4."""

Pairs = list[list[Any]]


@dataclass(frozen=True, slots=True)
class ComputedAnalysis:
    """The content and columns of an `ItemAnalysis`."""

    content: dict[str, Any]
    columns: bytes


def analyse_items(version: TaskVersion) -> Mapping[str, ComputedAnalysis]:
    """Return the analyses of a version by audience.

    None for programs, whose items are made by each run, and where the content was withdrawn. That
    of the members is made only where it can differ: with private items, or on a private task.
    """
    if kind_of(version).runs_program or version.is_withheld:
        return {}
    items = list(
        version.items.only(
            "version_id", "position", "split", "input", "choices", "attachments"
        ).order_by("position")
    )
    stored = {one.audience: one for one in version.item_analyses.all()}
    found: dict[str, ComputedAnalysis] = {}
    for audience in audiences_of(version):
        is_public = audience == ItemAnalysis.AnalysisAudience.EVERYONE
        places = [
            place
            for place, item in enumerate(items)
            if not is_public or item.split == Item.Split.PUBLIC
        ]
        found[audience] = _Analysis(
            version,
            [items[place] for place in places],
            _rows_of(version, audience, len(items)),
            stored.get(audience),
        ).compute()
    return found


def audiences_of(version: TaskVersion) -> list[str]:
    """Return for whom a version is analysed."""
    audiences = [ItemAnalysis.AnalysisAudience.EVERYONE.value]
    if version.private_item_count or version.task.visibility == Visibility.PRIVATE:
        audiences.append(ItemAnalysis.AnalysisAudience.MEMBERS.value)
    return audiences


def runs_to_analyse(version: TaskVersion, audience: str) -> QuerySet[Run]:
    """Return the completed, valid runs of a version's questions that the audience may see.

    For everyone, these are declared runs on published versions of the task; on a private task, on
    the versions that stayed visible. The people of a private task have their own runs too.
    """
    task = version.task
    runs = Run.objects.filter(
        task_version__task=task,
        question_hash=version.question_hash,
        state=Run.State.COMPLETED,
        invalid_reason="",
    )
    declared = Q(purpose=Run.Purpose.DECLARED)
    if audience == ItemAnalysis.AnalysisAudience.EVERYONE:
        runs = runs.filter(declared, task_version__state=TaskVersion.State.PUBLISHED)
        if task.visibility == Visibility.PRIVATE:
            runs = runs.filter(Q(task_version=version) | Q(task_version__pinned_at__isnull=False))
        return runs
    if task.visibility == Visibility.PRIVATE:
        declared |= Q(purpose=Run.Purpose.EXPLORATORY, namespace=task.namespace_id)
    return runs.filter(declared)


@dataclass(frozen=True, slots=True)
class _ComparedRows:
    """The scorings that are compared, newest first, and how many more there were."""

    scorings: Sequence[Scoring]
    left_out: int


def _rows_of(version: TaskVersion, audience: str, items: int) -> _ComparedRows:
    """Return the newest completed scoring by this version of each contender's newest run."""
    runs = runs_to_analyse(version, audience)
    newest: dict[int, Scoring] = {}
    scorings = Scoring.objects.filter(
        run__in=runs.values("pk"), task_version=version, state=Scoring.State.COMPLETED
    ).select_related("run")
    for scoring in scorings.order_by("-run_id", "-revision", "-id"):
        newest.setdefault(scoring.run.contender_id, scoring)
    found = list(newest.values())
    for scoring in found:
        scoring.task_version = version
    most = max(1, min(MAX_ROWS, MAX_CELLS // max(items, 1)))
    return _ComparedRows(found[:most], max(0, len(found) - most))


class _Analysis:
    """One analysis, of the given items over the given rows."""

    def __init__(
        self,
        version: TaskVersion,
        items: Sequence[Item],
        rows: _ComparedRows,
        stored: ItemAnalysis | None,
    ) -> None:
        self._version = version
        self._items = items
        self._rows = rows
        self._stored = stored
        self._has_scale = version.metric_lower is not None and version.metric_upper is not None

    def compute(self) -> ComputedAnalysis:
        scores = self._read_scores()
        records = columns.new_records(len(self._items))
        records["position"] = [item.position for item in self._items]
        content: dict[str, Any] = {
            "format": FORMAT,
            "items": len(self._items),
            "rows": [
                {"contender": one.run.contender_id, "run": one.run_id, "repeats": one.run.repeats}
                for one in self._rows.scorings
            ],
            "rows_left_out": self._rows.left_out,
            "has_scale": self._has_scale,
            "fitted": False,
            "saturation": None,
            "doubts": {},
        }
        if len(self._rows.scorings):
            self._add_statistics(scores, records, content)
        pairs, pair_count = self._find_duplicates()
        content["duplicates"], content["duplicate_pairs"] = pairs, pair_count
        places = {item.position: place for place, item in enumerate(self._items)}
        for first, second, _similarity in pairs:
            records["flags"][[places[first], places[second]]] |= columns.NEAR_DUPLICATE
        content["counts"] = {
            "all_right": _count(records, columns.ALL_RIGHT),
            "none_right": _count(records, columns.NONE_RIGHT),
            "key_doubts": _count(records, columns.KEY_DOUBT),
            "near_duplicates": _count(records, columns.NEAR_DUPLICATE),
            "only_one": _count(records, columns.ONLY_ONE),
        }
        return ComputedAnalysis(content, records.tobytes())

    def _read_scores(self) -> Floats:
        """Return the scores from 0 to 1, a row for each scoring and a column for each item."""
        scores = np.full((len(self._rows.scorings), len(self._items)), np.nan)
        places = np.array([item.position for item in self._items], np.int64)
        vectors = VectorReader().read(self._rows.scorings)
        for number, scoring in enumerate(self._rows.scorings):
            means = vectors[scoring.pk].means
            asked = places < len(means)
            scores[number, asked] = means[places[asked]]
        return statistics.scale_scores(
            scores,
            lower=self._version.metric_lower,
            upper=self._version.metric_upper,
            higher_is_better=self._version.metric_direction != "lower",
        )

    def _add_statistics(
        self, scores: Floats, records: columns.Records, content: dict[str, Any]
    ) -> None:
        records["rows"] = np.isfinite(scores).sum(axis=0)
        records["difficulty"] = statistics.difficulties(scores)
        records["discrimination"] = statistics.discriminations(scores)
        if not self._has_scale:
            # Without an end of the scale nothing is wholly right or wholly wrong.
            return
        flags = records["flags"]
        flags[statistics.all_right(scores)] |= columns.ALL_RIGHT
        flags[statistics.none_right(scores)] |= columns.NONE_RIGHT
        records["only"] = statistics.only_right_row(scores)
        flags[records["only"] >= 0] |= columns.ONLY_ONE
        fit = statistics.fit_logistic(scores)
        if fit is not None:
            records["slope"], records["place"] = fit.discrimination, fit.difficulty
            content["fitted"] = True
            content["fit_converged"] = fit.converged
        content["saturation"] = asdict(statistics.measure_saturation(scores))
        for place, document in self._doubts(scores):
            flags[place] |= columns.KEY_DOUBT
            content["doubts"][str(self._items[place].position)] = document

    def _doubts(self, scores: Floats) -> Iterator[tuple[int, dict[str, Any]]]:
        """Return the items whose key strong rows speak against, with their answer's place."""
        strong = statistics.strong_rows(scores)[:MAX_STRONG]
        doubtful = statistics.doubtful_items(scores, strong, most=MAX_DOUBTFUL)
        if not doubtful:
            return
        answers = [self._answers_of(row, doubtful) for row in strong]
        for place in doubtful:
            compared = [
                (found[place][0], float(scores[row, place]), found[place][1], row)
                for row, found in zip(strong, answers, strict=True)
                if place in found and np.isfinite(scores[row, place])
            ]
            doubt = statistics.doubt_key([(text, score) for text, score, *_ in compared])
            if doubt is not None:
                yield place, _doubt_document(doubt, compared)

    def _answers_of(self, row: int, places: Sequence[int]) -> dict[int, tuple[str, int]]:
        """Return the first answer of a row to each item, with the id of its score. One query."""
        scoring = self._rows.scorings[row]
        repeats = scoring.run.repeats
        ordinals = {self._items[place].position * repeats: place for place in places}
        found = (
            SampleScore.objects.filter(
                scoring=scoring, sample__run=scoring.run_id, sample__ordinal__in=ordinals
            )
            .annotate(beginning=Left("answer", _MAX_ANSWER))
            .values_list("sample__ordinal", "beginning", "pk")
        )
        return {ordinals[ordinal]: (text, pk) for ordinal, text, pk in found}

    def _find_duplicates(self) -> tuple[Pairs, int]:
        """Return pairs of positions with their similarity, and how many there are in total.

        The items of a version never change, so what an earlier analysis of them found stays true.
        """
        before = self._stored.content if self._stored is not None else {}
        if before.get("format") == FORMAT and before.get("items") == len(self._items):
            return before["duplicates"], before["duplicate_pairs"]
        items = self._items[:MAX_TEXTS]
        texts = [text_of_item(item) for item in items]
        found = [
            pair
            for pair in find_near_duplicates(texts)
            if _is_same_question(items[pair.first], items[pair.second], texts, pair)
        ]
        pairs: Pairs = [
            [items[one.first].position, items[one.second].position, round(one.similarity, 4)]
            for one in found[:MAX_PAIRS]
        ]
        return pairs, len(found)


def _count(records: columns.Records, flag: int) -> int:
    return int(np.count_nonzero(records["flags"] & flag))


def _doubt_document(
    doubt: KeyDoubt, compared: Sequence[tuple[str, float, int, int]]
) -> dict[str, Any]:
    """Return a doubt as it is stored: the id of a score with the answer, never its text."""
    shown = next(one for one in compared if one[1] == 0.0 and one[0].strip() == doubt.answer)
    return {
        "score": shown[2],
        "row": shown[3],
        "agreeing": doubt.agreeing,
        "strong": doubt.strong,
        "right": doubt.right,
    }


def text_of_item(item: Item) -> str:
    """Return what an item asks as one text: its columns and its options."""
    return "\n".join([*_texts_in(item.input), *_texts_in(item.choices)])


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner)
    elif value is not None:
        yield str(value)


def _is_same_question(one: Item, other: Item, texts: Sequence[str], pair: Any) -> bool:
    """Return whether two items of alike words ask the same: with the same images and audio, and, if
    they are short, with the same signs.
    """
    if [file["sha256"] for file in one.attachments] != [
        file["sha256"] for file in other.attachments
    ]:
        return False
    first, second = texts[pair.first], texts[pair.second]
    if max(len(first), len(second)) > _SHORT:
        return True
    return _signs(first) == _signs(second)


def _signs(text: str) -> list[str]:
    return [one for one in text if unicodedata.category(one).startswith("S") or one in "-*/%^&"]
