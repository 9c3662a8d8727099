"""Letting the bodies of exchanges go: one way, whatever the reason and wherever they are stored."""

from django.db import transaction
from django.db.models import QuerySet

from plumbmark.common import clock
from plumbmark.gateway.models import Exchange, ExchangeObject


def withhold(exchanges: "QuerySet[Exchange]", *, reason: str) -> int:
    """Replace what these calls sent and received by a reason; return how many.

    The calls, their costs and usage, and the hashes of their exchanges stay. What lay in objects is
    gone for every reader at once; the bytes go with a later `exchanges.sweep`.
    """
    kept = exchanges.filter(withheld_at__isnull=True)
    with transaction.atomic():
        in_objects = kept.filter(stored_in__isnull=False).order_by().values("stored_in")
        ExchangeObject.objects.filter(pk__in=in_objects, has_erased=False).update(has_erased=True)
        return kept.update(
            body=b"",
            stored_in=None,
            start=None,
            length=None,
            withheld_at=clock.now(),
            withheld_reason=reason,
        )
