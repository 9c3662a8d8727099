"""The maximum cost of a run, as shown before the start."""

from collections.abc import Sequence

from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import Conflict
from plumbmark.common.heavy_work import HEAVY_ITEMS, heavy_work
from plumbmark.gateway.calls.policy import current_price_cards
from plumbmark.gateway.queries import quota_status
from tasks_app.judges.cost import bound_judges, judges_for
from tasks_app.kinds import CostBound, kind_of
from tasks_app.models import Contender, Item, Run, Sample, TaskVersion
from tasks_app.runs.bound_inputs import BoundInputs, BoundRequest, read_bound_inputs

TYPICAL_OUTPUT_BYTES = 16 * 1024
"""The length of a submitted output for which its cost is told before there is one."""


def cost_bound(
    *,
    version: TaskVersion,
    contender: Contender,
    item_count: int | None = None,
    payer: Namespace | None = None,
    positions: Sequence[int] | None = None,
) -> CostBound:
    """Return an upper bound of a run's cost: every prompt's bytes, and all output tokens allowed.

    With `positions`, it is that of the items there, asked once each.

    Who pays decides whom a program may ask; without a `payer` it is the task's own namespace.
    """
    if contender.deployment is None:
        return CostBound(0, 0, 0, is_metered=False, is_priced=True)
    request = BoundRequest(
        version=version,
        contender=contender,
        payer=payer or version.task.namespace,
        items=version.item_count if item_count is None else item_count,
        positions=positions,
    )
    return bound_request(request, read_bound_inputs([request]))


def bound_request(request: BoundRequest, inputs: BoundInputs) -> CostBound:
    """Return an upper bound of a run's cost, from what was read for it and for others."""
    with heavy_work(owner=request.payer.pk, is_heavy=request.items >= HEAVY_ITEMS):
        return kind_of(request.version).bound_cost(request, inputs)


def bound_scoring(
    *, run: Run | None = None, version: TaskVersion, payer: Namespace, output_bytes: int = 0
) -> CostBound:
    """Return an upper bound of what judges cost for outputs that no model is asked for.

    Of a stored `run`; or of outputs to be submitted, one for each item and repeat, of at most
    `output_bytes` each. No token is shorter than a byte.
    """
    scorer = kind_of(version).output_scorer
    if not scorer.judges:
        return CostBound(0, 0, 0, is_metered=False, is_priced=True)
    if run is None:
        items = Item.objects.filter(version=version).order_by("position")
        outputs = [(item, output_bytes) for item in items for _ in range(version.repeats)]
    else:
        # The items of the version that scores: its targets and columns are what judges see.
        by_key = {item.key: item for item in Item.objects.filter(version=version)}
        samples = Sample.objects.filter(run=run, is_scored=True).values_list("item__key", "output")
        outputs = [
            (by_key[key], len(output.encode("utf-8", "surrogatepass")))
            for key, output in samples.iterator()
            if key in by_key
        ]
    judges = judges_for(scorer.judging.values(), payer)
    cards = current_price_cards([one.pk for one in judges])
    parts = bound_judges(scorer.judging.values(), outputs, judges=judges, cards=cards)
    return CostBound.of_parts(parts, samples=len(outputs), max_output_tokens=0)


def whole_quota(namespace: Namespace) -> int:
    """Return what the tighter limit leaves, in nanodollars; `Conflict` where that is nothing."""
    status = quota_status(namespace)
    if status.left <= 0:
        limit = status.binding
        raise Conflict(
            "Nothing is left of the quota, and what this program will ask is not known before. The "
            f"{limit.kind}'s limit renews on {limit.renews_at:%Y-%m-%d %H:%M} UTC.",
            code="quota-exhausted",
        )
    return status.left
