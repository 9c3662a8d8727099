"""Starting, steering and retrying runs."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

import plumbmark
from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.outbox import tell
from plumbmark.engine import ENGINE_VERSION
from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.actions import (
    ensure_baselines,
    open_grant,
    reopen_grant,
    set_grant_cap,
)
from plumbmark.gateway.calls.policy import KEPT_SECONDS, current_price_card
from plumbmark.gateway.catalogue.prices import TOKENS_PER_PRICE
from plumbmark.gateway.models import Deployment, PriceCard
from plumbmark.gateway.queries import quota_status, request_bound
from tasks_app.code_tasks.auxiliary_models import FurtherModels, further_models
from tasks_app.code_tasks.definition import CodeDefinition
from tasks_app.definitions import Definition
from tasks_app.jobs import ring_workers
from tasks_app.models import (
    Contender,
    Item,
    Run,
    Sample,
    Scoring,
    Shard,
    TaskVersion,
)
from tasks_app.permissions import (
    can_control_run,
    can_run_version,
    can_view_private_items,
)
from tasks_app.runs.completion import change_state, fail_run
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.planning import RequestPlanner, tools_need_sandbox
from tasks_app.scorings.output_scorer import Marker
from tasks_app.scorings.plans import carry_marks_over
from tasks_app.workers import sandbox
from tasks_app.workers.reports import check_answers_can_be_run

TRY_ITEMS = 3
_CHECKED_BY = "baseline/echo"
_TRY_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CostBound:
    """What a run can cost at most, in nanodollars, as shown before its start."""

    total: int
    samples: int
    max_output_tokens: int
    is_metered: bool
    """False: a deployment of the user's own, which they pay at the provider."""
    is_priced: bool
    """False: no price is known; on the platform's keys the run is refused."""
    is_open: bool = False
    """A program's calls are not known beforehand: a spend limit is what bounds it."""


def parameters_of(version: TaskVersion, contender: Contender) -> dict[str, Any]:
    """Sampling as it will be sent: the task's, and over it the contender's."""
    if version.is_code:
        # Each call of the program brings its own sampling.
        return {"timeout_minutes": version.definition["timeout_minutes"]}
    sampling = dict(Definition.from_document(version.definition).sampling.as_document())
    configuration = dict(contender.configuration)
    effort = configuration.pop("reasoning_effort", None)
    sampling.update(configuration)
    if effort is not None:
        sampling["extra"] = {"reasoning_effort": effort}
    return sampling


