"""Offering a task to somebody else. Nothing moves before they accept."""

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from plumbmark.accounts.models import Membership, Namespace, User
from plumbmark.accounts.notices import queue_notice
from plumbmark.accounts.permissions import can_act_for
from plumbmark.accounts.queries import visible_namespaces
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from tasks_app.authoring.life import move_task
from tasks_app.draft_saves.states import drop_saves
from tasks_app.models import DraftSave, Task, TransferOffer
from tasks_app.permissions import check_edit
from tasks_app.transfer_offers.permissions import can_decide_offer, can_withdraw_offer

OPEN_FOR = timedelta(days=14)
MAX_OFFERS_A_DAY = 20
"""Of one owner: each is a mail to somebody."""
MAX_MAILS = 20
"""To the owners and maintainers of a team."""


def offer_task(*, task: Task, handle: str, by: User) -> TransferOffer:
    """Offer a task to a person or a team, who are told by mail. A task has one open offer."""
    check_edit(task, by=by)
    recipient = _find_recipient(task, handle, by)
    moment = now()
    sent = TransferOffer.objects.filter(
        sender=task.namespace, created_at__gt=moment - timedelta(days=1)
    )
    if sent.count() >= MAX_OFFERS_A_DAY:
        raise Conflict(
            f"{task.namespace.handle} made {MAX_OFFERS_A_DAY} offers within a day. Offer it "
            "tomorrow.",
            code="too-many-offers",
        )
    declined = TransferOffer.objects.filter(
        task=task,
        recipient=recipient,
        status=TransferOffer.State.DECLINED,
        decided_at__gt=moment - OPEN_FOR,
    )
    if declined.exists():
        raise Conflict(
            f"{recipient.handle} declined this task less than {OPEN_FOR.days} days ago.",
            code="declined-before",
        )
    try:
        with transaction.atomic():
            # One that ran out makes room for the next.
            task.transfer_offers.filter(
                status=TransferOffer.State.OPEN, expires_at__lte=moment
            ).update(status=TransferOffer.State.EXPIRED)
            offer = TransferOffer.objects.create(
                task=task,
                sender=task.namespace,
                recipient=recipient,
                created_by=by,
                created_at=moment,
                expires_at=moment + OPEN_FOR,
            )
            _audit("offer-task", offer, by)
            _mail_recipient(offer)
    except IntegrityError as error:
        raise Conflict(
            "The task is offered to somebody already; withdraw that offer first.",
            code="offered-already",
        ) from error
    return offer


def accept_offer(*, offer: TransferOffer, slug: str = "", by: User) -> Task:
    """Take over an offered task, under another address if `slug` says so.

    The draft's earlier saves do not come along: they are what the former owner changed.
    """
    with transaction.atomic():
        locked = _lock_offer(offer)
        if not can_decide_offer(by, locked):
            raise NotAllowed(f"This offer is to {locked.recipient.handle}.")
        _check_open(locked)
        task = Task.objects.select_for_update().select_related("namespace").get(pk=locked.task_id)
        if task.namespace_id != locked.sender_id or not can_act_for(
            locked.created_by, locked.sender
        ):
            raise Conflict("Whoever offered this task may not give it away any more.")
        _decide(locked, TransferOffer.State.ACCEPTED, by)
        saves = DraftSave.objects.filter(draft__task=task)
        drop_saves(list(saves.select_related("data_file", "code_file")))
        moved = move_task(task=task, to=locked.recipient, slug=slug, by=by)
        _audit("accept-task-offer", locked, by)
        _mail_sender(locked, "accepted")
    return moved


def decline_offer(*, offer: TransferOffer, by: User) -> TransferOffer:
    """Decline an offer: the task stays where it is."""
    with transaction.atomic():
        locked = _lock_offer(offer)
        if not can_decide_offer(by, locked):
            raise NotAllowed(f"This offer is to {locked.recipient.handle}.")
        _check_open(locked)
        _decide(locked, TransferOffer.State.DECLINED, by)
        _audit("decline-task-offer", locked, by)
        _mail_sender(locked, "declined")
    return locked


def withdraw_offer(*, offer: TransferOffer, by: User) -> TransferOffer:
    """Withdraw an offer that is open."""
    with transaction.atomic():
        locked = _lock_offer(offer)
        if not can_withdraw_offer(by, locked):
            raise NotAllowed(f"This offer was made by {locked.sender.handle}.")
        _check_open(locked)
        _decide(locked, TransferOffer.State.WITHDRAWN, by)
        _audit("withdraw-task-offer", locked, by)
    return locked


def _find_recipient(task: Task, handle: str, by: User) -> Namespace:
    handle = handle.strip().removeprefix("@").lower()
    found = visible_namespaces().filter(handle=handle).first() if handle else None
    if found is None:
        problem = f"there is no person or team called {handle!r}" if handle else "give a handle"
        raise InvalidInput([Problem(problem, "recipient")])
    if found.pk == task.namespace_id:
        raise InvalidInput([Problem(f"the task belongs to {handle} already", "recipient")])
    if can_act_for(by, found):
        raise InvalidInput(
            [Problem(f"you act for {handle} yourself: transfer the task directly", "recipient")]
        )
    return found


def _lock_offer(offer: TransferOffer) -> TransferOffer:
    return (
        TransferOffer.objects.select_for_update(of=("self",))
        .select_related("task__namespace", "sender", "recipient", "created_by")
        .get(pk=offer.pk)
    )


def _check_open(offer: TransferOffer) -> None:
    if not offer.is_open:
        raise Conflict(f"This offer is {offer.status_label}.", code="offer-not-open")


def _decide(offer: TransferOffer, state: str, by: User) -> None:
    offer.status, offer.decided_by, offer.decided_at = state, by, now()
    offer.save(update_fields=["status", "decided_by", "decided_at"])


def _audit(action: str, offer: TransferOffer, by: User) -> None:
    audit.record(
        action,
        f"task:{offer.task.public_id}",
        by=by,
        offer=offer.public_id,
        sender=offer.sender.handle,
        recipient=offer.recipient.handle,
    )


def _mail_recipient(offer: TransferOffer) -> None:
    body = (
        f"{offer.sender.handle} offers the task {offer.task.title!r} to "
        f"{offer.recipient.handle}.\n\n"
        f"Accept or decline it: {settings.SITE_URL}{offer.get_absolute_url()}\n\n"
        f"The offer ends on {offer.expires_at:%Y-%m-%d}. Until you accept it nothing changes.\n"
    )
    for address in _addresses_of(offer.recipient):
        queue_notice(to=address, subject=f"{offer.sender.handle} offers you a task", body=body)


def _mail_sender(offer: TransferOffer, decision: str) -> None:
    if not offer.created_by.is_active:
        return
    queue_notice(
        to=offer.created_by.email,
        subject=f"{offer.recipient.handle} {decision} your task",
        body=f"{offer.recipient.handle} {decision} the task {offer.task.title!r} that "
        f"{offer.sender.handle} offered.\n\n{settings.SITE_URL}{offer.get_absolute_url()}\n",
    )


def _addresses_of(namespace: Namespace) -> list[str]:
    """Return where those read mail who may accept for a namespace."""
    if namespace.user is not None:
        return [namespace.user.email]
    roles = [Membership.Role.OWNER, Membership.Role.MAINTAINER]
    people = namespace.memberships.filter(role__in=roles, user__is_active=True)
    return list(people.order_by("pk").values_list("user__email", flat=True)[:MAX_MAILS])
