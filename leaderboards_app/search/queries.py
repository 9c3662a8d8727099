"""Searching: what matches and may be seen, as pages show it; at most three queries."""

import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise

from leaderboards_app.search.documents import Kind
from leaderboards_app.search.matching import BEST, Match, find_similar, find_words, read_shown
from leaderboards_app.search.words import SearchQuery
from plumbmark.accounts.permissions import Visitor
from plumbmark.guides.topics import topic_named

_SUMMARY = 160
KIND_LABELS: Mapping[str, str | Promise] = dict(Kind.choices)


@dataclass(frozen=True, slots=True)
class Found:
    """A result as pages and the API show it, with the words that its thing has now."""

    kind: str
    title: str
    address: str
    by: str = ""
    """The handle of its owner, or of the person itself."""
    summary: str = ""
    is_similar: bool = False
    """Whether it was found by words that are only similar."""


@dataclass(frozen=True, slots=True)
class SearchResults:
    """A slice of the matches of a query."""

    query: SearchQuery
    found: Sequence[Found]
    counts: Mapping[str, int] = field(default_factory=dict)
    """By kind, of everything that the visitor may see."""

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def search(
    query: SearchQuery, *, to: Visitor, kind: str = "", limit: int = 10, offset: int = 0
) -> SearchResults:
    """Return matches of each kind, or of one, best first: whole titles, words of titles, texts,
    and similar titles last.

    `limit` is of each kind; kinds come in the order of `SearchEntry.Kind`.
    """
    if not query.words:
        return SearchResults(query, [])
    matches = find_words(query, to=to, kind=kind, limit=limit, offset=offset)
    page, counts = matches.page, matches.counts
    if sum(counts.values()) < BEST:
        # So few that all are among the best; titles with misspelt words are added.
        known = {match.pk for match in matches.best}
        # Headings of guides have so many common words that one is similar to almost anything.
        similar = [
            one
            for one in find_similar(query, to=to)
            if one.pk not in known and (one.kind != Kind.HELP or kind == Kind.HELP)
        ]
        ordered = sorted([*matches.best, *similar], key=lambda match: match.order)
        counts = Counter(match.kind for match in ordered)
        page = [
            match
            for one in Kind.values
            if kind in ("", one)
            for match in [match for match in ordered if match.kind == one][offset : offset + limit]
        ]
    shown = [match for one in Kind.values for match in page if match.kind == one]
    return SearchResults(
        query, _describe(shown), {one: counts[one] for one in Kind.values if counts.get(one)}
    )


def _describe(matches: Sequence[Match]) -> list[Found]:
    """Return the results with what their things are called now. One query."""
    if not matches:
        return []
    rows = {row["id"]: row for row in read_shown([match.pk for match in matches])}
    described = (
        _FOUND[match.kind](rows[match.pk], match.is_similar)
        for match in matches
        if match.pk in rows
    )
    return [found for found in described if found is not None]


def _found_benchmark(row: Mapping[str, Any], is_similar: bool) -> Found:
    by = row["benchmark__namespace__handle"]
    address = reverse("leaderboards:board", args=[by, row["benchmark__slug"]])
    title, claim = row["benchmark__title"], row["benchmark__claim"]
    return Found(Kind.BENCHMARK, title, address, by, claim, is_similar)


def _found_task(row: Mapping[str, Any], is_similar: bool) -> Found:
    by = row["task__namespace__handle"]
    address = reverse("tasks:detail", args=[by, row["task__slug"]])
    return Found(Kind.TASK, row["task__title"], address, by, row["task__summary"], is_similar)


def _found_model(row: Mapping[str, Any], is_similar: bool) -> Found:
    address = reverse("leaderboards:model", args=[row["model__slug"]])
    return Found(Kind.MODEL, row["model__name"], address, "", row["model__maker"], is_similar)


def _found_person(row: Mapping[str, Any], is_similar: bool) -> Found:
    handle = row["namespace__handle"]
    title = row["namespace__display_name"] or handle
    summary = row["namespace__bio"].split("\n", 1)[0][:_SUMMARY]
    address = reverse("accounts:profile", args=[handle])
    return Found(Kind.PERSON, title, address, handle, summary, is_similar)


def _found_help(row: Mapping[str, Any], is_similar: bool) -> Found | None:
    topic = topic_named(row["topic"])
    if topic is None:
        # A guide that was changed a moment ago; the index follows.
        return None
    text = textwrap.shorten(topic.text, _SUMMARY, placeholder=" …")
    return Found(Kind.HELP, topic.title, topic.get_absolute_url(), "", text, is_similar)


_FOUND: Mapping[str, Callable[[Mapping[str, Any], bool], Found | None]] = {
    Kind.BENCHMARK: _found_benchmark,
    Kind.TASK: _found_task,
    Kind.MODEL: _found_model,
    Kind.PERSON: _found_person,
    Kind.HELP: _found_help,
}
