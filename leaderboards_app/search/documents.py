"""The indexed text of each thing: only what everybody who may see it can read on its page."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, QuerySet

from benchmarks_app.models import Benchmark
from leaderboards_app.models import SearchEntry
from leaderboards_app.search.words import indexed_title, words_of
from plumbmark.accounts.models import Namespace
from plumbmark.gateway.models import CatalogueModel
from plumbmark.guides.topics import HelpTopic
from tasks_app.models import Task

Kind = SearchEntry.Kind

SOURCES: dict[str, tuple[str, QuerySet[Any]]] = {
    Kind.BENCHMARK: ("benchmark", Benchmark.objects.select_related("latest_version", "namespace")),
    Kind.TASK: ("task", Task.objects.select_related("namespace")),
    Kind.MODEL: ("model", CatalogueModel.objects.all()),
    Kind.PERSON: ("namespace", Namespace.objects.all()),
}
"""Of each kind but help: the field of the entry, and where the things come from."""
_MAX_TEXT = 20_000
"""Characters of the words of a text; a card has six answers of at most 5,000."""


def describe(thing: Model | HelpTopic) -> SearchEntry:
    """Return an entry that is not stored yet, with everything that is indexed of the thing."""
    if isinstance(thing, Benchmark):
        version = thing.latest_version
        card = [] if version is None else [str(one) for one in version.card.values()]
        texts = [thing.claim, *map(str, thing.tags), thing.namespace.handle, *card]
        return _entry(Kind.BENCHMARK, [thing.title], texts, benchmark=thing)
    if isinstance(thing, Task):
        texts = [thing.summary, *map(str, thing.tags), thing.namespace.handle]
        return _entry(Kind.TASK, [thing.title], texts, task=thing)
    if isinstance(thing, CatalogueModel):
        texts = [thing.description, thing.licence, *map(str, thing.modalities)]
        names = [f"{thing.maker} {thing.name}", thing.slug, thing.name]
        return _entry(Kind.MODEL, names, texts, model=thing)
    if isinstance(thing, Namespace):
        names = [thing.label, thing.handle]
        return _entry(Kind.PERSON, names, [thing.bio], namespace=thing)
    if isinstance(thing, HelpTopic):
        names = [f"{thing.guide_title} {thing.heading}" if thing.anchor else "", thing.heading]
        return _entry(Kind.HELP, names, [thing.text], topic=thing.name)
    raise TypeError(f"{type(thing).__name__} is not searched for")


def _entry(kind: str, names: Iterable[str], texts: Iterable[str], **thing: Any) -> SearchEntry:
    distinct = list(dict.fromkeys(" ".join(words_of(name)) for name in names))
    title = indexed_title(*_without_parts(distinct))[: SearchEntry.MAX_TITLE]
    text = " ".join(word for one in texts for word in words_of(one))[:_MAX_TEXT]
    lines = "\n".join(("", *distinct, ""))
    return SearchEntry(kind=kind, names=lines, title_words=title, text_words=text, **thing)


def _without_parts(names: list[str]) -> list[str]:
    """Return the names that are in no other one."""
    return [one for one in names if not any(one in other for other in names if other != one)]
