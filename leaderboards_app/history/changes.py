"""Changes between two snapshots of a board, row by row. Pure: contents in, changes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from leaderboards_app.board.arrangement import choose_scope
from leaderboards_app.board.rows import Row, format_rank
from plumbmark.scoring.relevance import is_practically_equal
from plumbmark.web.numbers import format_score

MAX_POINTS = 200
"""Rows of a snapshot that its summary keeps for the figures of a board over time."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that is new, gone, or differs in score, rank or status. Texts as a page shows them."""

    label: str
    kind: str
    """`new`, `gone` or `changed`."""
    score_before: str
    score_after: str
    rank_before: str
    rank_after: str
    status_before: str
    status_after: str
    is_practically_equal: bool = False
    """The score changed by less than the smallest difference that matters."""

    @property
    def has_other_score(self) -> bool:
        return self.score_before != self.score_after

    @property
    def has_other_rank(self) -> bool:
        return self.rank_before != self.rank_after


def list_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[RowChange]:
    """Return the rows that differ, in the order of the later snapshot, then those that are gone.

    Rows are the same if their contenders are, so that versions of a benchmark can be compared too.
    """
    scope = choose_scope(after, "")
    old = {row["contender"]["id"]: row for row in before["rows"]}
    found = []
    for row in after["rows"]:
        change = _compare(old.pop(row["contender"]["id"], None), row, before, after, scope)
        if change is not None:
            found.append(change)
    for row in old.values():
        gone = _compare(row, None, before, after, scope)
        if gone is not None:
            found.append(gone)
    return found


def _compare(
    old: Row | None,
    new: Row | None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    scope: str,
) -> RowChange | None:
    shown = new or old
    assert shown is not None
    change = RowChange(
        label=shown["contender"]["label"],
        kind="changed" if old and new else "new" if new else "gone",
        score_before=_score(old, before),
        score_after=_score(new, after),
        rank_before=_rank(old, scope),
        rank_after=_rank(new, scope),
        status_before=old["status"] if old else "",
        status_after=new["status"] if new else "",
        is_practically_equal=_is_small_change(old, new, before, after),
    )
    is_same = (
        change.kind == "changed"
        and not change.has_other_score
        and not change.has_other_rank
        and change.status_before == change.status_after
    )
    return None if is_same else change


def _is_small_change(
    old: Row | None, new: Row | None, before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    earlier, later = (row["score"]["value"] if row and row["score"] else None for row in (old, new))
    if earlier is None or later is None or earlier == later or before["metric"] != after["metric"]:
        return False
    return is_practically_equal(later - earlier, after.get("smallest_difference"))


def _score(row: Row | None, content: Mapping[str, Any]) -> str:
    if row is None or row["score"] is None:
        return ""
    return format_score(row["score"]["value"], content["metric"])


def _rank(row: Row | None, scope: str) -> str:
    rank = row["ranks"][scope] if row else None
    return format_rank(rank["best"], rank["worst"]) if rank else ""


def summarise(content: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the history of a board needs of a snapshot: counts of changes, and its points.

    `points` has `[contender id, label, value, best rank, worst rank]` of the first ranked rows.
    `before` is the content of the snapshot before, None for the first.
    """
    scope = choose_scope(content, "")
    points: list[Sequence[Any]] = []
    for row in content["rows"]:
        rank = row["ranks"][scope]
        if row["status"] == "ranked" and rank and row["score"]["value"] is not None:
            contender = row["contender"]
            ends = rank["best"], rank["worst"]
            points.append([contender["id"], contender["label"], row["score"]["value"], *ends])
    changes = list_changes(before or {"rows": [], "metric": content["metric"]}, content)
    return {"points": points[:MAX_POINTS], "changes": count_changes(changes)}


def count_changes(changes: Sequence[RowChange]) -> dict[str, int]:
    """Return how many rows are new or gone, and how many have another score or rank."""
    return {
        "new": sum(one.kind == "new" for one in changes),
        "gone": sum(one.kind == "gone" for one in changes),
        "scores": sum(one.kind == "changed" and one.has_other_score for one in changes),
        "ranks": sum(one.kind == "changed" and one.has_other_rank for one in changes),
    }


def describe_counts(changes: Mapping[str, int]) -> str:
    """Return the counts of a summary in words; empty if no row changed."""
    counts = [
        (changes["new"], ngettext("%(n)d new row", "%(n)d new rows", changes["new"])),
        (changes["gone"], ngettext("%(n)d row gone", "%(n)d rows gone", changes["gone"])),
        (changes["scores"], ngettext("%(n)d score", "%(n)d scores", changes["scores"])),
        (changes["ranks"], ngettext("%(n)d rank", "%(n)d ranks", changes["ranks"])),
    ]
    parts = [text % {"n": count} for count, text in counts if count]
    return ", ".join(parts) or _("no row")


_REASONS = {
    "run.queued": gettext_lazy("a run was started"),
    "run.completed": gettext_lazy("a run was completed"),
    "run.failed": gettext_lazy("a run failed"),
    "run.cancelled": gettext_lazy("a run was cancelled"),
    "run.retried": gettext_lazy("a run was repeated"),
    "run.resumed": gettext_lazy("a run was resumed"),
    "run.invalidated": gettext_lazy("a run was marked as invalid"),
    "scoring.completed": gettext_lazy("outputs were scored"),
    "entry.changed": gettext_lazy("an entry was changed"),
    "entry.invalidated": gettext_lazy("a row was marked as invalid"),
    "benchmark.published": gettext_lazy("the version was published"),
    "benchmark.corrected": gettext_lazy("the key of an item was corrected"),
    "judges.labelled": gettext_lazy("answers of judges were labelled"),
    "statistics.changed": gettext_lazy("the statistics were improved"),
}


def describe_reason(reason: str) -> str:
    """Return why a snapshot was made, in words: `reason` has names of events, with commas."""
    names = [name for name in reason.split(", ") if name]
    return ", ".join(str(_REASONS.get(name, name)) for name in names)
