"""The boards that a corrected key changed, row by row, for the page of its report."""

from collections.abc import Iterable

from django.db.models import F

from benchmarks_app.permissions import can_view_version
from leaderboards_app.history.changes import list_changes
from leaderboards_app.models import Correction
from leaderboards_app.standings.corrections import ITEM_CORRECTED
from plumbmark.accounts.permissions import Visitor
from plumbmark.common.retention import withheld_note
from tasks_app.item_reports.effects import BoardMove, RowMove
from tasks_app.item_reports.permissions import can_view_report
from tasks_app.models import ItemReport

_MAX_BOARDS = 20
_MAX_ROWS = 200


def with_reports(corrections: Iterable[Correction], *, to: Visitor) -> list[Correction]:
    """Return the corrections, each with `report_url`: the page of the report that led to it, if
    there is one that the visitor may see. One query more where keys were corrected.
    """
    found = list(corrections)
    versions = {
        one.after.version_id
        for one in found
        if one.kind == ITEM_CORRECTED and one.after is not None
    }
    urls: dict[int, str] = {}
    if versions:
        reports = (
            ItemReport.objects.filter(
                resulting_version__benchmark_tasks__version__in=versions,
            )
            .select_related("item", "version__task__namespace", "resulting_version")
            .annotate(board_version=F("resulting_version__benchmark_tasks__version"))
            .order_by("decided_at")
        )
        # Of several corrected tasks of one version, the last correction made it.
        for report in reports:
            if can_view_report(to, report):
                urls[report.board_version] = report.get_absolute_url()
            else:
                urls.pop(report.board_version, None)
    for one in found:
        is_ours = one.kind == ITEM_CORRECTED and one.after is not None
        one.report_url = urls.get(one.after.version_id, "") if is_ours and one.after else ""  # type: ignore[attr-defined]
    return found


def moves_of_report(report: ItemReport, visitor: Visitor) -> list[BoardMove]:
    """Return the boards that the visitor may see; two queries, and their snapshots."""
    lines = (
        Correction.objects.filter(
            kind=ITEM_CORRECTED, after__version__tasks__task_version=report.resulting_version_id
        )
        .select_related("before", "after__version__benchmark__namespace")
        .defer("before__excerpt", "before__summary", "after__excerpt", "after__summary")
        .order_by("pk")
    )
    # Later versions of a benchmark have the corrected key too: the first brought it.
    first: dict[int, Correction] = {}
    for line in lines[: _MAX_BOARDS * 4]:
        first.setdefault(line.benchmark_id, line)
    visible = [
        line
        for line in first.values()
        if line.after is not None and can_view_version(visitor, line.after.version)
    ]
    return [_move(line) for line in visible[:_MAX_BOARDS]]


def _move(line: Correction) -> BoardMove:
    before, after = line.before, line.after
    assert after is not None
    note = next((withheld_note(one) for one in (before, after) if one and one.is_withheld), "")
    changes = []
    if not note and before is not None:
        changes = [
            RowMove(
                label=one.label,
                kind=one.kind,
                score_before=one.score_before,
                score_after=one.score_after,
                rank_before=one.rank_before,
                rank_after=one.rank_after,
            )
            for one in list_changes(before.content, after.content)
        ]
    return BoardMove(
        benchmark=after.version.benchmark.title,
        url=after.version.benchmark.get_absolute_url(),
        before=before.public_id if before else "",
        after=after.public_id,
        before_number=before.number if before else None,
        after_number=after.number,
        changes=changes[:_MAX_ROWS],
        more=max(0, len(changes) - _MAX_ROWS),
        note=note,
    )
