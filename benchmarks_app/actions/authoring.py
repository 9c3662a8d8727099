"""Creating, composing and publishing benchmarks."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from benchmarks_app.actions.entries import carry_entries
from benchmarks_app.actions.visibility import change_visibility
from benchmarks_app.card import card_problems
from benchmarks_app.composition.contributors import contributor_problems
from benchmarks_app.composition.publication import find_publication_problems
from benchmarks_app.models import (
    Benchmark,
    BenchmarkTask,
    BenchmarkVersion,
)
from benchmarks_app.permissions import can_edit_benchmark
from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.accounts.usage import check_count
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.names import unseen_character_problem
from plumbmark.common.outbox import record_event
from plumbmark.common.slugs import normalise_tags, slug_for
from plumbmark.manifests import content_hash
from plumbmark.scoring.metrics import MAX_SCORE, MIN_WIDTH
from tasks_app.models import TaskVersion
from tasks_app.models.tasks import Visibility
from tasks_app.permissions import can_view_version as can_view_task_version

MAX_TASKS = 200


class Unchanged:
    """Stands for a value that is not to be changed, where None is a value."""


UNCHANGED = Unchanged()


@dataclass(frozen=True, slots=True)
class Member:
    """A task version that is to belong to a benchmark."""

    task_version: TaskVersion
    weight: Decimal = Decimal(1)
    label: str = ""
    group: str = ""


def create_benchmark(
    *,
    namespace: Namespace,
    title: str,
    claim: str = "",
    slug: str = "",
    tags: Sequence[str] = (),
    by: User,
) -> Benchmark:
    """Create a private benchmark with an empty draft version."""
    if not can_act_for(by, namespace):
        raise NotAllowed(f"You may not create benchmarks on behalf of {namespace.handle}.")
    check_count(namespace, "benchmarks")
    title, claim = _check_texts(title, claim)
    slug = slug_for(slug or title)
    try:
        with transaction.atomic():
            benchmark = Benchmark.objects.create(
                namespace=namespace,
                slug=slug,
                title=title,
                claim=claim,
                tags=normalise_tags(tags),
                created_by=by,
            )
            BenchmarkVersion.objects.create(benchmark=benchmark, number=1, created_by=by)
            audit.record("create-benchmark", f"benchmark:{benchmark.public_id}", by=by)
            record_event("benchmark.updated", benchmark_id=benchmark.pk)
    except IntegrityError as error:
        raise Conflict(
            f"{namespace.handle} has a benchmark at {slug} already; choose another title or slug."
        ) from error
    return benchmark


def update_benchmark(
    *,
    benchmark: Benchmark,
    title: str | None = None,
    claim: str | None = None,
    tags: Sequence[str] | None = None,
    by: User,
) -> Benchmark:
    _check_edit(benchmark, by)
    new_title, new_claim = _check_texts(
        benchmark.title if title is None else title, benchmark.claim if claim is None else claim
    )
    with transaction.atomic():
        benchmark.title, benchmark.claim = new_title, new_claim
        if tags is not None:
            benchmark.tags = normalise_tags(tags)
        benchmark.save(update_fields=["title", "claim", "tags", "updated_at"])
        audit.record("update-benchmark", f"benchmark:{benchmark.public_id}", by=by)
        record_event("benchmark.updated", benchmark_id=benchmark.pk)
    return benchmark


def draft_of(*, benchmark: Benchmark, by: User) -> BenchmarkVersion:
    """Return the draft version; if there is none, create a copy of the newest published one."""
    _check_edit(benchmark, by)
    draft = benchmark.versions.filter(state=BenchmarkVersion.State.DRAFT).first()
    if draft is not None:
        return draft
    latest = benchmark.latest_version
    with transaction.atomic():
        highest = benchmark.versions.aggregate(highest=Max("number"))["highest"] or 0
        draft = BenchmarkVersion.objects.create(
            benchmark=benchmark,
            number=highest + 1,
            created_by=by,
            **(settings_of(latest) if latest else {}),
        )
        if latest:
            copy_members(latest, draft)
    return draft


def settings_of(version: BenchmarkVersion) -> dict[str, Any]:
    """Return the fields that the next version of a benchmark takes over from this one."""
    return {
        "aggregation": version.aggregation,
        "entry_policy": version.entry_policy,
        "unscored_allowed": version.unscored_allowed,
        "smallest_difference": version.smallest_difference,
        "score_format": version.score_format,
        "entrants": version.entrants,
        "card": version.card,
        "contributors": version.contributors,
    }


def copy_members(source: BenchmarkVersion, target: BenchmarkVersion) -> None:
    """Give a version the tasks of another one, with their labels, groups and weights."""
    BenchmarkTask.objects.bulk_create(
        BenchmarkTask(
            version=target,
            task_version_id=member.task_version_id,
            position=member.position,
            label=member.label,
            group=member.group,
            weight=member.weight,
            metric=member.metric,
        )
        for member in source.tasks.all()
    )


def compose_draft(
    *,
    version: BenchmarkVersion,
    members: Sequence[Member] | None = None,
    card: dict[str, Any] | None = None,
    entry_policy: str | None = None,
    unscored_allowed: Decimal | None = None,
    smallest_difference: float | Unchanged | None = UNCHANGED,
    score_format: str | None = None,
    entrants: str | None = None,
    contributors: str | None = None,
    notes: str | None = None,
    by: User,
) -> BenchmarkVersion:
    """Change a draft: its tasks and weights, its card, its rules. None leaves a part as it is;
    of `smallest_difference` it states none.
    """
    _check_edit(version.benchmark, by)
    if version.state != BenchmarkVersion.State.DRAFT:
        raise Conflict("A published version does not change; edit the draft of the next one.")
    problems = [] if card is None else card_problems(card, complete=False)
    if entry_policy is not None and entry_policy not in BenchmarkVersion.EntryPolicy.values:
        allowed = ", ".join(BenchmarkVersion.EntryPolicy.values)
        problems.append(Problem(f"must be one of {allowed}", "entry_policy"))
    if entrants is not None and entrants not in BenchmarkVersion.Entrants.values:
        allowed = ", ".join(BenchmarkVersion.Entrants.values)
        problems.append(Problem(f"must be one of {allowed}", "entrants"))
    if unscored_allowed is not None and not 0 <= unscored_allowed <= 1:
        problems.append(Problem("must be a share from 0 to 1", "unscored_allowed"))
    if not isinstance(smallest_difference, Unchanged):
        problems += _difference_problems(smallest_difference)
    if score_format and score_format not in BenchmarkVersion.ScoreFormat.values:
        allowed = ", ".join(BenchmarkVersion.ScoreFormat.values)
        problems.append(Problem(f"must be empty or one of {allowed}", "score_format"))
    if contributors is not None:
        problems += contributor_problems(contributors, version.benchmark.namespace)
    if members is not None:
        problems += _member_problems(members, by)
    if problems:
        raise InvalidInput(problems)
    with transaction.atomic():
        for name, value in (
            ("score_format", score_format),
            ("card", card),
            ("entry_policy", entry_policy),
            ("unscored_allowed", unscored_allowed),
            ("entrants", entrants),
            ("contributors", contributors),
            ("notes", notes),
        ):
            if value is not None:
                setattr(version, name, value)
        if not isinstance(smallest_difference, Unchanged):
            version.smallest_difference = smallest_difference
        version.save()
        if members is not None:
            version.tasks.all().delete()
            BenchmarkTask.objects.bulk_create(
                BenchmarkTask(
                    version=version,
                    task_version=member.task_version,
                    position=position,
                    label=member.label,
                    group=member.group.strip(),
                    weight=member.weight,
                    metric=member.task_version.metric_name,
                )
                for position, member in enumerate(members)
            )
        audit.record("compose-benchmark", f"benchmark:{version.benchmark.public_id}", by=by)
    return version


def publish_benchmark(
    *, version: BenchmarkVersion, visibility: str = Visibility.PUBLIC, by: User
) -> BenchmarkVersion:
    """Freeze a draft and open its board. Boards with results stay visible, whatever comes next."""
    _check_edit(version.benchmark, by)
    if visibility not in Visibility.values:
        raise InvalidInput(
            [Problem(f"must be one of {', '.join(Visibility.values)}", "visibility")]
        )
    with transaction.atomic():
        # What is checked is what is published, also while somebody saves.
        benchmark = (
            Benchmark.objects.select_for_update(of=["self"])
            .select_related("namespace", "latest_version", "board_version")
            .get(pk=version.benchmark_id)
        )
        version.refresh_from_db()
        version.benchmark = benchmark
        if version.state != BenchmarkVersion.State.DRAFT:
            raise Conflict("This version is published already.")
        members = list(version.tasks.select_related("task_version__task"))
        if problems := find_publication_problems(version, members, visibility=visibility):
            raise InvalidInput(problems)
        open_board(version, members, visibility=visibility, by=by)
    return version


def open_board(
    version: BenchmarkVersion, members: Sequence[BenchmarkTask], *, visibility: str, by: User
) -> None:
    """Publish a version that was checked, in the caller's transaction."""
    benchmark = version.benchmark
    version.state = BenchmarkVersion.State.PUBLISHED
    version.published_at = now()
    version.content_hash = _content_hash(version, members)
    version.save()
    previous, benchmark.latest_version = benchmark.latest_version, version
    benchmark.board_version = benchmark.board_version or version
    change_visibility(benchmark, visibility)
    benchmark.save(
        update_fields=[
            *("latest_version", "board_version", "visibility", "pinned_version"),
            "updated_at",
        ]
    )
    if previous is not None:
        carry_entries(previous, version)
    audit.record(
        "publish-benchmark",
        f"benchmark:{benchmark.public_id}",
        by=by,
        version=version.number,
        visibility=visibility,
    )
    record_event("benchmark.published", benchmark_id=benchmark.pk, version_id=version.pk)


