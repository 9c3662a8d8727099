"""Starting runs: what must be true before, and the rows that a run begins with."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction

import plumbmark
from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.outbox import record_event
from plumbmark.engine import ENGINE_VERSION
from plumbmark.gateway.actions import ensure_baselines, open_grant
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.models import Deployment, PriceCard
from tasks_app.kinds import AuxiliaryDeployments, CostBound, kind_of
from tasks_app.models import Contender, Run, Scoring, TaskVersion
from tasks_app.permissions import can_run_version, check_content, check_private_items
from tasks_app.runs.contenders import check_extra_body, contender_of_deployment
from tasks_app.runs.cost import cost_bound, whole_quota
from tasks_app.runs.shards import plan_shards
from tasks_app.workers import sandbox
from tasks_app.workers.reports import check_answers_can_be_run
from tasks_app.workers.wake import wake_workers

_CHECKED_BY = "baseline/echo"
TRY_KEPT = timedelta(days=7)


def start_run(
    *,
    version: TaskVersion,
    contender: Contender,
    purpose: str,
    namespace: Namespace,
    by: User,
    spend_limit: int | None = None,
    positions: Sequence[int] | None = None,
) -> Run:
    """Queue a run of `version` by `contender`, paid by `namespace`.

    `spend_limit` (nanodollars) caps the whole run; a program on the platform's deployments has what
    the quota leaves where none is given. With `positions`, only the items there are asked, once
    each.
    """
    check_start(version, contender, purpose, namespace, by)
    deployment = contender.deployment
    assert deployment is not None
    kind = kind_of(version)
    items = kind.count_items(of_try=purpose == Run.Purpose.TRY)
    if positions is not None:
        items = len(positions)
    # First, because it names the model that has no price; the bound only knows that there is one.
    auxiliary = kind.auxiliary_deployments(namespace)
    check_private_items(version, [deployment, *auxiliary.deployments])
    bound = cost_bound(
        version=version,
        contender=contender,
        item_count=items,
        payer=namespace,
        positions=positions,
    )
    if bound.is_metered and not bound.is_priced:
        raise Conflict(
            f"No price is known for {bound.unpriced or deployment.slug}, so its cost cannot be "
            "counted against your "
            "quota. An administrator can set one.",
            code="no-price",
        )
    card = current_price_card(deployment.pk)
    kind.check_workers()
    if bound.is_open:
        # What is left of the day: a program without a bound would be one over the whole quota.
        if spend_limit is None:
            spend_limit = whole_quota(namespace)
        bound = replace(bound, total=spend_limit)
    with transaction.atomic():
        run = _create_run(
            version, contender, purpose, namespace, by, items, bound, card, auxiliary, positions
        )
        run.grant = open_grant(
            payer=namespace,
            subject=f"run:{run.pk}",
            deployments=[deployment, *auxiliary.deployments],
            cap=spend_limit,
        )
        run.save(update_fields=["grant"])
        shards = plan_shards(run, run.spans)
        if kind.output_scorer.is_pure:
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
        record_event("run.queued", run_id=run.pk)
        wake_workers(shards)
    return run


def try_program(*, version: TaskVersion, by: User) -> Run:
    """Run a version's code before it is published, against a baseline that costs nothing."""
    if not kind_of(version).runs_program:
        raise Conflict("Only code tasks can be checked; try a definition with a model instead.")
    ensure_baselines()
    deployment = Deployment.objects.get(slug=_CHECKED_BY)
    return start_run(
        version=version,
        contender=contender_of_deployment(deployment=deployment, configuration={}, by=by),
        purpose=Run.Purpose.TRY,
        namespace=version.task.namespace,
        by=by,
    )


def check_start(
    version: TaskVersion,
    contender: Contender,
    purpose: str,
    namespace: Namespace,
    by: User,
) -> None:
    """Raise what forbids a start, apart from its price."""
    if not can_run_version(by, version):
        raise NotAllowed("You may not run this task.")
    if not can_act_for(by, namespace):
        raise NotAllowed(f"You may not start runs on behalf of {namespace.handle}.")
    if purpose not in Run.Purpose.values:
        raise InvalidInput([Problem(f"must be one of {', '.join(Run.Purpose.values)}", "purpose")])
    if version.state not in {TaskVersion.State.READY, TaskVersion.State.PUBLISHED}:
        raise Conflict("This version is not ready to be run.")
    check_content(version)
    if purpose == Run.Purpose.DECLARED and version.state != TaskVersion.State.PUBLISHED:
        raise Conflict("Only a published version can have declared runs. Publish it first.")
    kind = kind_of(version)
    if kind.output_scorer.needs_sandbox:
        check_answers_can_be_run()
    if kind.needs_sandbox:
        sandbox.check_tools_can_run()
    deployment = contender.deployment
    if deployment is None:
        raise Conflict(f"{contender.label} cannot be called; submit its outputs instead.")
    kind.check_contender(contender)
    if not deployment.is_active:
        raise Conflict(f"{deployment.slug} is switched off.")
    kind.check_deployment(deployment)
    check_extra_body(contender.configuration, deployment)
    if deployment.owner is not None and not can_act_for(by, deployment.owner):
        raise NotAllowed(f"{deployment.slug} belongs to somebody else.")
    check_private_items(version, [deployment])


def _sent_options(deployment: Deployment) -> dict[str, Any]:
    """Return the options that change what a model is asked: a run freezes them."""
    extra_body = deployment.options.get("extra_body")
    return {"extra_body": extra_body} if extra_body else {}


def _create_run(
    version: TaskVersion,
    contender: Contender,
    purpose: str,
    namespace: Namespace,
    by: User,
    items: int,
    bound: CostBound,
    card: PriceCard | None,
    auxiliary: AuxiliaryDeployments,
    positions: Sequence[int] | None,
) -> Run:
    deployment = contender.deployment
    assert deployment is not None
    kind = kind_of(version)
    at = now()
    repeats = version.repeats if positions is None else 1
    return Run.objects.create(
        task_version=version,
        contender=contender,
        namespace=namespace,
        started_by=by,
        purpose=purpose,
        question_hash=version.question_hash,
        marking_hash=version.marking_hash,
        parameters={**kind.parameters(contender), **auxiliary.parameters},
        deployment_facts={
            "slug": deployment.slug,
            "provider": deployment.provider,
            "base_url": deployment.base_url,
            "upstream_id": deployment.upstream_id,
            **_sent_options(deployment),
        },
        price_card=card,
        needs_sandbox=kind.needs_sandbox,
        engine_version=ENGINE_VERSION,
        scorer_versions=kind.output_scorer.versions,
        platform_version=plumbmark.__version__,
        item_count=items,
        repeats=repeats,
        sampled_positions=None if positions is None else sorted(positions),
        cost_bound=bound.total,
        samples_total=items * repeats,
        log=[{"at": at.isoformat(timespec="seconds"), "event": "queued", "detail": ""}],
        expires_at=at + TRY_KEPT if purpose == Run.Purpose.TRY else None,
    )
