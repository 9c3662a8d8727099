"""The benchmarks and the entered runs of a person or team on their profile."""

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from benchmarks_app.models import EntryRun
from benchmarks_app.queries import add_counts, visible_benchmarks
from plumbmark.accounts.models import Namespace
from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.profile_sections import ProfileSection
from tasks_app.runs.queries import visible_runs

_SHOWN = 50
_RUNS = 25


def benchmarks_section(namespace: Namespace, viewer: Visitor) -> ProfileSection | None:
    benchmarks = visible_benchmarks(to=viewer).filter(namespace=namespace)
    shown = list(benchmarks[: _SHOWN + 1])
    if not shown:
        return None
    return ProfileSection(
        title=_("Benchmarks"),
        template="benchmarks_app/_profile.html",
        context={"benchmarks": add_counts(shown[:_SHOWN]), "has_more": len(shown) > _SHOWN},
        count=len(shown) if len(shown) <= _SHOWN else benchmarks.count(),
    )


def entered_runs_section(namespace: Namespace, viewer: Visitor) -> ProfileSection | None:
    """Show the newest runs that are entered on benchmarks that the viewer sees."""
    benchmarks = visible_benchmarks(to=viewer).order_by()
    entered = EntryRun.objects.filter(
        Exists(benchmarks.filter(pk=OuterRef("entry__version__benchmark_id"))), run=OuterRef("pk")
    )
    runs = visible_runs(to=viewer).filter(Exists(entered), namespace=namespace).order_by("-pk")
    shown = list(runs[: _RUNS + 1])
    if not shown:
        return None
    return ProfileSection(
        title=_("Entered runs"),
        template="benchmarks_app/_profile_runs.html",
        context={"runs": shown[:_RUNS], "has_more": len(shown) > _RUNS},
    )
