"""The public log of corrections: which row or run, what changed, who changed it and why."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks_app.models import BenchmarkVersion, Entry, EntryRun
from leaderboards_app.board.rows import format_rank
from leaderboards_app.history.changes import count_changes, describe_counts, list_changes
from leaderboards_app.models import Correction, Standings
from plumbmark.web.numbers import format_score
from tasks_app.models import Item, ItemReport, Run

Cause = Mapping[str, int]
"""What somebody marked as invalid, `{"run": id}` or `{"entry": id}`, or the accepted report of an
item, `{"report": id}`."""
ITEM_CORRECTED = "item-corrected"
"""The kind of a correction that a report of an item led to."""


def note_corrections(
    version: BenchmarkVersion,
    before: Standings | None,
    after: Standings,
    causes: Iterable[Cause],
) -> None:
    """Add a line to the log for each cause, with what it changed on this board; and one where the
    statistics changed.
    """
    if before is not None and statistics_differ(before.content, after.content):
        Correction.objects.create(
            benchmark=version.benchmark,
            kind="statistics-changed",
            change="Intervals and ranks of all rows were computed anew. The scores are the same.",
            reason=(
                f"Intervals and ranks are computed by version {after.content['statistics']} of the "
                "statistics."
            ),
            before=before,
            after=after,
        )
    for cause in causes:
        if "run" in cause:
            _note_run(version, before, after, cause["run"])
        elif "report" in cause:
            _note_report(version, after, cause["report"])
        else:
            _note_row(version, before, after, cause["entry"])


def _note_run(
    version: BenchmarkVersion, before: Standings | None, after: Standings, run_id: int
) -> None:
    run = Run.objects.select_related("contender", "invalidated_by").filter(pk=run_id).first()
    link = (
        EntryRun.objects.filter(run=run_id, entry__version=version).select_related("entry").first()
    )
    if run is None or link is None:
        return
    Correction.objects.create(
        benchmark=version.benchmark,
        kind="run-invalidated",
        row=run.contender.label[:200],
        run=run,
        change=describe_change(before, after, link.entry_id),
        reason=run.invalid_reason,
        by=run.invalidated_by,
        before=before,
        after=after,
    )


def _note_row(
    version: BenchmarkVersion, before: Standings | None, after: Standings, entry_id: int
) -> None:
    entry = Entry.objects.select_related("contender", "invalidated_by").filter(pk=entry_id).first()
    if entry is None:
        return
    Correction.objects.create(
        benchmark=version.benchmark,
        kind="row-invalidated" if entry.invalid_reason else "row-restored",
        row=entry.contender.label[:200],
        change=describe_change(before, after, entry_id),
        reason=entry.invalid_reason,
        by=entry.invalidated_by,
        before=before,
        after=after,
    )


def last_of_earlier_version(version: BenchmarkVersion) -> Standings | None:
    """Return the newest snapshot of the version that this one followed."""
    return (
        Standings.objects.filter(
            version__benchmark=version.benchmark_id, version__number__lt=version.number
        )
        .order_by("-version__number", "-number")
        .first()
    )


def _note_report(version: BenchmarkVersion, after: Standings, report_id: int) -> None:
    """Note a corrected key with all that it moved. Of a private item the log names nothing."""
    report = (
        ItemReport.objects.select_related("item", "version__task", "decided_by")
        .filter(pk=report_id)
        .first()
    )
    if report is None:
        return
    before = last_of_earlier_version(version)
    task = report.version.task.title
    is_private = report.item.split == Item.Split.PRIVATE
    item = "a private item" if is_private else f"the item {report.item.key}"
    change = f"The key of {item} of {task} was corrected, and all stored outputs were scored anew."
    if before is not None and not before.is_withheld and not after.is_withheld:
        counts = count_changes(list_changes(before.content, after.content))
        change += f" Changed: {describe_counts(counts)}."
    Correction.objects.create(
        benchmark=version.benchmark,
        kind=ITEM_CORRECTED,
        change=change,
        reason=(
            "A reader's report of the item was accepted."
            if is_private
            else report.note or report.reason
        ),
        by=report.decided_by,
        before=before,
        after=after,
    )


def statistics_differ(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether two contents were computed by different versions of the statistics."""
    return bool(before.get("statistics", 1) != after.get("statistics", 1))


def describe_change(before: Standings | None, after: Standings, entry_id: int) -> str:
    """Return what changed in a row between two snapshots, as a sentence."""
    old, new = _row_of(before, entry_id), _row_of(after, entry_id)
    if old is None or new is None:
        return "The row is new." if new else "The row was not on the board yet."
    metric = after.content["metric"]
    parts = []
    if old["status"] != new["status"]:
        parts.append(f"{old['status']} → {new['status']}")
    values = [_score(row, metric) for row in (old, new)]
    if values[0] != values[1]:
        parts.append(f"score {values[0]} → {values[1]}")
    for scope, name in (("all", "rank with submitted rows"), ("platform", "rank")):
        ranks = [_rank(row, scope) for row in (old, new)]
        if ranks[0] != ranks[1]:
            parts.append(f"{name} {ranks[0]} → {ranks[1]}")
    counted = [[run for cell in row["tasks"] for run in cell["runs"]] for row in (old, new)]
    if counted[0] != counted[1]:
        parts.append(f"counted {_runs(counted[0])} → {_runs(counted[1])}")
    if not parts:
        return "Nothing changed in the row: what was corrected did not count."
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _row_of(standings: Standings | None, entry_id: int) -> Mapping[str, Any] | None:
    rows = standings.content["rows"] if standings else ()
    return next((row for row in rows if row["entry"] == entry_id), None)


def _score(row: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    value = row["score"]["value"] if row["score"] else None
    return "none" if value is None else format_score(value, metric)


def _rank(row: Mapping[str, Any], scope: str) -> str:
    rank = row["ranks"][scope]
    if rank is None:
        return "none"
    return format_rank(rank["best"], rank["worst"])


def _runs(runs: list[int]) -> str:
    if not runs:
        return "no run"
    return f"run {runs[0]}" if len(runs) == 1 else f"runs {', '.join(map(str, runs))}"
