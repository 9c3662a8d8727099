"""Versions that differ from a published one in the key of one item: the same questions, with a
marking of their own.
"""

import itertools
from typing import Any

from plumbmark.accounts.models import User
from plumbmark.common.errors import Conflict, InvalidInput, Problem
from plumbmark.common.progress import count_progress
from plumbmark.scoring.scorers import ScorerContext, build_scorer
from tasks_app.datasets.key_corrections import corrected_digest
from tasks_app.definitions import VersionHashes
from tasks_app.kinds import kind_of
from tasks_app.models import AttachmentUse, Item, TaskVersion

_CHUNK = 500
_COPIED = (
    "definition",
    "definition_text",
    "definition_format",
    "data_file_id",
    "salt",
    "item_count",
    "private_item_count",
    "repeats",
    "metric_name",
    "metric_direction",
    "metric_unit",
    "metric_lower",
    "metric_upper",
)
"""The salt too: hashes of private questions would differ otherwise."""


def check_target(version: TaskVersion, item: Item, target: Any) -> None:
    """Refuse a key that no answer could match, as the import of a data file does."""
    if item.target == target:
        raise InvalidInput([Problem("is the right answer that the item has already", "target")])
    definition = kind_of(version).definition
    context = ScorerContext(item.key, item.choices or (), definition.prompt.shuffle_seed)
    for spec in definition.scorers:
        problem = build_scorer(spec.as_spec()).target_problem(target, context)
        if problem:
            if len(definition.scorers) > 1:
                problem += f" (for the scorer {spec.name})"
            raise InvalidInput([Problem(problem, "target")])


def build_corrected_version(
    base: TaskVersion, item: Item, target: Any, *, report: str, by: User
) -> TaskVersion:
    """Build a copy of a version with another key of one item, ready and not published.

    `report` is the public id of the report that asked for it. Items are written in chunks into a
    version that nobody sees. Raise `Conflict` if the questions' hash would not stay the same.
    """
    version = TaskVersion.objects.create(
        task=base.task,
        kind=base.kind,
        source_digest=corrected_digest(base.source_digest, report),
        created_by=by,
        **{name: getattr(base, name) for name in _COPIED},
    )
    try:
        _copy_items(base, version, item, target)
    except BaseException:
        discard_version(version)
        raise
    return version


def discard_version(version: TaskVersion) -> None:
    """Delete a version that was not published, with its items."""
    version.items.all().delete()
    version.delete()


def _copy_items(base: TaskVersion, version: TaskVersion, item: Item, target: Any) -> None:
    hashes = VersionHashes(kind_of(base).definition, salt=base.salt)
    rows = Item.objects.filter(version=base).order_by("position").iterator(chunk_size=_CHUNK)
    items = count_progress("Storing items", rows, base.item_count)
    while chunk := list(itertools.islice(items, _CHUNK)):
        for one in chunk:
            if one.pk == item.pk:
                one.target = target
            one.pk, one.version = None, version
            one.hash = hashes.add(one)
        Item.objects.bulk_create(chunk)
    if hashes.question != base.question_hash:
        raise Conflict(
            "The questions of this version were hashed by an earlier release, so its outputs "
            "cannot be scored by a new one. Publish a new version from the draft instead."
        )
    AttachmentUse.objects.bulk_create(
        [
            AttachmentUse(version=version, name=use.name, attachment_id=use.attachment_id)
            for use in AttachmentUse.objects.filter(version=base)
        ],
        batch_size=_CHUNK,
    )
    version.question_hash, version.marking_hash = hashes.question, hashes.marking
    version.state = TaskVersion.State.READY
    version.save()


__all__ = ["build_corrected_version", "check_target", "discard_version"]
