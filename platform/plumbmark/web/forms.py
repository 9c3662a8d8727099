"""What pages read from requests, and problems beside the fields of a form."""

from collections.abc import Mapping

from django import forms
from django.http import Http404, HttpRequest

from plumbmark.common.errors import DomainError, InvalidInput


def add_problems(
    form: forms.Form, error: DomainError, names: Mapping[str, str] | None = None
) -> None:
    """Put an action's problems beside the fields they are about; the rest above the form.

    `names` maps paths of the action to fields, where they differ.
    """
    if not isinstance(error, InvalidInput):
        form.add_error(None, error.message)
        return
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
    """Return a whole number of the query; None if there is none, 404 if it is malformed."""
    raw = request.GET.get(name, "")
    if not raw:
        return None
    if not (raw.isascii() and raw.isdigit() and len(raw) < 19):
        raise Http404
    return int(raw)