def _check_edit(benchmark: Benchmark, by: User) -> None:
    if not can_edit_benchmark(by, benchmark):
        raise NotAllowed("This benchmark belongs to somebody else.")


def _check_texts(title: str, claim: str) -> tuple[str, str]:
    title, claim = title.strip(), claim.strip()
    problems = []
    if not 1 <= len(title) <= 120:
        problems.append(Problem("must have 1 to 120 characters", "title"))
    elif unseen := unseen_character_problem(title):
        problems.append(Problem(unseen, "title"))
    if len(claim) > 300:
        problems.append(Problem("must have at most 300 characters", "claim"))
    if problems:
        raise InvalidInput(problems)
    return title, claim


def _difference_problems(value: float | None) -> list[Problem]:
    if value is None or (MIN_WIDTH <= value <= MAX_SCORE):
        return []
    return [Problem("must be a number above 0, or left out", "smallest_difference")]


def _member_problems(members: Sequence[Member], by: User) -> list[Problem]:
    problems = []
    if len(members) > MAX_TASKS:
        problems.append(Problem(f"has {len(members)} tasks; at most {MAX_TASKS} fit", "tasks"))
    seen: dict[int, TaskVersion] = {}
    for index, member in enumerate(members):
        where = f"tasks[{index}]"
        version = member.task_version
        if version.state != TaskVersion.State.PUBLISHED or not can_view_task_version(by, version):
            problems.append(Problem("is not a published version that you can see", where))
        other = seen.get(version.task_id)
        seen.setdefault(version.task_id, version)
        if other is not None and other.pk == version.pk:
            problems.append(Problem("is in the list twice", where))
        elif other is not None:
            problems.append(
                Problem(
                    f"is version {version.number} of a task that is in the list as version "
                    f"{other.number}; keep one of them",
                    where,
                )
            )
        if not member.weight.is_finite() or not 0 < member.weight <= 1000:
            problems.append(Problem("must be more than 0 and at most 1000", f"{where}.weight"))
        if len(member.label) > 80:
            problems.append(Problem("must have at most 80 characters", f"{where}.label"))
        if len(member.group) > 80:
            problems.append(Problem("must have at most 80 characters", f"{where}.group"))
        elif unseen := unseen_character_problem(member.group):
            problems.append(Problem(unseen, f"{where}.group"))
    return problems


def _content_hash(version: BenchmarkVersion, members: Sequence[BenchmarkTask]) -> str:
    # Only what is stated, so that versions from before could state it keep their hash.
    stated: dict[str, Any] = {}
    if version.smallest_difference is not None:
        stated["smallest_difference"] = repr(version.smallest_difference)
    if version.score_format:
        stated["score_format"] = version.score_format
    return content_hash(
        {
            **stated,
            "aggregation": version.aggregation,
            "entry_policy": version.entry_policy,
            "unscored_allowed": str(version.unscored_allowed),
            "entrants": version.entrants,
            "card": version.card,
            "tasks": [
                {
                    "question": member.task_version.question_hash,
                    "marking": member.task_version.marking_hash,
                    "weight": str(member.weight.normalize()),
                    "metric": member.metric,
                    **({"group": member.group} if member.group else {}),
                }
                for member in members
            ],
        }
    )


__all__ = [
    "Member",
    "compose_draft",
    "create_benchmark",
    "draft_of",
    "open_board",
    "publish_benchmark",
    "update_benchmark",
]