def cost_bound(
    *,
    version: TaskVersion,
    contender: Contender,
    item_count: int | None = None,
    payer: Namespace | None = None,
) -> CostBound:
    """An upper bound of a run's cost: every prompt's bytes, and all output tokens allowed.

    Who pays decides whom a program may ask; without a `payer` it is the task's own namespace.
    """
    deployment = contender.deployment
    if deployment is None:
        return CostBound(0, 0, 0, is_metered=False, is_priced=True)
    items = version.item_count if item_count is None else item_count
    if version.is_code:
        definition = CodeDefinition.from_document(version.definition)
        further = further_models(definition, payer=payer or version.task.namespace)
        return _bound_of_code(deployment, further, items)
    draft = Run(
        task_version=version,
        contender=contender,
        repeats=version.repeats,
        parameters=parameters_of(version, contender),
    )
    card = current_price_card(deployment.pk)
    samples = items * version.repeats
    limit = draft.parameters["max_output_tokens"]
    is_metered = deployment.owner_id is None
    if card is None:
        return CostBound(0, samples, limit, is_metered, is_priced=False)
    planner = RequestPlanner(draft)
    users = _UserBound(version, limit)
    if not users.is_priced:
        return CostBound(0, samples, limit, is_metered, is_priced=False)
    rows = Item.objects.filter(version=version, position__lt=items).order_by("position")
    total = 0
    for item in rows.iterator(chunk_size=500):
        of_sample = largest = 0
        for step in planner.steps(item.position * version.repeats, item):
            # Earlier answers are sent again; none has more tokens than it may have.
            said = step.answers * limit
            if planner.most_answer_tokens is not None:
                said = min(said, planner.most_answer_tokens)
            said += step.user_turns * users.most_output_tokens + step.tool_bytes
            again = -(-said * card.input_per_mtok // TOKENS_PER_PRICE)
            each = request_bound(step.request, card, deployment) + (again if is_metered else 0)
            of_sample += each
            largest = max(largest, each)
        of_user = users.of(planner, item)
        if planner.most_cost is not None:
            # The call that uses the limit up may go beyond it.
            of_sample = min(of_sample, planner.most_cost + largest)
        total += (of_sample + of_user) * version.repeats
    return CostBound(total, samples, limit, is_metered, is_priced=True)


def _user_models(version: TaskVersion) -> list[Deployment]:
    """The deployment that plays the user, if the version has one that is still there."""
    if version.is_code:
        return []
    user = Definition.from_document(version.definition).prompt.simulated_user
    if user is None:
        return []
    found = Deployment.objects.filter(slug=user.model, is_active=True).first()
    if found is None:
        raise Conflict(f"{user.model} plays the user in this task, and is not there any more.")
    return [found]


def _further_models(version: TaskVersion, payer: Namespace) -> FurtherModels:
    """Whom a program may ask besides the model that is measured."""
    if not version.is_code:
        return FurtherModels()
    definition = CodeDefinition.from_document(version.definition)
    found = further_models(definition, payer=payer)
    needed = {definition.judge, *definition.models}
    for name in found.missing:
        if name in needed:
            raise Conflict(f"The task's settings name {name}, which is not here to be called.")
    for one in found.deployments:
        if one.owner_id is None and current_price_card(one.pk) is None:
            raise Conflict(
                f"No price is known for {one.slug}, which the program may ask. An administrator "
                "can set one.",
                code="no-price",
            )
        if version.private_item_count and one.owner_id not in {None, version.task.namespace_id}:
            raise NotAllowed(f"This task is private, so that {one.slug} may not be asked.")
    return found


class _UserBound:
    """What the simulated user of a sample can cost at most."""

    def __init__(self, version: TaskVersion, answer_tokens: int) -> None:
        self._answer_tokens = answer_tokens
        user = Definition.from_document(version.definition).prompt.simulated_user
        self.most_output_tokens = user.max_output_tokens if user else 0
        models = _user_models(version)
        self._deployment = models[0] if models else None
        self._card = current_price_card(self._deployment.pk) if self._deployment else None
        self.is_priced = (
            self._deployment is None
            or self._deployment.owner_id is not None
            or self._card is not None
        )

    def of(self, planner: RequestPlanner, item: Item) -> int:
        sample = planner.planned(0, item)
        if self._deployment is None or sample.user is None:
            return 0
        request = ModelRequest(
            messages=[
                {"role": "system", "content": sample.user.instructions},
                *sample.request.messages,
            ],
            max_output_tokens=sample.user.max_output_tokens,
        )
        each = request_bound(request, self._card, self._deployment)
        price = self._card.input_per_mtok if self._card else 0
        turns = sample.user.most_turns - 1
        said = (self._answer_tokens + sample.user.max_output_tokens) * turns * (turns + 1) // 2
        return turns * each - (-said * price // TOKENS_PER_PRICE)


def _bound_of_code(deployment: Deployment, further: FurtherModels, items: int) -> CostBound:
    asked = [deployment, *further.deployments]
    cards = [current_price_card(one.pk) for one in asked if one.owner_id is None]
    is_free = all(
        card is not None and not any((card.input_per_mtok, card.output_per_mtok, card.per_request))
        for card in cards
    )
    return CostBound(
        0,
        items,
        0,
        is_metered=bool(cards),
        is_priced=None not in cards,
        is_open=not is_free,
    )


def start_run(
    *,
    version: TaskVersion,
    contender: Contender,
    purpose: str,
    namespace: Namespace,
    by: User,
    spend_limit: int | None = None,
    also_allowed: Collection[int] = (),
) -> Run:
    """Queue a run of `version` by `contender`, paid by `namespace`.

    `spend_limit` (nanodollars) caps the whole run; a program on the platform's deployments has what
    the quota leaves where none is given. `also_allowed` names deployments, beside the platform's,
    to which a benchmark's owner lets private items go.
    """
    _check_start(version, contender, purpose, namespace, by, also_allowed)
    deployment = contender.deployment
    assert deployment is not None
    items = version.item_count
    if purpose == Run.Purpose.TRY and not version.is_code:
        items = min(TRY_ITEMS, items)
    # First, because it names the model that has no price; the bound only knows that there is one.
    further = _further_models(version, namespace)
    bound = (
        _bound_of_code(deployment, further, items)
        if version.is_code
        else cost_bound(version=version, contender=contender, item_count=items)
    )
    if bound.is_metered and not bound.is_priced:
        raise Conflict(
            f"No price is known for {deployment.slug}, so its cost cannot be counted against your "
            "quota. An administrator can set one.",
            code="no-price",
        )
    card = current_price_card(deployment.pk)
    if version.is_code:
        sandbox.check_can_run(version.definition["environment"])
    if bound.is_open:
        # What is left of the day: a program without a bound would be one over the whole quota.
        if spend_limit is None:
            spend_limit = _whole_quota(namespace)
        bound = replace(bound, total=spend_limit)
    with transaction.atomic():
        run = _create_run(version, contender, purpose, namespace, by, items, bound, card, further)
        run.grant = open_grant(
            payer=namespace,
            subject=f"run:{run.pk}",
            deployments=[deployment, *_user_models(version), *further.deployments],
            cap=spend_limit,
        )
        run.save(update_fields=["grant"])
        _plan_shards(run, 0, run.samples_total)
        if Marker(version).is_pure:
            Scoring.objects.create(
                run=run,
                task_version=version,
                is_inline=True,
                marking_hash=version.marking_hash,
                scorer_versions=run.scorer_versions,
                platform_version=plumbmark.__version__,
                started_by=by,
                samples_total=run.samples_total,
            )
        audit.record("start-run", f"run:{run.pk}", by=by, purpose=purpose)
        tell("run.queued", run_id=run.pk)
        transaction.on_commit(lambda: ring_workers(_bells(run)))
    return run


def _whole_quota(namespace: Namespace) -> int:
    """What the tighter limit leaves. Nothing: a program would only come to a stop at once."""
    status = quota_status(namespace)
    if status.left <= 0:
        limit = status.binding
        raise Conflict(
            "Nothing is left of the quota, and what this program will ask is not known before. The "
            f"{limit.kind}'s limit renews on {limit.renews_at:%Y-%m-%d %H:%M} UTC.",
            code="quota-exhausted",
        )
    return status.left


def try_program(*, version: TaskVersion, by: User) -> Run:
    """Really run a version's code before it is published, against a baseline that costs nothing."""
    if not version.is_code:
        raise Conflict("Only code is run to be checked; try a definition with a model instead.")
    ensure_baselines()
    deployment = Deployment.objects.get(slug=_CHECKED_BY)
    return start_run(
        version=version,
        contender=contender_of_deployment(deployment=deployment, configuration={}, by=by),
        purpose=Run.Purpose.TRY,
        namespace=version.task.namespace,
        by=by,
    )


def _check_start(
    version: TaskVersion,
    contender: Contender,
    purpose: str,
    namespace: Namespace,
    by: User,
    also_allowed: Collection[int],
) -> None:
    if not can_run_version(by, version):
        raise NotAllowed("You may not run this task.")
    if not can_act_for(by, namespace):
        raise NotAllowed(f"You may not start runs in the name of {namespace.handle}.")
    if purpose not in Run.Purpose.values:
        raise InvalidInput([Problem(f"must be one of {', '.join(Run.Purpose.values)}", "purpose")])
    if version.state not in {TaskVersion.State.READY, TaskVersion.State.PUBLISHED}:
        raise Conflict("This version is not ready to be run.")
    if purpose == Run.Purpose.DECLARED and version.state != TaskVersion.State.PUBLISHED:
        raise Conflict("Only a published version takes declared runs. Publish it first.")
    if Marker(version).needs_sandbox:
        check_answers_can_be_run()
    if _needs_sandbox(version):
        sandbox.check_tools_can_run()
    deployment = contender.deployment
    if deployment is None:
        raise Conflict(f"{contender.label} cannot be called; submit its outputs instead.")
    if version.is_code and contender.configuration:
        raise Conflict(
            "The program sets sampling itself, so a contender with settings of its own cannot be "
            "run. Choose the model without differences."
        )
    if not deployment.is_active:
        raise Conflict(f"{deployment.slug} is switched off.")
    check_modalities(version, deployment)
    if deployment.owner is not None and not can_act_for(by, deployment.owner):
        raise NotAllowed(f"{deployment.slug} belongs to somebody else.")
    if version.private_item_count and not _may_see_private_items(
        deployment, version, by, also_allowed
    ):
        raise NotAllowed(
            "This task has private items, and its owner has not allowed them to go to "
            f"{deployment.slug}."
        )


def _needs_sandbox(version: TaskVersion) -> bool:
    """Whether its tools run code; code tasks have workers of their own."""
    return not version.is_code and tools_need_sandbox(Definition.from_document(version.definition))


def check_modalities(version: TaskVersion, deployment: Deployment) -> None:
    """Where the catalogue knows what a model takes in, it is not asked what it cannot see.

    `Conflict` says what is missing.
    """
    known = deployment.model.modalities
    if version.is_code or not known:
        return
    prompt = Definition.from_document(version.definition).prompt
    missing = sorted({part.kind for part in prompt.media_parts} - set(known))
    if missing:
        raise Conflict(
            f"The messages of this task hold {' and '.join(_IN_WORDS[kind] for kind in missing)}, "
            f"and {deployment.model.slug} takes in {', '.join(known)} alone. Choose a model that "
            "takes it in, or have an administrator correct the model's modalities.",
            code="modality",
        )


_IN_WORDS = {"image": "images", "audio": "audio"}


def _may_see_private_items(
    deployment: Deployment, version: TaskVersion, by: User, also_allowed: Collection[int]
) -> bool:
    """Private items go to the platform's deployments, the author's own and the allowed ones."""
    if deployment.owner is None or deployment.pk in also_allowed:
        return True
    return deployment.owner_id == version.task.namespace_id and can_view_private_items(
        by, version.task
    )


def _create_run(
    version: TaskVersion,
    contender: Contender,
    purpose: str,
    namespace: Namespace,
    by: User,
    items: int,
    bound: CostBound,
    card: PriceCard | None,
    further: FurtherModels,
) -> Run:
    deployment = contender.deployment
    assert deployment is not None
    at = now()
    return Run.objects.create(
        task_version=version,
        contender=contender,
        namespace=namespace,
        started_by=by,
        purpose=purpose,
        question_hash=version.question_hash,
        marking_hash=version.marking_hash,
        parameters={**parameters_of(version, contender), **further.as_parameters()},
        deployment_facts={
            "slug": deployment.slug,
            "provider": deployment.provider,
            "base_url": deployment.base_url,
            "upstream_id": deployment.upstream_id,
        },
        price_card=card,
        needs_sandbox=_needs_sandbox(version),
        engine_version=ENGINE_VERSION,
        scorer_versions=Marker(version).versions,
        platform_version=plumbmark.__version__,
        item_count=items,
        repeats=version.repeats,
        cost_bound=bound.total,
        samples_total=items * version.repeats,
        log=[{"at": at.isoformat(timespec="seconds"), "event": "queued", "detail": ""}],
        expires_at=at + _TRY_KEPT if purpose == Run.Purpose.TRY else None,
    )


def _plan_shards(run: Run, start: int, stop: int) -> None:
    size = settings.SHARD_ITEMS
    Shard.objects.bulk_create(
        Shard(
            run=run,
            revision=run.revision,
            index=index,
            start=first,
            stop=min(first + size, stop),
        )
        for index, first in enumerate(range(start, stop, size))
    )


def _bells(run: Run) -> int:
    return -(-run.samples_total // settings.SHARD_ITEMS)


def pause_run(*, run: Run, by: User) -> None:
    """Stop taking new samples until somebody resumes it; calls in flight end and are stored."""
    _check_control(run, by)
    with transaction.atomic():
        paused = change_state(
            run.pk,
            of=[Run.State.QUEUED, Run.State.RUNNING],
            to=Run.State.PAUSED,
            event="paused",
            pause_reason=Run.PauseReason.OWNER,
        )
        if not paused:
            raise Conflict(f"Run {run.pk} is {_state(run)} and cannot be paused.")
        audit.record("pause-run", f"run:{run.pk}", by=by)


def cancel_run(*, run: Run, by: User) -> None:
    """End a run for good. Its samples and its trace stay; a declared run counts as an attempt."""
    _check_control(run, by)
    with transaction.atomic():
        cancelled = change_state(
            run.pk,
            of=[Run.State.QUEUED, Run.State.RUNNING, Run.State.PAUSED],
            to=Run.State.CANCELLED,
            event="cancelled",
            pause_reason="",
            finished_at=now(),
        )
        if not cancelled:
            raise Conflict(f"Run {run.pk} is {_state(run)} and cannot be cancelled.")
        Scoring.objects.filter(run=run, state__in=["queued", "running", "paused"]).update(
            state=Scoring.State.CANCELLED, finished_at=now()
        )
        audit.record("cancel-run", f"run:{run.pk}", by=by)


def resume_run(*, run: Run, by: User) -> None:
    """Let a paused or failed run go on where it stopped."""
    _check_control(run, by)
    with transaction.atomic():
        resumed = change_state(
            run.pk,
            of=[Run.State.PAUSED, Run.State.FAILED],
            to=Run.State.QUEUED,
            event="resumed",
            pause_reason="",
            failure="",
            finished_at=None,
        )
        if not resumed:
            raise Conflict(f"Run {run.pk} is {_state(run)} and cannot be resumed.")
        Shard.objects.filter(run=run, state=Shard.State.QUEUED).update(attempts=0, not_before=None)
        Scoring.objects.filter(run=run, is_inline=True, revision=run.revision).update(
            state=Scoring.State.RUNNING, failure="", finished_at=None
        )
        audit.record("resume-run", f"run:{run.pk}", by=by)
        transaction.on_commit(lambda: ring_workers(_bells(run)))


def set_spend_limit(*, run: Run, spend_limit: int | None, by: User) -> None:
    """Another cap on the whole run (nanodollars, None: none). A run that it paused goes on."""
    _check_control(run, by)
    if spend_limit is not None and spend_limit < 0:
        raise InvalidInput([Problem("must not be negative", "spend_limit")])
    if run.grant is None:
        raise Conflict(f"Run {run.pk} calls no model, so there is nothing to limit.")
    if run.task_version.is_code and spend_limit is None:
        spend_limit = run.charged + _whole_quota(run.namespace)
    with transaction.atomic():
        set_grant_cap(grant=run.grant, cap=spend_limit)
        if run.task_version.is_code:
            Run.objects.filter(pk=run.pk).update(cost_bound=spend_limit)
        audit.record("set-spend-limit", f"run:{run.pk}", by=by, spend_limit=str(spend_limit))
        limited = Run.objects.filter(
            pk=run.pk, state=Run.State.PAUSED, pause_reason=Run.PauseReason.LIMIT
        )
        if limited.exists():
            resume_run(run=run, by=by)
            if run.task_version.is_code:
                # The gateway's doors would refuse by the old limit for so long.
                later = now() + timedelta(seconds=KEPT_SECONDS)
                Shard.objects.filter(run=run, state=Shard.State.QUEUED).update(not_before=later)


def retry_failed_samples(*, run: Run, by: User) -> Run:
    """Ask once more what stayed unscored, as a new revision. Scored samples are not touched."""
    _check_control(run, by)
    if run.is_submitted:
        raise Conflict("Outputs of this run were submitted; there is nothing to ask again.")
    if run.task_version.is_code:
        raise Conflict("A program cannot be run in part. Start a new run.")
    with transaction.atomic():
        locked = Run.objects.select_for_update().select_related("task_version").get(pk=run.pk)
        if locked.state != Run.State.COMPLETED:
            raise Conflict(f"Run {run.pk} is {_state(run)}; only a completed run is retried.")
        failed = list(
            Sample.objects.filter(run=locked, is_scored=False)
            .order_by("ordinal")
            .values_list("ordinal", flat=True)
        )
        if not failed:
            raise Conflict(f"Run {run.pk} has no failed samples.")
        locked.revision += 1
        Run.objects.filter(pk=run.pk).update(
            revision=locked.revision,
            samples_done=F("samples_done") - len(failed),
            samples_unscored=F("samples_unscored") - len(failed),
        )
        _plan_shards(locked, failed[0], failed[-1] + 1)
        _carry_scores_over(locked, by)
        assert locked.grant is not None
        reopen_grant(grant=locked.grant)
        change_state(
            run.pk,
            of=[Run.State.COMPLETED],
            to=Run.State.QUEUED,
            event="retried",
            detail=f"{len(failed)} samples",
            finished_at=None,
        )
        audit.record("retry-run", f"run:{run.pk}", by=by, samples=len(failed))
        transaction.on_commit(lambda: ring_workers(_bells(locked)))
    return locked


def _carry_scores_over(run: Run, by: User) -> None:
    """A scoring of the new revision that starts with the marks that stand.

    Where programs mark, one is queued when the revision is complete.
    """
    before = Scoring.objects.filter(run=run, is_inline=True, revision=run.revision - 1).first()
    if before is None:
        return
    scoring = Scoring.objects.create(
        run=run,
        task_version=before.task_version,
        revision=run.revision,
        is_inline=True,
        marking_hash=before.marking_hash,
        scorer_versions=before.scorer_versions,
        platform_version=plumbmark.__version__,
        started_by=by,
        samples_total=run.samples_total,
    )
    carry_marks_over(before, scoring)


def invalidate_run(*, run: Run, reason: str, by: User) -> None:
    """Mark a run as invalid for a public reason: it stays, and does not count."""
    owner = run.task_version.task.namespace
    if not (by.is_staff or can_act_for(by, owner)):
        raise NotAllowed("Only the task's owner or staff may mark a run as invalid.")
    if not reason.strip():
        raise InvalidInput([Problem("say why: the reason is public", "reason")])
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(invalid_reason=reason.strip()[:500])
        audit.record("invalidate-run", f"run:{run.pk}", by=by, reason=reason)
        tell("run.invalidated", run_id=run.pk)


def _check_control(run: Run, by: User) -> None:
    if not can_control_run(by, run):
        raise NotAllowed(f"Run {run.pk} belongs to somebody else.")


def _state(run: Run) -> str:
    return str(Run.objects.only("state").get(pk=run.pk).get_state_display())


__all__ = [
    "CostBound",
    "cancel_run",
    "check_modalities",
    "cost_bound",
    "fail_run",
    "invalidate_run",
    "pause_run",
    "resume_run",
    "retry_failed_samples",
    "start_run",
    "try_program",
]
