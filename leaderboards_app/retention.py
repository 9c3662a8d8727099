"""The policy of how long snapshots are kept that stood only briefly.

Every snapshot has a permalink, and nobody knows who noted it. So almost all stay for ever: the
first and the newest of a board, the last one of each UTC day, whatever a correction refers to,
whatever somebody made on purpose, and whatever was the board for an hour or longer. What goes are
the states between, while many runs ended. Their rows stay, with number, date and hash.
"""

import re
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils.translation import gettext_lazy as _

from leaderboards_app.models import (
    Correction,
    ScoringOrders,
    SliceResults,
    Standings,
    Weightings,
)
from leaderboards_app.subscribers import AUTOMATIC_REASONS
from plumbmark.common.clock import now
from plumbmark.common.retention import RETENTION, RetentionPolicy

BRIEF = timedelta(hours=1)


def _brief_standings(before: datetime) -> "QuerySet[Standings]":
    later = Standings.objects.filter(version=OuterRef("version"), number__gt=OuterRef("number"))
    later_that_day = later.annotate(day=TruncDate("created_at")).filter(day=OuterRef("own_day"))
    follower = Standings.objects.filter(
        version=OuterRef("version"),
        number=OuterRef("number") + 1,
        created_at__lt=OuterRef("created_at") + BRIEF,
    )
    corrections = Correction.objects.filter(Q(before=OuterRef("pk")) | Q(after=OuterRef("pk")))
    return (
        Standings.objects.annotate(own_day=TruncDate("created_at"))
        .filter(created_at__lt=before, withheld_at__isnull=True, number__gt=1)
        .filter(_automatic())
        .filter(Exists(follower), Exists(later_that_day), ~Exists(corrections))
        .order_by("pk")
    )


def _automatic() -> Q:
    """Match reasons of nothing but automatic ones; one that was cut short does not match."""
    words = "|".join(re.escape(reason) for reason in sorted(AUTOMATIC_REASONS))
    return Q(reason__regex=f"^({words})(, ({words}))*$")


def _withhold(rows: "QuerySet[Standings]") -> int:
    ids = list(rows.values_list("pk", flat=True))
    for derived in (SliceResults, Weightings, ScoringOrders):
        derived.objects.filter(standings__in=ids).delete()
    return Standings.objects.filter(pk__in=ids, withheld_at__isnull=True).update(
        content={}, excerpt=None, summary=None, withheld_at=now(), withheld_reason=RETENTION
    )


BRIEF_STANDINGS = RetentionPolicy(
    "standings",
    _("Snapshots of boards that stood for less than an hour"),
    _brief_standings,
    "created_at",
    _withhold,
)
