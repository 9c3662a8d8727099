"""Reports that wait for a person's decision, on the person's own profile."""

from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace
from plumbmark.accounts.permissions import Visitor, can_act_for
from plumbmark.accounts.profile_sections import ProfileSection
from tasks_app.item_reports.queries import waiting_reports

_SHOWN = 20


def waiting_reports_section(namespace: Namespace, viewer: Visitor) -> ProfileSection | None:
    """Show the open reports on the namespace's tasks to those who may decide them."""
    if not can_act_for(viewer, namespace):
        return None
    reports = waiting_reports(viewer).filter(version__task__namespace=namespace)
    shown = list(reports[: _SHOWN + 1])
    if not shown:
        return None
    return ProfileSection(
        title=_("Reports that wait for you"),
        template="tasks_app/item_reports/_profile.html",
        context={"reports": shown[:_SHOWN], "has_more": len(shown) > _SHOWN},
        count=len(shown) if len(shown) <= _SHOWN else reports.count(),
    )
