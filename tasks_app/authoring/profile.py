"""The tasks of a person or team on their profile."""

from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace
from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.profile_sections import ProfileSection
from tasks_app.authoring.queries import visible_tasks

_SHOWN = 50


def tasks_section(namespace: Namespace, viewer: Visitor) -> ProfileSection | None:
    tasks = visible_tasks(to=viewer).filter(namespace=namespace)
    shown = list(tasks[: _SHOWN + 1])
    if not shown:
        return None
    return ProfileSection(
        title=_("Tasks"),
        template="tasks_app/authoring/_profile.html",
        context={"tasks": shown[:_SHOWN], "has_more": len(shown) > _SHOWN},
        count=len(shown) if len(shown) <= _SHOWN else tasks.count(),
    )
