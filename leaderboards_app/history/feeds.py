"""Atom feeds of benchmarks, tasks, models, people and teams: what is new. Public things only."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.contrib.syndication.views import Feed
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext as _

from benchmarks_app.models import Benchmark
from benchmarks_app.queries import benchmark_at, visible_benchmarks
from leaderboards_app.board.rows import format_rank
from leaderboards_app.history.changes import describe_counts, describe_reason
from leaderboards_app.history.queries import snapshots_of_benchmark
from leaderboards_app.model_pages.queries import model_at, results_of
from leaderboards_app.models import ContenderResult
from plumbmark.accounts.models import Namespace
from plumbmark.accounts.queries import visible_namespaces
from plumbmark.gateway.models import CatalogueModel
from plumbmark.web.numbers import format_interval, format_score, writers_of
from tasks_app.authoring.queries import published_versions_of as published_versions_of_task
from tasks_app.authoring.queries import task_at, visible_tasks
from tasks_app.models import Task

MAX_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry, whatever it is about."""

    title: str
    address: str
    text: str
    at: datetime


class _AtomFeed(Feed):  # type: ignore[type-arg]
    feed_type = Atom1Feed

    def item_title(self, item: FeedEntry) -> str:
        return item.title

    def item_link(self, item: FeedEntry) -> str:
        return item.address

    def item_description(self, item: FeedEntry) -> str:
        return item.text

    def item_pubdate(self, item: FeedEntry) -> datetime:
        return item.at

    def item_updateddate(self, item: FeedEntry) -> datetime:
        return item.at


class BenchmarkFeed(_AtomFeed):
    """Every snapshot of a benchmark's boards, with what it changed."""

    def get_object(self, request: HttpRequest, handle: str, slug: str) -> Benchmark:
        """Return the benchmark; 404 unless anybody may see it."""
        return benchmark_at(handle=handle, slug=slug, to=AnonymousUser())

    def title(self, benchmark: Benchmark) -> str:
        return _("%(title)s: standings") % {"title": benchmark.title}

    def link(self, benchmark: Benchmark) -> str:
        return benchmark.get_absolute_url()

    def subtitle(self, benchmark: Benchmark) -> str:
        return benchmark.claim

    def items(self, benchmark: Benchmark) -> list[FeedEntry]:
        return [
            FeedEntry(
                _("Standings %(number)s of version %(version)s")
                % {"number": one.number, "version": one.version.number},
                one.get_absolute_url(),
                _("Changed: %(changes)s. After: %(reason)s.")
                % {
                    "changes": describe_counts(changes)
                    if (changes := getattr(one, "changes", None))
                    else _("not recorded"),
                    "reason": describe_reason(one.reason) or _("the first entry"),
                },
                one.created_at,
            )
            for one in snapshots_of_benchmark(benchmark, to=AnonymousUser())[:MAX_ENTRIES]
        ]


class TaskFeed(_AtomFeed):
    """Every published version of a task."""

    def get_object(self, request: HttpRequest, handle: str, slug: str) -> Task:
        """Return the task; 404 unless anybody may see it."""
        return task_at(handle=handle, slug=slug, to=AnonymousUser())

    def title(self, task: Task) -> str:
        return _("%(title)s: versions") % {"title": task.title}

    def link(self, task: Task) -> str:
        return task.get_absolute_url()

    def subtitle(self, task: Task) -> str:
        return task.summary

    def items(self, task: Task) -> list[FeedEntry]:
        versions = published_versions_of_task(task, to=AnonymousUser())[:MAX_ENTRIES]
        place = [task.namespace.handle, task.slug]
        return [
            FeedEntry(
                _("Version %(number)s") % {"number": version.number},
                reverse("tasks:version", args=[*place, version.number]),
                version.notes,
                version.published_at or version.created_at,
            )
            for version in versions
        ]


class PersonFeed(_AtomFeed):
    """The benchmarks and tasks of a person or team, newest change first."""

    def get_object(self, request: HttpRequest, handle: str) -> Namespace:
        """Return the person or team; 404 if nobody may see it."""
        namespace = visible_namespaces().filter(handle=handle).first()
        if namespace is None:
            raise Http404
        return namespace

    def title(self, namespace: Namespace) -> str:
        return _("%(name)s: benchmarks and tasks") % {"name": namespace.label}

    def link(self, namespace: Namespace) -> str:
        return namespace.get_absolute_url()

    def items(self, namespace: Namespace) -> list[FeedEntry]:
        anybody = AnonymousUser()
        benchmarks = visible_benchmarks(to=anybody).filter(namespace=namespace)[:MAX_ENTRIES]
        tasks = visible_tasks(to=anybody).filter(namespace=namespace)[:MAX_ENTRIES]
        entries = [
            *(
                FeedEntry(one.title, one.get_absolute_url(), one.claim, one.updated_at)
                for one in benchmarks
            ),
            *(
                FeedEntry(one.title, one.get_absolute_url(), one.summary, one.updated_at)
                for one in tasks
            ),
        ]
        return sorted(entries, key=lambda entry: entry.at, reverse=True)[:MAX_ENTRIES]


class ModelFeed(_AtomFeed):
    """The results of a model on public benchmarks, newest snapshot first."""

    def get_object(self, request: HttpRequest, slug: str) -> CatalogueModel:
        """Return the model; 404 unless anybody may see it."""
        return model_at(slug=slug, to=AnonymousUser())

    def title(self, model: CatalogueModel) -> str:
        return _("%(name)s: results") % {"name": model.name}

    def link(self, model: CatalogueModel) -> str:
        return reverse("leaderboards:model", args=[model.slug])

    def subtitle(self, model: CatalogueModel) -> str:
        return model.description

    def items(self, model: CatalogueModel) -> list[FeedEntry]:
        newest = results_of(model).select_related("standings").order_by("-standings_id", "pk")
        return [
            _entry_of_result(one)
            for one in newest.defer("standings__content", "standings__excerpt")[:MAX_ENTRIES]
        ]


def _entry_of_result(result: ContenderResult) -> FeedEntry:
    """Return a row of a board. Its address has the snapshot and the row: it is the entry's id."""
    facts = {
        "score": format_score(result.value, result.metric),
        "interval": format_interval(result.low, result.high, writers_of(result.metric)[1]),
        "rows": result.ranked_rows,
    }
    text = _("%(score)s (%(interval)s)") % facts if facts["interval"] else str(facts["score"])
    if result.best_rank is not None and result.worst_rank is not None:
        rank = format_rank(result.best_rank, result.worst_rank)
        text += _(", rank %(rank)s of %(rows)s") % {**facts, "rank": rank}
    return FeedEntry(
        _("%(row)s on %(benchmark)s")
        % {"row": result.contender.label, "benchmark": result.version.benchmark.title},
        f"{result.standings.get_absolute_url()}#{result.contender.public_id}",
        text,
        result.standings.created_at,
    )
