"""Named reads of tasks and runs."""

import statistics
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Count,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
)
from django.db.models.fields import FloatField
from django.db.models.functions import Left
from django.http import Http404
from django.utils.translation import gettext as _

from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_inside_of
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict
from plumbmark.gateway.models import Deployment
from plumbmark.gateway.queries import callable_deployments, quota_status
from plumbmark.scoring.outcomes import Outcome
from tasks_app.kinds import kind_of
from tasks_app.models import (
    Contender,
    Item,
    Run,
    Sample,
    SampleScore,
    Scoring,
    Shard,
    Task,
    TaskVersion,
)
from tasks_app.models.tasks import Visibility
from tasks_app.permissions import (
    can_view_private_items,
    can_view_run,
    sees_pinned_versions_alone,
)
from tasks_app.workers import sandbox
from tasks_app.workers.reports import SILENT_AFTER, workers


def visible_runs(*, to: Visitor) -> QuerySet[Run]:
    """Return declared runs of public tasks, and the visitor's own of any kind."""
    inside = namespaces_inside_of(to)
    public = Q(
        purpose=Run.Purpose.DECLARED,
        task_version__state=TaskVersion.State.PUBLISHED,
    ) & (
        Q(task_version__task__visibility=Visibility.PUBLIC)
        | Q(task_version__pinned_at__isnull=False, task_version__task__was_public=True)
    )
    on_own_tasks = Q(purpose=Run.Purpose.DECLARED, task_version__task__namespace__in=inside)
    return (
        Run.objects.filter(public | on_own_tasks | Q(namespace__in=inside))
        .select_related("task_version__task__namespace", "contender", "namespace")
        .order_by("-id")
    )


def viewable_runs(*, to: Visitor) -> QuerySet[Run]:
    """Return all runs that `can_view_run` allows, also those that no list shows, such as runs on
    unlisted tasks: for readers who know their ids.
    """
    inside = namespaces_inside_of(to)
    of_published = Q(task_version__state=TaskVersion.State.PUBLISHED) & (
        Q(task_version__pinned_at__isnull=False)
        | ~Q(task_version__task__visibility=Visibility.PRIVATE)
    )
    declared = Q(purpose=Run.Purpose.DECLARED) & (
        of_published | Q(task_version__task__namespace__in=inside)
    )
    return Run.objects.filter(declared | Q(namespace__in=inside)).select_related(
        "task_version__task__namespace", "contender", "namespace"
    )


def runs_beside(run: Run, *, to: Visitor) -> QuerySet[Run]:
    """Return the completed, valid runs of the same questions by other contenders that the visitor
    may see, newest first.

    Of unlisted tasks only this one's own are among them: a visitor who sees it knows its address.
    """
    of_this_task = Q(task_version__task_id=run.task_version.task_id)
    return (
        viewable_runs(to=to)
        .filter(of_this_task | Q(pk__in=visible_runs(to=to).order_by().values("pk")))
        .filter(question_hash=run.question_hash, state=Run.State.COMPLETED, invalid_reason="")
        .exclude(purpose=Run.Purpose.TRY)
        .exclude(contender_id=run.contender_id)
        .order_by("-id")
    )


def newest_of_contenders(runs: Iterable[Run], *, most: int) -> list[Run]:
    """Return the first run of each contender, of runs with the newest first, by name."""
    by_contender: dict[int, Run] = {}
    for run in runs:
        if len(by_contender) == most:
            break
        by_contender.setdefault(run.contender_id, run)
    return sorted(by_contender.values(), key=lambda run: run.contender.label.casefold())


def visible_contenders(*, to: Visitor, is_listed: bool = True) -> QuerySet[Contender]:
    """Return the contenders of the platform's deployments, the visitor's own, and others as far as
    the visitor sees a declared run of them.

    Without `is_listed`, runs on unlisted tasks count too: whoever asks knows the contender's id.
    """
    inside = namespaces_inside_of(to)
    runs = visible_runs(to=to)
    if not is_listed:
        runs = Run.objects.filter(
            purpose=Run.Purpose.DECLARED,
            task_version__state=TaskVersion.State.PUBLISHED,
            task_version__task__visibility=Visibility.UNLISTED,
        ) | Run.objects.filter(pk__in=runs.order_by().values("pk"))
    return Contender.objects.filter(
        Q(deployment__isnull=False, deployment__owner=None)
        | Q(owner__in=inside)
        | Q(deployment__owner__in=inside)
        | Q(pk__in=runs.order_by().values("contender_id"))
    )


