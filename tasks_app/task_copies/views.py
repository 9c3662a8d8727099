"""Copying a version on a page: what is copied, and the button."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import (
    acting_namespaces,
    chosen_namespace,
    namespace_field,
    person,
)
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from plumbmark.web.forms import add_problems
from tasks_app.authoring.queries import task_at, version_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.kinds import kind_of
from tasks_app.permissions import can_view_private_items
from tasks_app.task_copies.actions import copy_task


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def copy_create(request: HttpRequest, handle: str, slug: str, number: int) -> HttpResponse:
    """Ask for the copy's title and owner; copy on POST, and go to its editor."""
    task = task_at(handle=handle, slug=slug, to=request.user)
    version = version_at(task=task, number=number, to=request.user)
    version.task = task
    kind = kind_of(version)
    sees_private = can_view_private_items(request.user, task)
    if kind.runs_program and kind.definition.is_private and not sees_private:
        raise Http404
    namespaces = acting_namespaces(request)
    form = forms.Form(request.POST if request.method == "POST" else None)
    form.fields["title"] = forms.CharField(label=_("Title"), max_length=120, initial=task.title)
    if len(namespaces) > 1:
        form.fields["namespace"] = namespace_field(namespaces)
    if request.method == "POST" and form.is_valid():
        try:
            namespace = chosen_namespace(namespaces, form.cleaned_data.get("namespace", ""))
            copy = copy_task(
                version=version,
                namespace=namespace,
                title=form.cleaned_data["title"],
                by=person(request),
            )
        except InvalidInput as error:
            add_problems(form, error, {"slug": "title"})
        except (Conflict, NotAllowed) as error:
            form.add_error("title", error.message)
        else:
            address = "tasks:edit-code" if kind.runs_program else "tasks:edit"
            return redirect(address, copy.namespace.handle, copy.slug)
    context = {
        "task": task,
        "version": version,
        "form": form,
        "left_out": 0 if sees_private else version.private_item_count,
        "is_program": kind.runs_program,
        "trail": [*trail_of(task), {"label": _("Copy")}],
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "tasks_app/task_copies/copy.html", context, status=status)
