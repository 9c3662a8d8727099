"""Two editors of one draft: who comes second is told, and decides."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

from tasks_app.models import TaskDraft


def edit_conflict_message(request: HttpRequest, draft: TaskDraft) -> str:
    """Return a message where the draft is another than the one the form showed; empty otherwise.

    The form shows the draft's new mark next time, so that saving again takes its place.
    """
    shown = request.POST.get("mark", "")
    if not shown or shown == draft.mark:
        return ""
    return _(
        "This draft was changed meanwhile by %(who)s (%(at)s UTC), in another tab or window. "
        "Nothing of yours is saved yet. Open the editor anew in another tab to see the other "
        "text; save again to put yours in its place. Files have to be chosen again."
    ) % {"who": draft.updated_by.namespace.handle, "at": f"{draft.updated_at:%H:%M:%S}"}
