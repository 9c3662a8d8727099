"""Differences between two versions: the definition line by line, and items by their ids.

Items are compared in the database, so that 100,000 of them are a few scans and no rows in memory. A
version never changes, so the counts are kept. Each side has only the items that the visitor may
see: an item that was private before is new to those who did not see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce

from plumbmark.accounts.permissions import Visitor
from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.authoring.queries import items_of
from tasks_app.kinds import kind_of
from tasks_app.models import Item, TaskVersion
from tasks_app.permissions import can_view_private_items

SHOWN = ("added", "removed", "changed", "re-marked")
"""Changed: it asks something else. Re-marked: it asks the same, and is scored by something else."""
PAGE = 25
MAX_LINES = 5000
"""Of each definition: comparing takes longer than in proportion."""
_KEPT_SECONDS = 7 * 24 * 3600
_ASKED = ("input", "choices", "attachments")
_SCORED = ("target", "scorer_input")


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    added: int
    removed: int
    changed: int
    re_marked: int

    def of(self, shown: str) -> int:
        counts: dict[str, int] = {
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "re-marked": self.re_marked,
        }
        return counts[shown]


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item as it was and as it is; None on the side that does not have it."""

    key: str
    before: Item | None
    after: Item | None


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """The lines of a unified diff. `reason` says why there is none."""

    lines: Sequence[str]
    reason: str = ""


def definition_change(before: TaskVersion, after: TaskVersion, *, to: Visitor) -> DefinitionChange:
    """Return how the author's text differs; for a program, its code."""
    texts = []
    for version in (before, after):
        if version.is_withheld:
            return DefinitionChange([], "withheld")
        kind = kind_of(version)
        if not kind.runs_program:
            texts.append(version.definition_text)
        elif kind.definition.is_private and not can_view_private_items(to, version.task):
            return DefinitionChange([], "private")
        else:
            texts.append(kind.definition.script)
    one, other = (text.splitlines() for text in texts)
    if max(len(one), len(other)) > MAX_LINES:
        return DefinitionChange([], "long")
    names = [f"version {version.number or 'draft'}" for version in (before, after)]
    lines = unified_diff(one, other, names[0], names[1], lineterm="")
    return DefinitionChange(list(lines))


def count_changes(before: TaskVersion, after: TaskVersion, *, to: Visitor) -> ChangeCounts:
    """Return how many items differ in each way."""
    sees_all = can_view_private_items(to, after.task)
    key = (
        f"version-changes:1:{before.pk}:{after.pk}:{sees_all}"
        f":{before.is_withheld}:{after.is_withheld}"
    )
    found = cache.get(key)
    if not isinstance(found, ChangeCounts):
        counts = [
            Subquery(
                _changed(before, after, shown, to).values(every=Value(1)).values(n=Count("pk"))
            )
            for shown in SHOWN
        ]
        row = TaskVersion.objects.filter(pk=after.pk).values_list(*counts).get()
        found = ChangeCounts(*(one or 0 for one in row))
        cache.set(key, found, _KEPT_SECONDS)
    return found


def changed_items(
    before: TaskVersion, after: TaskVersion, shown: str, *, page: int, to: Visitor
) -> list[ItemChange]:
    """Return a page of items that differ in one way, in order; two queries."""
    if shown not in SHOWN:
        raise InvalidInput([Problem(f"must be one of {', '.join(SHOWN)}", "show")])
    start = (page - 1) * PAGE
    found = list(_changed(before, after, shown, to).order_by("position")[start : start + PAGE])
    if shown == "added":
        return [ItemChange(one.key, None, one) for one in found]
    if shown == "removed":
        return [ItemChange(one.key, one, None) for one in found]
    others = items_of(before, to=to).filter(key__in=[one.key for one in found])
    by_key = {one.key: one for one in others}
    return [ItemChange(one.key, by_key.get(one.key), one) for one in found]


def _changed(before: TaskVersion, after: TaskVersion, shown: str, to: Visitor) -> QuerySet[Item]:
    """Return the later version's items that differ in this way; for `removed`, the earlier's."""
    if shown == "removed":
        before, after = after, before
    others = items_of(before, to=to).order_by().filter(key=OuterRef("key"))
    items = items_of(after, to=to).order_by()
    if shown in {"added", "removed"}:
        return items.filter(~Exists(others))
    # As they were written: what differs in nothing but its order of keys is asked differently too.
    items, others = (rows.annotate(**_texts()) for rows in (items, others))
    asks_else = Exists(
        others.exclude(**{f"{name}_text": OuterRef(f"{name}_text") for name in _ASKED})
    )
    if shown == "changed":
        return items.filter(asks_else)
    same = {f"{name}_text": OuterRef(f"{name}_text") for name in _ASKED}
    differs = Q()
    for name in (*_SCORED, "cluster"):
        differs |= ~Q(**{f"{name}_text": OuterRef(f"{name}_text")})
    return items.filter(Exists(others.filter(differs, **same)))


def _texts() -> dict[str, Any]:
    texts: dict[str, Any] = {
        f"{name}_text": Coalesce(Cast(name, TextField()), Value("", output_field=TextField()))
        for name in (*_ASKED, *_SCORED)
    }
    texts["cluster_text"] = F("cluster")
    return texts
