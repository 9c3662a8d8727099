"""Cost bounds of large versions, kept: computing one reads every item.

A version never changes, so a bound depends on it, on the number of items, the sampling, and on the
rows and prices of the deployments that are asked. All of that is in the key: a new price card or a
changed option is another key.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.cache import caches
from django.db.models import Model

import plumbmark
from plumbmark.gateway.models import Deployment, PriceCard
from plumbmark.manifests import content_hash
from tasks_app.kinds import CostBound
from tasks_app.models import TaskVersion

MIN_ITEMS = 100
"""Of fewer items the bound is computed anew: that is as quick as reading it."""
_KEPT_SECONDS = 30 * 24 * 3600


def store_bound(key: str, bound: CostBound) -> None:
    """Keep a bound that was computed."""
    caches["default"].set(key, bound, _KEPT_SECONDS)


def key_of_bound(
    version: TaskVersion,
    *,
    items: int,
    parameters: Mapping[str, Any],
    deployments: Sequence[Deployment],
    cards: Mapping[int, PriceCard],
) -> str:
    """Return the key under which the bound of a run over the first `items` is kept.

    The order of `deployments` says in which role each is asked.
    """
    asked = [[_row(one), _row(one.model), _row(cards.get(one.pk))] for one in deployments]
    facts = [plumbmark.__version__, version.pk, version.source_digest, items, parameters, asked]
    # Numbers and dates as text: the key is compared, never read.
    return f"cost-bound:{content_hash(json.loads(json.dumps(facts, default=str)))}"


def _row(row: Model | None) -> dict[str, str] | None:
    if row is None:
        return None
    fields = row._meta.concrete_fields
    return {field.attname: repr(field.value_from_object(row)) for field in fields}
