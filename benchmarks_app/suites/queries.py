"""Named reads of model suites."""

from django.db.models import Count, F, Q, QuerySet
from django.http import Http404

from benchmarks_app.models import ModelSuite, SuiteContender
from benchmarks_app.suites.permissions import can_view_suite
from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_inside_of
from plumbmark.manifests import content_hash
from tasks_app.models import Contender
from tasks_app.runs.queries import visible_contenders


def visible_suites(*, to: Visitor) -> QuerySet[ModelSuite]:
    """Return public suites and the visitor's own, the platform's first, with their `size`."""
    shown = Q(is_public=True) | Q(namespace__in=namespaces_inside_of(to))
    if getattr(to, "is_staff", False):
        shown |= Q(namespace__isnull=True)
    return (
        ModelSuite.objects.filter(shown)
        .select_related("namespace")
        .annotate(size=Count("contenders"))
        .order_by(F("namespace_id").asc(nulls_first=True), "name", "id")
    )


def suite_at(*, public_id: str, to: Visitor) -> ModelSuite:
    """Return a suite; 404 if the visitor may not see it."""
    suite = ModelSuite.objects.select_related("namespace").filter(public_id=public_id[:20]).first()
    if suite is None or not can_view_suite(to, suite):
        raise Http404
    return suite


def contenders_of(suite: ModelSuite, *, to: Visitor) -> QuerySet[Contender]:
    """Return the contenders of a suite that the visitor sees, in its order."""
    seen = visible_contenders(to=to, is_listed=False).order_by().values("pk")
    return (
        Contender.objects.filter(suite_places__suite=suite, pk__in=seen)
        .select_related("deployment__model", "deployment__owner", "model")
        .order_by("suite_places__position")
    )


def suite_fingerprint(suite: ModelSuite) -> str:
    """Return a short hash of what the editor changes: it differs when somebody has saved."""
    places = SuiteContender.objects.filter(suite=suite).order_by("position")
    members = list(places.values_list("contender_id", flat=True))
    return content_hash([suite.name, suite.description, suite.is_public, members])[-16:]
