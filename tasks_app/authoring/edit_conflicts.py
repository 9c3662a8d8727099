"""Edit conflicts: two people edit one draft, and the second to save decides."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

from tasks_app.models import TaskDraft


def edit_conflict_message(request: HttpRequest, draft: TaskDraft) -> str:
    """Return a message if the draft has changed since the form was shown, else an empty string.

    The form carries the draft's new fingerprint next time, so that saving again overwrites it.
    """
    fingerprint = request.POST.get("fingerprint", "")
    if not fingerprint or fingerprint == draft.fingerprint:
        return ""
    return _(
        "In the meantime %(who)s changed this draft (%(at)s UTC) in another tab or "
        "window. Your changes are not saved yet. Open the editor in another tab to "
        "see the other text; save again to replace it with yours. Files have to be "
        "chosen again."
    ) % {"who": draft.updated_by.namespace.handle, "at": f"{draft.updated_at:%H:%M:%S}"}
