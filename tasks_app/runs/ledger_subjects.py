"""How the ledger calls runs and scorings, and where it leads for them."""

from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.translation import gettext as _

from plumbmark.gateway.budget.subjects import SubjectPage
from tasks_app.models import Run, Scoring


def pages_of_runs(ids: Collection[int]) -> Mapping[int, SubjectPage]:
    """Return the pages of runs. Tries are removed after a while; their lines remain, without a
    link.
    """
    there = Run.objects.filter(pk__in=ids).values_list("pk", flat=True)
    return {pk: SubjectPage(_("run %(id)d") % {"id": pk}, _url(pk)) for pk in there}


def pages_of_scorings(ids: Collection[int]) -> Mapping[int, SubjectPage]:
    """Return the pages of scorings: a scoring is shown on its run's page."""
    runs = Scoring.objects.filter(pk__in=ids).values_list("pk", "run_id")
    return {
        pk: SubjectPage(_("scoring of run %(id)d") % {"id": run_id}, _url(run_id))
        for pk, run_id in runs
    }


def _url(run_id: int) -> str:
    return reverse("runs:detail", args=[run_id])
