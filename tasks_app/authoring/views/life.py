"""Putting a task away, giving it to another namespace, deleting it: forms of its settings."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, person
from plumbmark.common.errors import Conflict
from tasks_app.authoring.forms import TransferForm
from tasks_app.authoring.life import delete_task, deletion_obstacle, set_archived, transfer_task
from tasks_app.authoring.queries import own_task_at
from tasks_app.models import Task
from tasks_app.task_copies.licences import licence_warnings
from tasks_app.transfer_offers.forms import OfferForm
from tasks_app.transfer_offers.queries import open_offer_of


def life_context(request: HttpRequest, task: Task) -> dict[str, Any]:
    """Return what the settings show of these."""
    targets = [one for one in acting_namespaces(request) if one.pk != task.namespace_id]
    return {
        "offer_form": OfferForm(),
        "offer": open_offer_of(task),
        "transfer_form": TransferForm(namespaces=targets) if targets else None,
        "deletion_obstacle": deletion_obstacle(task),
        "licence_warnings": licence_warnings(task),
    }


@login_required
@require_POST
def task_archive(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Take the task out of all lists, or back into them."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    is_archived = request.POST.get("archived") == "yes"
    set_archived(task=task, is_archived=is_archived, by=person(request))
    text = _("The task is archived.") if is_archived else _("The task is in the lists again.")
    messages.success(request, text)
    return redirect("tasks:settings", task.namespace.handle, task.slug)


@login_required
@require_POST
def task_transfer(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Give the task to another namespace that the person acts for."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    namespaces = acting_namespaces(request)
    form = TransferForm(request.POST, namespaces=namespaces)
    if "slug" in form.errors:
        messages.error(request, " ".join(map(str, form.errors["slug"])))
        return redirect("tasks:settings", handle, slug)
    try:
        target = chosen_namespace(namespaces, request.POST.get("handle", ""))
        task = transfer_task(
            task=task, to=target, slug=form.cleaned_data["slug"], by=person(request)
        )
    except Conflict as error:
        messages.error(request, error.message)
    else:
        text = _("The task belongs to %(handle)s now. Its old address leads here.")
        messages.success(request, text % {"handle": target.handle})
    return redirect("tasks:settings", task.namespace.handle, task.slug)


@login_required
@require_POST
def task_delete(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Delete what was never published, once the person confirmed it."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    if request.POST.get("confirm") != "yes":
        messages.error(request, _("Tick the box to confirm that the task is deleted for good."))
        return redirect("tasks:settings", task.namespace.handle, task.slug)
    try:
        delete_task(task=task, by=person(request))
    except Conflict as error:
        messages.error(request, error.message)
        return redirect("tasks:settings", task.namespace.handle, task.slug)
    messages.success(request, _("The task is deleted."))
    return redirect("tasks:list")
