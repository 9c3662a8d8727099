"""Cost bounds of large versions, kept: computing one reads every item.

A version never changes, so a bound depends on it, on the number of items, the sampling, and on the
rows and prices of the deployments that are asked. All of that is in the key: a new price card or a
changed option is another key.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.cache import caches
from django.db.models import Model

import plumbmark
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.models import Deployment
from plumbmark.manifests import content_hash
from tasks_app.kinds import CostBound
from tasks_app.models import TaskVersion

MIN_ITEMS = 100
"""Of fewer items the bound is computed anew: that is as quick as reading it."""
_KEPT_SECONDS = 30 * 24 * 3600


def stored_bound(
    version: TaskVersion,
    *,
    items: int,
    parameters: Mapping[str, Any],
    deployments: Sequence[Deployment],
    compute: Callable[[], CostBound],
) -> CostBound:
    """Return the bound of a run over the first `items`, computed only if it is not known.

    The order of `deployments` says in which role each is asked.
    """
    if items < MIN_ITEMS:
        return compute()
    key = _key(version, items, parameters, deployments)
    cache = caches["default"]
    found = cache.get(key)
    if not isinstance(found, CostBound):
        found = compute()
        cache.set(key, found, _KEPT_SECONDS)
    return found


def _key(
    version: TaskVersion,
    items: int,
    parameters: Mapping[str, Any],
    deployments: Sequence[Deployment],
) -> str:
    asked = [[_row(one), _row(one.model), _row(current_price_card(one.pk))] for one in deployments]
    facts = [plumbmark.__version__, version.pk, version.source_digest, items, parameters, asked]
    # Numbers and dates as text: the key is compared, never read.
    return f"cost-bound:{content_hash(json.loads(json.dumps(facts, default=str)))}"


def _row(row: Model | None) -> dict[str, str] | None:
    if row is None:
        return None
    fields = row._meta.concrete_fields
    return {field.attname: repr(field.value_from_object(row)) for field in fields}
