"""Starting trials: for each model a run of purpose `try` over the same few items.

A trial takes the whole path of a run: the same prompts, gateway, tools, scorers and judges, by the
same workers. So whatever a run can do can be tried, and what cannot be run says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from plumbmark.accounts.models import Namespace, User
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from tasks_app.kinds import CostBound, kind_of
from tasks_app.models import Contender, ItemTrial, Run, TaskVersion
from tasks_app.runs.bound_inputs import BoundInputs, BoundRequest, read_bound_inputs
from tasks_app.runs.cost import bound_request
from tasks_app.runs.start import TRY_KEPT, check_start, start_run

MAX_MODELS = 4


@dataclass(frozen=True, slots=True)
class ModelBound:
    """The most that a model's part of a trial costs, or why it cannot be asked."""

    contender: Contender
    bound: CostBound | None
    refusal: str = ""

    @property
    def is_askable(self) -> bool:
        return self.bound is not None


def bound_trial(
    *,
    version: TaskVersion,
    contenders: Sequence[Contender],
    namespace: Namespace,
    positions: Sequence[int] | None = None,
    by: User,
) -> list[ModelBound]:
    """Return for each model the most that its part costs, or why it cannot be asked. Starts
    nothing.
    """
    check_models(version, contenders)
    items = kind_of(version).count_items(of_try=True)
    requests = [BoundRequest(version, one, namespace, items, positions) for one in contenders]
    inputs = read_bound_inputs(requests)
    return [_bound(one, inputs, by) for one in requests]


def start_trial(
    *,
    version: TaskVersion,
    contenders: Sequence[Contender],
    namespace: Namespace,
    positions: Sequence[int] | None = None,
    reason: ItemTrial.TrialReason = ItemTrial.TrialReason.TRY,
    by: User,
) -> ItemTrial:
    """Ask the same few items of every model at once: the first ones, or those at `positions`.

    A model that cannot be asked is left out with its reason; `Conflict` where that is all of them.
    """
    check_models(version, contenders)
    with transaction.atomic():
        trial = ItemTrial.objects.create(
            version=version,
            namespace=namespace,
            reason=reason,
            created_by=by,
            expires_at=now() + TRY_KEPT,
        )
        runs: list[Run] = []
        for contender in contenders:
            try:
                with transaction.atomic():
                    run = start_run(
                        version=version,
                        contender=contender,
                        purpose=Run.Purpose.TRY,
                        namespace=namespace,
                        positions=positions,
                        by=by,
                    )
            except (Conflict, InvalidInput, NotAllowed) as error:
                trial.refusals[_name(contender)] = error.message
            else:
                runs.append(run)
        if not runs:
            raise Conflict(
                "No model could be asked. "
                + " ".join(f"{name}: {why}" for name, why in trial.refusals.items())
            )
        trial.save(update_fields=["refusals"])
        trial.runs.set(runs)
        audit.record("start-trial", f"task:{version.task.public_id}", by=by, runs=len(runs))
    return trial


def check_models(version: TaskVersion, contenders: Sequence[Contender]) -> None:
    """Refuse no model, too many, and tasks that are programs."""
    if kind_of(version).runs_program:
        raise Conflict(
            "A program decides by itself what it asks, so no few items can be tried. Save and try "
            "it in its editor."
        )
    if not 1 <= len(contenders) <= MAX_MODELS:
        message = f"choose one to {MAX_MODELS} models, not {len(contenders)}"
        raise InvalidInput([Problem(message, "models")])
    if len({_key(one) for one in contenders}) < len(contenders):
        raise InvalidInput([Problem("name each model once", "models")])


def _bound(request: BoundRequest, inputs: BoundInputs, by: User) -> ModelBound:
    contender = request.contender
    try:
        check_start(request.version, contender, Run.Purpose.TRY, request.payer, by)
        bound = bound_request(request, inputs)
    except (Conflict, InvalidInput, NotAllowed) as error:
        return ModelBound(contender, None, error.message)
    if bound.is_metered and not bound.is_priced:
        name = bound.unpriced or _name(contender)
        return ModelBound(contender, None, f"No price is known for {name}.")
    return ModelBound(contender, bound)


def _name(contender: Contender) -> str:
    return contender.deployment.slug if contender.deployment else contender.label


def _key(contender: Contender) -> tuple[int | None, str]:
    return contender.deployment_id, contender.configuration_hash