def run_at(*, run_id: int, to: Visitor) -> Run:
    """Return a run; 404 if the visitor may not see it."""
    run = (
        Run.objects.select_related(
            "task_version__task__namespace",
            "contender__deployment__model",
            "namespace",
            "started_by__namespace",
            "grant",
            "price_card",
            "program_report",
        )
        .filter(pk=run_id)
        .first()
    )
    if run is None or not can_view_run(to, run):
        raise Http404
    return run


def current_scoring(run: Run) -> Scoring | None:
    """Return the run's newest scoring by its own version: the one its pages show."""
    return (
        Scoring.objects.filter(run=run, task_version_id=run.task_version_id)
        .order_by("-revision", "-id")
        .first()
    )


def samples_of(run: Run, *, to: Visitor) -> QuerySet[Sample]:
    """Return samples whose items the visitor may see, in order."""
    samples = Sample.objects.filter(run=run).select_related("item").order_by("ordinal")
    if run.task_version.private_item_count and not can_view_private_items(
        to, run.task_version.task
    ):
        samples = samples.filter(item__split=Item.Split.PUBLIC)
    return samples


def with_scores(
    samples: QuerySet[Sample], scoring: Scoring | None, *, characters: int | None = None
) -> QuerySet[Sample]:
    """Return samples with `value` and `answer` of a scoring, usually the run's current one.

    With `characters`, no more of the answer is read: a list need not load whole outputs.
    """
    if scoring is None:
        return samples.annotate(
            value=Value(None, output_field=FloatField()),
            answer=Value(None, output_field=TextField()),
        )
    scores = SampleScore.objects.filter(scoring=scoring, sample=OuterRef("pk"))
    if characters is not None:
        scores = scores.annotate(shown=Left("answer", characters))
    return samples.annotate(
        value=Subquery(scores.values("value")[:1]),
        answer=Subquery(scores.values("answer" if characters is None else "shown")[:1]),
    )


def with_reasons(samples: QuerySet[Sample], scoring: Scoring | None) -> QuerySet[Sample]:
    """Return samples with the `explanation` that the scorer gave; None without a score."""
    scores = SampleScore.objects.filter(scoring=scoring, sample=OuterRef("pk"))
    return samples.annotate(explanation=Subquery(scores.values("explanation")[:1]))


def in_brief(samples: QuerySet[Sample], *, characters: int) -> QuerySet[Sample]:
    """Return samples for a list: `beginning` instead of the whole output, which may be huge."""
    return samples.defer("output", "messages").annotate(beginning=Left("output", characters))


def with_verdict(samples: QuerySet[Sample], verdict: str, version: TaskVersion) -> QuerySet[Sample]:
    """Filter samples with scores by verdict: `right`, `wrong`, `partly`, `unscored`, or an
    outcome's code. Anything else filters nothing.

    Right and wrong are the ends of the metric's scale; without bounds there are none.
    """
    if verdict == "unscored":
        return samples.filter(Q(is_scored=False) | Q(value__isnull=True))
    if verdict in {outcome.value for outcome in Outcome}:
        return samples.filter(outcome=verdict)
    best, worst = version.metric_upper, version.metric_lower
    if version.metric_direction == "lower":
        best, worst = worst, best
    if best is None or worst is None or verdict not in {"right", "wrong", "partly"}:
        return samples
    if verdict == "partly":
        return samples.filter(Q(value__isnull=False) & ~Q(value__in=[best, worst]))
    return samples.filter(Q(value=best if verdict == "right" else worst))


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    outcome: Outcome
    count: int

    @property
    def label(self) -> str:
        return self.outcome.value.replace("_", " ")


def outcomes_of(run: Run) -> list[OutcomeCount]:
    """Count the samples by outcome, the most frequent first. One query."""
    rows = Sample.objects.filter(run=run).values_list("outcome").annotate(n=Count("id"))
    counts = [OutcomeCount(Outcome(outcome), count) for outcome, count in rows.order_by()]
    return sorted(counts, key=lambda row: -row.count)


