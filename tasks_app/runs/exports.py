"""The samples of a run as a table, for pages and for the API alike."""

from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from plumbmark.common.table_files import Cell, Column, TableFile
from plumbmark.web.downloads import respond_with_table
from tasks_app.models import Run, Sample
from tasks_app.permissions import can_view_private_items
from tasks_app.runs.queries import current_scoring, run_at, samples_of, with_scores

_COLUMNS = (
    Column("ordinal", "integer"),
    Column("item"),
    Column("repeat", "integer"),
    Column("split"),
    Column("outcome"),
    Column("is_scored", "boolean"),
    Column("score", "number"),
    Column("answer"),
    Column("output"),
    Column("output_withheld", "boolean"),
    Column("error"),
    Column("input_tokens", "integer"),
    Column("output_tokens", "integer"),
    Column("provider_cost_usd", "number"),
    Column("latency_ms", "integer"),
    Column("finished_at"),
)
_FIELDS = (
    "ordinal",
    "repeat",
    "outcome",
    "is_scored",
    "output",
    "error",
    "input_tokens",
    "output_tokens",
    "provider_cost",
    "latency_ms",
    "finished_at",
    "withheld_at",
    "item__key",
    "item__split",
    "item__withheld_at",
)
_AT_ONCE = 20
"""Samples in memory together: an output may have megabytes."""


def respond_with_samples(request: HttpRequest, run_id: int, extension: str) -> HttpResponseBase:
    """Return the samples of a run that the reader may see, with their current scores."""
    run = run_at(run_id=run_id, to=request.user)
    response = respond_with_table(
        request, samples_table(run, request), extension, expected_rows=run.samples_done
    )
    response["Cache-Control"] = "no-store"
    return response


def samples_table(run: Run, request: HttpRequest) -> TableFile:
    """Return the table of a run's samples."""
    version, scoring = run.task_version, current_scoring(run)
    samples = with_scores(samples_of(run, to=request.user), scoring).only(*_FIELDS)
    has_all = not version.private_item_count or can_view_private_items(request.user, version.task)
    return TableFile(
        name=f"run-{run.pk}-samples",
        columns=_COLUMNS,
        rows=_rows(samples.iterator(chunk_size=_AT_ONCE)),
        canary=version.canary,
        facts={
            "run": run.pk,
            "url": settings.SITE_URL + run.get_absolute_url(),
            "task": f"{version.task.namespace.handle}/{version.task.slug}",
            "task_version": version.number,
            "contender": run.contender.label,
            "contender_id": run.contender.public_id,
            "state": run.state,
            "invalid_reason": run.invalid_reason,
            "question_hash": run.question_hash,
            "marking_hash": scoring.marking_hash if scoring else run.marking_hash,
            "estimate": scoring.estimate if scoring else None,
            "private_items": "included"
            if has_all
            else "left out: they are shown to those who may see the task's private items",
        },
    )


def _rows(samples: Iterator[Sample]) -> Iterator[list[Cell]]:
    for sample in samples:
        is_withheld = sample.is_withheld or sample.item.is_withheld
        answer = getattr(sample, "answer", None)
        yield [
            sample.ordinal,
            sample.item.key,
            sample.repeat,
            sample.item.split,
            sample.outcome,
            sample.is_scored,
            getattr(sample, "value", None),
            None if is_withheld else answer,
            None if is_withheld else sample.output,
            is_withheld,
            sample.error,
            sample.input_tokens,
            sample.output_tokens,
            sample.provider_cost / 1e9,
            sample.latency_ms,
            sample.finished_at.isoformat(),
        ]
