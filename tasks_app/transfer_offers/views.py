"""Offers on pages: made in the settings of a task, seen and decided by both sides."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbmark.accounts.acting import person
from plumbmark.common.errors import Conflict, DomainError, InvalidInput
from tasks_app.authoring.queries import own_task_at
from tasks_app.models import TransferOffer
from tasks_app.transfer_offers.actions import (
    accept_offer,
    decline_offer,
    offer_task,
    withdraw_offer,
)
from tasks_app.transfer_offers.forms import AcceptOfferForm
from tasks_app.transfer_offers.permissions import can_decide_offer, can_withdraw_offer
from tasks_app.transfer_offers.queries import facts_of_offer, offer_at, visible_offers

_OFFERS_OF_A_PAGE = 25


@login_required
@require_POST
def offer_create(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Offer the task to somebody else."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    try:
        offer = offer_task(
            task=task, handle=request.POST.get("recipient", "")[:100], by=person(request)
        )
    except InvalidInput as error:
        messages.error(request, _("Not offered: %(why)s.") % {"why": error.problems[0].message})
    except Conflict as error:
        messages.error(request, error.message)
    else:
        text = _("The task is offered to %(handle)s. Nothing changes before they accept it.")
        messages.success(request, text % {"handle": offer.recipient.handle})
    return redirect("tasks:settings", task.namespace.handle, task.slug)


@never_cache
@login_required
@require_safe
def offer_list(request: HttpRequest) -> HttpResponse:
    """List the offers to and from the person and their teams, newest first."""
    offers = Paginator(visible_offers(to=request.user), _OFFERS_OF_A_PAGE)
    context = {
        "page": offers.get_page(request.GET.get("page")),
        "trail": [{"label": _("Offers of tasks")}],
    }
    return render(request, "tasks_app/transfer_offers/offers.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def offer_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show an offer to both of its sides; a POST decides it, or withdraws it."""
    offer = offer_at(public_id=public_id, to=request.user)
    if request.method != "POST":
        return _show(request, offer, AcceptOfferForm(initial={"slug": offer.task.slug}))
    then = request.POST.get("then", "")
    form = AcceptOfferForm(request.POST)
    if then == "accept" and not form.is_valid():
        return _show(request, offer, form, status=422)
    by = person(request)
    try:
        if then == "accept":
            task = accept_offer(offer=offer, slug=form.cleaned_data["slug"], by=by)
            messages.success(
                request, _("The task belongs to %(who)s now.") % {"who": task.namespace.handle}
            )
            return redirect("tasks:settings", task.namespace.handle, task.slug)
        if then == "decline":
            decline_offer(offer=offer, by=by)
            messages.success(request, _("You declined the task. It stays where it is."))
        elif then == "withdraw":
            withdraw_offer(offer=offer, by=by)
            messages.success(request, _("The offer is withdrawn."))
    except DomainError as error:
        if isinstance(error, Conflict) and error.code == "slug-taken":
            form.add_error("slug", error.message)
        else:
            messages.error(request, error.message)
        return _show(request, offer_at(public_id=public_id, to=request.user), form, status=409)
    return redirect("tasks:transfer-offer", public_id)


def _show(
    request: HttpRequest, offer: TransferOffer, form: AcceptOfferForm, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "offer": offer,
        "facts": facts_of_offer(offer) if offer.is_open else None,
        "form": form,
        "can_decide": offer.is_open and can_decide_offer(request.user, offer),
        "can_withdraw": offer.is_open and can_withdraw_offer(request.user, offer),
        "trail": [
            {"label": _("Offers of tasks"), "url": reverse("tasks:transfer-offers")},
            {"label": offer.task.title},
        ],
    }
    return render(request, "tasks_app/transfer_offers/offer.html", context, status=status)