def charged_by_judges(run: Run) -> int:
    """Return what all scorings of a run charged, in nanodollars. One query."""
    return Scoring.objects.filter(run=run).aggregate(total=Sum("charged"))["total"] or 0


def scorings_by_run(runs: Iterable[Run]) -> dict[int, Scoring]:
    """Return each run's current scoring. One query."""
    ids: Collection[int] = [run.pk for run in runs]
    rows = Scoring.objects.filter(run__in=ids, task_version_id=F("run__task_version_id"))
    return {scoring.run_id: scoring for scoring in rows.order_by("revision", "id")}


def runs_with_scorings(runs: QuerySet[Run], *, most: int) -> list[tuple[Run, Scoring | None]]:
    """Return the first of these runs, each with its current scoring. One query."""
    columns = [field.attname for field in Scoring._meta.concrete_fields]
    rows = (
        # The first runs are chosen first: joined, a run has a row for each of its scorings.
        runs.filter(pk__in=runs.values("pk")[:most])
        .annotate(
            of_version=FilteredRelation(
                "scorings", condition=Q(scorings__task_version=F("task_version"))
            )
        )
        .annotate(**{f"scoring_{name}": F(f"of_version__{name}") for name in columns})
        .order_by(*runs.query.order_by, "of_version__revision", "of_version__id")
    )
    found: dict[int, tuple[Run, Scoring | None]] = {}
    for run in rows:
        values = {name: getattr(run, f"scoring_{name}") for name in columns}
        found[run.pk] = (run, None if values["id"] is None else Scoring(**values))
    return list(found.values())


def declared_runs_of(
    task: Task, version: TaskVersion | None = None, *, to: Visitor
) -> QuerySet[Run]:
    """Return declared runs of a task, or of one version, that the visitor may see, newest first."""
    runs = Run.objects.filter(purpose=Run.Purpose.DECLARED, task_version__task=task)
    if sees_pinned_versions_alone(to, task):
        runs = runs.filter(task_version__pinned_at__isnull=False)
    if version is not None:
        runs = runs.filter(task_version=version)
    return runs.select_related("task_version", "contender", "namespace").order_by("-id")


def latest_try_of(task: Task, *, by: Visitor) -> Run | None:
    """Return the newest try of a task that the visitor may see."""
    return (
        Run.objects.filter(task_version__task=task, purpose=Run.Purpose.TRY)
        .filter(namespace__in=namespaces_inside_of(by))
        .select_related("contender", "task_version")
        .order_by("-id")
        .first()
    )


def deployments_for(visitor: Visitor) -> QuerySet[Deployment]:
    """Return deployments that the visitor may run."""
    namespace = getattr(visitor, "namespace", None)
    return callable_deployments(to=namespace).select_related("model")


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run's status: its progress, what it waits for, and its expected end."""

    state: str
    done: int
    total: int
    unscored: int
    waits_for: str
    """Empty: it does not wait."""
    runs_ahead: int
    """Queued or running runs that were started before, while this one is queued."""
    heartbeat_at: datetime | None
    is_silent: bool
    """Running, but no sign of life for longer than a lease: the sweep will pass its work on."""
    samples_per_second: float | None
    expected_end: datetime | None
    charged: int
    cost_bound: int

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 100


def _way_out_of_pause(run: Run) -> str:
    if run.pause_reason == Run.PauseReason.LIMIT:
        return _("its owner to raise the spend limit")
    if run.pause_reason != Run.PauseReason.QUOTA:
        return _("its owner to resume it")
    limit = quota_status(run.namespace).binding
    words = {
        "day": _(
            "balance; the day's limit renews on %(at)s UTC, and the run then resumes by itself"
        ),
        "month": _(
            "balance; the month's limit renews on %(at)s UTC, and the run then resumes by itself"
        ),
    }
    return words[limit.kind] % {"at": f"{limit.renews_at:%Y-%m-%d %H:%M}"}


