"""Asking for analyses of items, and storing them."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef

from plumbmark.common.clock import now
from plumbmark.common.queue import enqueue
from tasks_app.item_lab.computation import analyse_items
from tasks_app.models import AnalysisRefresh, ItemAnalysis, Scoring, TaskVersion

REFRESH = "tasks_app.item_lab.jobs.refresh_analyses"
_MISSING_AT_ONCE = 200


def request_analyses(version_ids: Iterable[int]) -> None:
    """Note that versions are due to be analysed. Requests for one coalesce."""
    is_new = False
    for version_id in version_ids:
        is_new = True
        try:
            with transaction.atomic():
                AnalysisRefresh.objects.create(version_id=version_id, requested_at=now())
        except IntegrityError:
            AnalysisRefresh.objects.filter(pk=version_id).update(requests=F("requests") + 1)
    if is_new:
        enqueue(REFRESH, merges=True)


def request_missing_analyses() -> int:
    """Request analyses of versions that have scores and none yet; return how many. Those that were
    scored before there were analyses get theirs so.
    """
    scored = Scoring.objects.filter(task_version=OuterRef("pk"), state=Scoring.State.COMPLETED)
    missing = TaskVersion.objects.filter(
        Exists(scored),
        kind=TaskVersion.Kind.DECLARATIVE,
        withheld_at__isnull=True,
        item_analyses__isnull=True,
        analysis_refresh__isnull=True,
    )
    ids = list(missing.order_by("pk").values_list("pk", flat=True)[:_MISSING_AT_ONCE])
    request_analyses(ids)
    return len(ids)


def refresh_analysis(version: TaskVersion) -> int:
    """Analyse a version that is due; return how many analyses were stored.

    A request that came while computing leaves it due.
    """
    refresh = AnalysisRefresh.objects.filter(version=version).first()
    seen = refresh.requests if refresh else 0
    found = analyse_items(version)
    at = now()
    with transaction.atomic():
        # Its content may have been withdrawn meanwhile.
        locked = TaskVersion.objects.select_for_update().get(pk=version.pk)
        AnalysisRefresh.objects.filter(version=version, requests=seen).delete()
        if locked.is_withheld:
            found = {}
        version.item_analyses.exclude(audience__in=list(found)).delete()
        for audience, one in found.items():
            ItemAnalysis.objects.update_or_create(
                version=version,
                audience=audience,
                defaults={"content": one.content, "columns": one.columns, "computed_at": at},
            )
    return len(found)
