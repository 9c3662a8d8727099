"""Messages as the command line reads them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

NANODOLLARS = 10**9


def lean(**fields: Any) -> dict[str, Any]:
    """Return a message without fields that are unset, empty or false, which readers assume
    anyway.
    """
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value is not False and value not in ("", [], {})
    }


def moment(at: datetime | None) -> str | None:
    """Return ISO 8601 in UTC with a `Z`: the reader strips that letter and parses the rest."""
    if at is None:
        return None
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def absolute(path: str) -> str:
    """Return a full address: the command line would prepend another site's to a path."""
    return f"{settings.SITE_URL}{path}"


def numeric_result(
    value: float | None, low: float | None, high: float | None
) -> dict[str, Any] | None:
    """Return a score with its interval, which is rarely symmetric."""
    if value is None:
        return None
    result: dict[str, Any] = {"value": value}
    if low is not None and high is not None:
        result["unevenConfidenceInterval"] = {"plus": high - value, "minus": value - low}
    return {"numericResult": result}


def result_of(estimate: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the same from a stored estimate."""
    if not estimate:
        return None
    return numeric_result(estimate.get("value"), estimate.get("low"), estimate.get("high"))
