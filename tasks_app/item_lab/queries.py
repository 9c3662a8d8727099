"""Reads of analyses of items: one stored row, and the texts of a page of items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models.functions import Left
from numpy.typing import NDArray

from plumbmark.accounts.permissions import Visitor
from tasks_app.authoring.queries import items_of
from tasks_app.item_lab import columns
from tasks_app.item_lab.computation import FORMAT, text_of_item
from tasks_app.models import Contender, Item, ItemAnalysis, SampleScore, TaskVersion
from tasks_app.models.tasks import Visibility
from tasks_app.permissions import can_view_private_items

SELECTIONS: Mapping[str, int] = {
    "all": 0,
    "all-right": columns.ALL_RIGHT,
    "none-right": columns.NONE_RIGHT,
    "suspected-keys": columns.KEY_DOUBT,
    "near-duplicates": columns.NEAR_DUPLICATE,
    "only-one": columns.ONLY_ONE,
}
"""The flag that an item needs, by the name of the selection; 0: every item."""

ORDERS: Mapping[str, tuple[str, bool]] = {
    "position": ("position", False),
    "hardest": ("difficulty", False),
    "easiest": ("difficulty", True),
    "least-discriminating": ("discrimination", False),
    "most-discriminating": ("discrimination", True),
}
"""The field that items are ordered by, and whether large values come first. Items without a value
come last."""

_MAX_ANSWER = 200
_MAX_DUPLICATES = 10
"""Near-duplicates that are named with an item."""


@dataclass(frozen=True, eq=False)
class StoredAnalysis:
    """An analysis as it is stored, of the items that its reader may see."""

    version: TaskVersion
    audience: str
    content: Mapping[str, Any]
    records: columns.Records
    computed_at: datetime

    @property
    def counts(self) -> Mapping[str, int]:
        found: Mapping[str, int] = self.content["counts"]
        return found

    @property
    def row_count(self) -> int:
        return len(self.content["rows"])

    def places(self, selection: str, order: str) -> NDArray[np.int64]:
        """Return the places of the selected records, in an order; ties by position."""
        flag = SELECTIONS[selection]
        found = (
            np.arange(len(self.records))
            if flag == 0
            else np.flatnonzero(self.records["flags"] & flag)
        )
        name, descending = ORDERS[order]
        if name == "position":
            return found.astype(np.int64)
        values = self.records[name][found].astype(float)
        # NaN sorts last.
        by_value = np.lexsort((found, -values if descending else values))
        return found[by_value].astype(np.int64)


@dataclass(frozen=True, slots=True)
class AnalysedItem:
    """One item with its numbers; None where there is none."""

    item: Item
    text: str
    """The question as one text; empty where the content was withdrawn."""
    rows: int
    difficulty: float | None
    discrimination: float | None
    slope: float | None
    place: float | None
    all_right: bool
    none_right: bool
    only: Contender | None
    """The row that alone has it right."""
    doubt: "KeyDoubtFound | None"
    duplicates: Sequence[tuple[int, float]]
    """Positions of near-duplicates with their similarity, most similar first."""
    run: int | None
    """A run with an answer to it: that of the doubt, of the only row, or the newest."""
    ordinal: int | None
    """Of its first sample in that run."""


@dataclass(frozen=True, slots=True)
class KeyDoubtFound:
    """A sign that the key is wrong, with the answer that strong rows agree on."""

    answer: str
    """Empty where it is withheld."""
    agreeing: int
    strong: int
    right: int


def analysis_of(version: TaskVersion, *, to: Visitor) -> StoredAnalysis | None:
    """Return the analysis that the visitor may see; None if none is stored. One query.

    Only who may see private items gets the one with them. `version` has its task with the
    namespace, and the visitor may see it.
    """
    if version.is_withheld:
        return None
    audiences = [ItemAnalysis.AnalysisAudience.EVERYONE]
    if can_view_private_items(to, version.task) and (
        version.private_item_count or version.task.visibility == Visibility.PRIVATE
    ):
        # That of everyone takes its place until the other one is computed.
        audiences.append(ItemAnalysis.AnalysisAudience.MEMBERS)
    found = (
        ItemAnalysis.objects.filter(version=version, audience__in=audiences)
        .order_by("-audience")
        .first()
    )
    if found is None or found.content.get("format") != FORMAT:
        return None
    try:
        records = columns.read_records(found.columns)
    except columns.BadColumnsError:
        return None
    return StoredAnalysis(version, found.audience, found.content, records, found.computed_at)


def analysed_items(
    analysis: StoredAnalysis, places: Sequence[int], *, to: Visitor
) -> list[AnalysedItem]:
    """Return the items at some places of an analysis, in that order. Three queries at most."""
    records = [analysis.records[place] for place in places]
    positions = [int(record["position"]) for record in records]
    found = items_of(analysis.version, to=to).filter(position__in=positions)
    items = {item.position: item for item in found}
    rows = analysis.content["rows"]
    doubts = analysis.content["doubts"]
    only_ids = {rows[record["only"]]["contender"] for record in records if record["only"] >= 0}
    contenders = Contender.objects.in_bulk(only_ids) if only_ids else {}
    score_ids = [doubts[str(one)]["score"] for one in positions if str(one) in doubts]
    answers = _read_answers(score_ids)
    duplicates = _duplicates_of(analysis.content["duplicates"], set(positions))
    return [
        _analysed_item(
            record,
            items[position],
            rows,
            contenders,
            doubts.get(str(position)),
            answers,
            duplicates.get(position, []),
        )
        for position, record in zip(positions, records, strict=True)
        if position in items
    ]


def _read_answers(score_ids: Sequence[int]) -> dict[int, str]:
    if not score_ids:
        return {}
    scores = SampleScore.objects.filter(pk__in=score_ids).annotate(
        beginning=Left("answer", _MAX_ANSWER)
    )
    return dict(scores.values_list("pk", "beginning"))


def _duplicates_of(
    pairs: Sequence[Sequence[Any]], positions: set[int]
) -> dict[int, list[tuple[int, float]]]:
    found: dict[int, list[tuple[int, float]]] = {}
    for first, second, similarity in pairs:
        for one, other in ((first, second), (second, first)):
            if one in positions and len(found.setdefault(one, [])) < _MAX_DUPLICATES:
                found[one].append((other, similarity))
    return found


def _analysed_item(
    record: Any,
    item: Item,
    rows: Sequence[Mapping[str, Any]],
    contenders: Mapping[int, Contender],
    doubt: Mapping[str, Any] | None,
    answers: Mapping[int, str],
    duplicates: Sequence[tuple[int, float]],
) -> AnalysedItem:
    flags, only = int(record["flags"]), int(record["only"])
    row = rows[doubt["row"]] if doubt else rows[only] if only >= 0 else rows[0] if rows else None
    return AnalysedItem(
        item=item,
        text="" if item.is_withheld else text_of_item(item),
        rows=int(record["rows"]),
        difficulty=_number(record["difficulty"]),
        discrimination=_number(record["discrimination"]),
        slope=_number(record["slope"]),
        place=_number(record["place"]),
        all_right=bool(flags & columns.ALL_RIGHT),
        none_right=bool(flags & columns.NONE_RIGHT),
        only=contenders.get(rows[only]["contender"]) if only >= 0 else None,
        doubt=None
        if doubt is None
        else KeyDoubtFound(
            answer=answers.get(doubt["score"], ""),
            agreeing=doubt["agreeing"],
            strong=doubt["strong"],
            right=doubt["right"],
        ),
        duplicates=duplicates,
        run=row["run"] if row and record["rows"] else None,
        ordinal=item.position * row["repeats"] if row and record["rows"] else None,
    )


def _number(value: Any) -> float | None:
    """Return a stored number with four places, which is more than float32 and few rows tell."""
    return None if np.isnan(value) else round(float(value), 4)
