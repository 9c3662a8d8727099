"""Reads of offers: each side sees its own, and of the task only what the offer says."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.http import Http404

from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_acted_for_by
from plumbmark.common.clock import now
from tasks_app.datasets.usage import files_of_saves_alone, files_of_task_alone, media_bytes_of
from tasks_app.models import Task, TaskVersion, TransferOffer

_FACTS = (
    "task__namespace",
    "sender",
    "recipient",
    "created_by__namespace",
    "decided_by__namespace",
)


def visible_offers(*, to: Visitor) -> QuerySet[TransferOffer]:
    """Return the offers that the person may decide or withdraw, newest first."""
    mine = namespaces_acted_for_by(to).order_by().values("pk")
    return (
        TransferOffer.objects.filter(Q(sender__in=mine) | Q(recipient__in=mine))
        .select_related(*_FACTS)
        .order_by("-id")
    )


def received_offers(*, to: Visitor) -> QuerySet[TransferOffer]:
    """Return the open offers that wait for the person, oldest first."""
    mine = namespaces_acted_for_by(to).order_by().values("pk")
    return (
        TransferOffer.objects.filter(
            recipient__in=mine, status=TransferOffer.State.OPEN, expires_at__gt=now()
        )
        .select_related("task", "sender", "recipient")
        .order_by("id")
    )


def offer_at(*, public_id: str, to: Visitor) -> TransferOffer:
    """Return an offer; 404 for whoever is on neither side of it."""
    offer = visible_offers(to=to).filter(public_id=public_id).first()
    if offer is None:
        raise Http404
    return offer


def open_offer_of(task: Task) -> TransferOffer | None:
    offer = (
        TransferOffer.objects.filter(task=task, status=TransferOffer.State.OPEN)
        .select_related(*_FACTS)
        .first()
    )
    return offer if offer is not None and offer.is_open else None


@dataclass(frozen=True, slots=True)
class OfferedTask:
    """The facts of a task that its new owner has to know. No item is among them."""

    published_versions: int
    items: int
    private_items: int
    stored_bytes: int


def facts_of_offer(offer: TransferOffer) -> OfferedTask:
    task = offer.task
    published = task.versions.filter(state=TaskVersion.State.PUBLISHED)
    newest = published.order_by("-number").first()
    # The draft's earlier saves do not come along.
    left = {one.pk for one in files_of_saves_alone(task)}
    files = [one for one in files_of_task_alone(task) if one.pk not in left]
    stored = sum(one.size for one in files) + media_bytes_of(task)
    return OfferedTask(
        published_versions=published.count(),
        items=0 if newest is None else newest.item_count,
        private_items=0 if newest is None else newest.private_item_count,
        stored_bytes=stored,
    )
