"""Grants of work that has yet to end: it may still read what its calls were answered."""

from django.db.models import QuerySet

from plumbmark.gateway.models import Grant
from tasks_app.runs.states import RUN_TRANSITIONS, SCORING_TRANSITIONS


def grants_of_runs() -> "QuerySet[Grant]":
    return Grant.objects.filter(run__state__in=RUN_TRANSITIONS["cancelled"].sources)


def grants_of_scorings() -> "QuerySet[Grant]":
    return Grant.objects.filter(scoring__state__in=SCORING_TRANSITIONS["cancelled"].sources)
