"""Saving a draft that several people may be writing."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from benchmarks_app.actions.authoring import compose_draft, update_benchmark
from benchmarks_app.composition.queries import fingerprint_of
from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.queries import members_of
from plumbmark.accounts.models import User
from plumbmark.common.errors import Conflict


class DraftChanged(Conflict):
    """Somebody else saved the draft since it was read."""

    code = "draft-changed"


def save_draft(
    *,
    version: BenchmarkVersion,
    fingerprint: str = "",
    facts: Mapping[str, Any] | None = None,
    content: Mapping[str, Any],
    by: User,
) -> BenchmarkVersion:
    """Save the benchmark's facts and the draft's content together, or nothing of them.

    With a `fingerprint`, only if the draft is still the one that was read.
    """
    with transaction.atomic():
        # One at a time: the second of two editors sees what the first has written.
        Benchmark.objects.select_for_update().get(pk=version.benchmark_id)
        current = BenchmarkVersion.objects.select_related("benchmark__namespace").get(pk=version.pk)
        check_fingerprint(current, fingerprint)
        if facts:
            update_benchmark(benchmark=current.benchmark, **facts, by=by)
        return compose_draft(version=current, **content, by=by)


def check_fingerprint(version: BenchmarkVersion, fingerprint: str) -> None:
    """Raise `DraftChanged` where a fingerprint is given that is no longer the draft's."""
    if fingerprint and fingerprint != fingerprint_of(version, list(members_of(version))):
        raise DraftChanged(
            "Somebody saved this draft since you read it. Read it again, and send your change with "
            "its new fingerprint."
        )
