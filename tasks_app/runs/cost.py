"""The maximum cost of a run, as shown before the start."""

from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import Conflict
from plumbmark.common.heavy_work import HEAVY_ITEMS, heavy_work
from plumbmark.gateway.queries import quota_status
from tasks_app.kinds import CostBound, kind_of
from tasks_app.models import Contender, TaskVersion


def cost_bound(
    *,
    version: TaskVersion,
    contender: Contender,
    item_count: int | None = None,
    payer: Namespace | None = None,
) -> CostBound:
    """Return an upper bound of a run's cost: every prompt's bytes, and all output tokens allowed.

    Who pays decides whom a program may ask; without a `payer` it is the task's own namespace.
    """
    deployment = contender.deployment
    if deployment is None:
        return CostBound(0, 0, 0, is_metered=False, is_priced=True)
    payer = payer or version.task.namespace
    items = version.item_count if item_count is None else item_count
    with heavy_work(owner=payer.pk, is_heavy=items >= HEAVY_ITEMS):
        return kind_of(version).bound_cost(deployment, contender, items=items, payer=payer)


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
