"""Prices from the price data library, matched and kept with what was matched.

The library's matching is fuzzy, so a card remembers the matched entry, the version and the date of
the data; an administrator's price takes precedence. "Not found" means no price, never 0. The
library is imported only here and only when needed: it costs a third of a second and 30 MB. Its
background update is never started.
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from importlib.metadata import version
from typing import Any

from plumbmark.common import clock
from plumbmark.gateway.budget.money import NANO
from plumbmark.gateway.models import Deployment


@dataclass(frozen=True, slots=True)
class MatchedPrice:
    """A price in nanodollars per million tokens, and where it comes from."""

    input_per_mtok: int
    cached_input_per_mtok: int | None
    output_per_mtok: int
    per_request: int
    matched_provider: str
    matched_id: str
    data_version: str
    data_date: date | None


def match_price(deployment: Deployment) -> MatchedPrice | None:
    """Return the library's price of a deployment, or None if it has none."""
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    url = deployment.base_url or None
    try:
        provider, model = snapshot.find_provider_model(deployment.upstream_id, None, None, url)
    except LookupError:
        return None
    prices = model.get_prices(clock.now())
    per_input = _flat(getattr(prices, "input_mtok", None))
    per_output = _flat(getattr(prices, "output_mtok", None))
    if per_input is None or per_output is None:
        return None
    cached = _flat(getattr(prices, "cache_read_mtok", None))
    per_thousand = _flat(getattr(prices, "requests_kcount", None))
    return MatchedPrice(
        input_per_mtok=per_input,
        cached_input_per_mtok=cached,
        output_per_mtok=per_output,
        per_request=-(-(per_thousand or 0) // 1000),
        matched_provider=provider.id,
        matched_id=model.id,
        data_version=f"genai-prices {version('genai-prices')}",
        # The bundle has no date; its version identifies it.
        data_date=snapshot.timestamp.date() if snapshot.from_auto_update else None,
    )


def _flat(price: Any) -> int | None:
    """Return a price in nanodollars, or None if there is none.

    Of a tiered price, take the most expensive tier, so that what is reserved always suffices.
    """
    if price is None:
        return None
    tiers = getattr(price, "tiers", None)
    if tiers is not None:
        price = max([price.base, *(tier.price for tier in tiers)])
    value = Decimal(str(price)) * NANO
    return int(value.to_integral_value(rounding=ROUND_HALF_UP))
