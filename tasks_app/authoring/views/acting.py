"""Who acts, and how an action's problems come to stand beside the form's fields."""

from collections.abc import Mapping

from django import forms
from django.http import Http404, HttpRequest

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.queries import namespaces_acted_for_by
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from tasks_app.models import Task
from tasks_app.permissions import can_edit_task
from tasks_app.runs.queries import task_at


def person(request: HttpRequest) -> User:
    """The signed-in person, behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user


def acting_namespaces(request: HttpRequest) -> list[Namespace]:
    """In whose name the person may act, their own first."""
    namespaces = list(namespaces_acted_for_by(request.user))
    if not namespaces:
        raise Conflict("Your account has no handle yet; choose one in the settings.")
    return sorted(namespaces, key=lambda one: one.user_id is None)


def chosen_namespace(namespaces: list[Namespace], handle: str) -> Namespace:
    """The one with this handle; the person's own where none was chosen."""
    if not handle:
        return namespaces[0]
    for namespace in namespaces:
        if namespace.handle == handle:
            return namespace
    raise NotAllowed(f"You may not act in the name of {handle}.")


def own_task_at(request: HttpRequest, handle: str, slug: str) -> Task:
    """A task that the person may edit. Who may not even see it gets a 404."""
    task = task_at(handle=handle, slug=slug, to=request.user)
    if not can_edit_task(request.user, task):
        raise NotAllowed("This task belongs to somebody else.")
    return task


def add_problems(
    form: forms.Form, error: InvalidInput, names: Mapping[str, str] | None = None
) -> None:
    """Put an action's problems beside the fields they are about; the rest above the form.

    `names` maps paths of the action to fields, where they differ.
    """
    for problem in error.problems:
        path = problem.path.partition(":")[0].partition(".")[0]
        field = (names or {}).get(path, path)
        if field in form.fields:
            form.add_error(field, _sentence(problem.message))
        else:
            form.add_error(None, _sentence(str(problem)))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def number_in(request: HttpRequest, name: str) -> int | None:
    """A whole number of the query; None where there is none, 404 where it is nonsense."""
    raw = request.GET.get(name, "")
    if not raw:
        return None
    if not (raw.isascii() and raw.isdigit() and len(raw) < 19):
        raise Http404
    return int(raw)