def obstacle_of(run: Run) -> str:
    """Return what keeps a paused or queued run from going on, and how to mend it; else nothing."""
    if run.state == Run.State.PAUSED:
        return _("Run %(run)s is paused: %(reason)s. It waits for %(what)s.") % {
            "run": run.pk,
            "reason": run.get_pause_reason_display(),
            "what": _way_out_of_pause(run),
        }
    if run.state != Run.State.QUEUED or now() - run.created_at < SILENT_AFTER:
        return ""
    if not workers():
        return _(
            "Run %(run)s waits in the queue, because no worker is running. It starts as soon as an "
            "operator starts one."
        ) % {"run": run.pk}
    kind = kind_of(run.task_version)
    try:
        kind.check_workers()
        if kind.needs_sandbox:
            sandbox.check_tools_can_run()
    except Conflict as error:
        return _("Run %(run)s waits in the queue. %(reason)s") % {
            "run": run.pk,
            "reason": error.message,
        }
    return ""


def run_status_of(run: Run) -> RunStatus:
    """Return the status in at most three queries; four while it waits for balance."""
    runs_ahead = 0
    waits_for = ""
    if run.state == Run.State.QUEUED:
        runs_ahead = Run.objects.filter(
            state__in=[Run.State.QUEUED, Run.State.RUNNING], pk__lt=run.pk
        ).count()
        waits_for = kind_of(run.task_version).worker_needed()
    elif run.state == Run.State.PAUSED:
        waits_for = _way_out_of_pause(run)
    rate = end = None
    silent = False
    if run.state == Run.State.RUNNING:
        at = now()
        shards = Shard.objects.filter(run=run, revision=run.revision).aggregate(
            leased=Count("id", filter=Q(state=Shard.State.LEASED)),
            waiting=Count("id", filter=Q(state=Shard.State.QUEUED)),
        )
        if not shards["leased"] and shards["waiting"]:
            waits_for = kind_of(run.task_version).worker_needed()
        beat = run.heartbeat_at or run.started_at
        silent = beat is not None and at - beat > timedelta(seconds=90)
        if run.started_at and run.samples_done:
            seconds = max(0.5, ((run.heartbeat_at or at) - run.started_at).total_seconds())
            rate = run.samples_done / seconds
            end = at + timedelta(seconds=(run.samples_total - run.samples_done) / rate)
    return RunStatus(
        state=run.state,
        done=run.samples_done,
        total=run.samples_total,
        unscored=run.samples_unscored,
        waits_for=waits_for,
        runs_ahead=runs_ahead,
        heartbeat_at=run.heartbeat_at,
        is_silent=silent,
        samples_per_second=rate,
        expected_end=end,
        charged=run.charged,
        cost_bound=run.cost_bound,
    )


def attempts_on(question_hashes: Collection[str]) -> dict[tuple[str, int], int]:
    """Return attempts by questions and contender: declared and exploratory ones, in any state. One
    query.
    """
    rows = (
        Run.objects.filter(question_hash__in=question_hashes)
        .exclude(purpose=Run.Purpose.TRY)
        .order_by()
        .values_list("question_hash", "contender_id")
        .annotate(n=Count("id"))
    )
    return {(questions, contender): n for questions, contender, n in rows}


def waiting_work() -> list[dict[str, Any]]:
    """Return unfinished runs and scorings by state, as facts for a page. Two queries."""
    runs = dict(
        Run.objects.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING, Run.State.PAUSED])
        .values_list("state")
        .annotate(n=Count("id"))
    )
    scorings = dict(
        Scoring.objects.filter(
            state__in=[Scoring.State.QUEUED, Scoring.State.RUNNING, Scoring.State.PAUSED],
            is_inline=False,
        )
        .values_list("needs_sandbox")
        .annotate(n=Count("id"))
    )
    return [
        {"key": _("Runs queued"), "value": runs.get(Run.State.QUEUED, 0)},
        {"key": _("Runs in progress"), "value": runs.get(Run.State.RUNNING, 0)},
        {"key": _("Runs paused"), "value": runs.get(Run.State.PAUSED, 0)},
        {"key": _("Scorings"), "value": scorings.get(False, 0)},
        {"key": _("Scorings that run code"), "value": scorings.get(True, 0)},
    ]


def median_latency(run: Run) -> int | None:
    """Return the median latency of a run's samples in milliseconds, None where none has one."""
    latencies = Sample.objects.filter(run=run, latency_ms__isnull=False).values_list(
        "latency_ms", flat=True
    )
    values = [latency for latency in latencies if latency is not None]
    return round(statistics.median(values)) if values else None
