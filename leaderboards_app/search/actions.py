"""Keep the index like the things that it finds."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from django.db import transaction

from leaderboards_app.models import SearchEntry
from leaderboards_app.search.documents import SOURCES, Kind, describe
from leaderboards_app.search.index import search_index
from plumbmark.guides.topics import help_topics

_BATCH = 500
_COMPARED = ("names", "title_words", "text_words")


def index_things(kind: str, ids: Iterable[int]) -> int:
    """Index things of one kind that changed; return how many entries differ from before.

    The entry of a thing that is gone went with it.
    """
    field, source = SOURCES[kind]
    return _store([describe(thing) for thing in source.filter(pk__in=list(ids))], field)


def index_help() -> int:
    """Index the sections of all guides; return how many differ. Sections that are gone leave."""
    entries = [describe(topic) for topic in help_topics()]
    gone = SearchEntry.objects.filter(kind=Kind.HELP).exclude(
        topic__in=[entry.topic for entry in entries]
    )
    gone.delete()
    return _store(entries, "topic")


def repair_index() -> int:
    """Compare every entry with its thing; return how many were missing or differed."""
    repaired = index_help()
    for kind, (_field, source) in SOURCES.items():
        ids = iter(list(source.order_by("pk").values_list("pk", flat=True)))
        while some := list(islice(ids, _BATCH)):
            repaired += index_things(kind, some)
    return repaired


def rebuild_index() -> int:
    """Make the index anew; return how many entries it has. Searches find less meanwhile."""
    with transaction.atomic():
        search_index().clear()
        SearchEntry.objects.all().delete()
    return repair_index()


def _store(described: Sequence[SearchEntry], field: str) -> int:
    """Write the entries that are new or differ."""
    key = field if field == "topic" else f"{field}_id"
    wanted: dict[Any, SearchEntry] = {getattr(one, key): one for one in described}
    with transaction.atomic():
        found = SearchEntry.objects.select_for_update().filter(**{f"{key}__in": list(wanted)})
        stored = {getattr(one, key): one for one in found}
        changed: list[SearchEntry] = []
        added: list[SearchEntry] = []
        for value, entry in wanted.items():
            old = stored.get(value)
            if old is None:
                added.append(entry)
            elif any(getattr(old, name) != getattr(entry, name) for name in _COMPARED):
                entry.pk = old.pk
                changed.append(entry)
        if changed:
            SearchEntry.objects.bulk_update(changed, _COMPARED)
        SearchEntry.objects.bulk_create(added)
        search_index().store([*changed, *added])
    return len(changed) + len(added)
