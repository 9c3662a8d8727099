"""Offers of tasks in the API."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import actor
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_task_or_404
from tasks_app.authoring.serializers import TaskDetail
from tasks_app.models import Task, TransferOffer
from tasks_app.transfer_offers import serializers as shapes
from tasks_app.transfer_offers.actions import (
    accept_offer,
    decline_offer,
    offer_task,
    withdraw_offer,
)
from tasks_app.transfer_offers.queries import facts_of_offer, offer_at, visible_offers


class TaskOfferViewSet(ResourceViewSet[Task]):
    subject = "Tasks"
    parameter_descriptions = {"public_id": "The task's id."}
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        operation_id="create_transfer_offer",
        request=shapes.TransferOfferWrite,
        responses={201: shapes.TransferOfferDetail, 409: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], url_path="transfer-offers")
    def offers(self, request: Request, public_id: str) -> Response:
        """Offer a task to another person or team, who accept or decline it.

        Nothing changes before they accept. The offer ends after 14 days, and a task has one at a
        time. To move a task to a namespace that you act for, use `PUT /tasks/{id}/owner`.
        """
        task = get_task_or_404(public_id, request)
        handle = read_body(request, shapes.TransferOfferWrite)["recipient"]
        offer = offer_task(task=task, handle=handle, by=actor(request))
        return _respond(offer, status=201)


@extend_schema_view(list=extend_schema(operation_id="list_transfer_offers"))
class TransferOfferViewSet(ListModelMixin, ResourceViewSet[TransferOffer]):
    """List the offers of tasks to and from you and your teams, newest first."""

    subject = "Tasks"
    parameter_descriptions = {"public_id": "The offer's id."}
    permission_classes = [IsAuthenticated]
    serializer_class = shapes.TransferOfferSummary
    filter_backends = ()

    def get_queryset(self) -> QuerySet[TransferOffer]:
        return visible_offers(to=self.request.user)

    def get_object(self) -> TransferOffer:
        return offer_at(public_id=self.kwargs["public_id"], to=self.request.user)

    @extend_schema(operation_id="get_transfer_offer", responses=shapes.TransferOfferDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return one offer."""
        return _respond(self.get_object())

    @extend_schema(
        operation_id="accept_transfer_offer",
        request=shapes.OfferAcceptWrite,
        responses={200: TaskDetail, 409: ProblemDetails},
    )
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, public_id: str) -> Response:
        """Take over an offered task. Its old address leads to the new one."""
        offer = self.get_object()
        slug = read_body(request, shapes.OfferAcceptWrite).get("slug", "")
        return Response(TaskDetail(accept_offer(offer=offer, slug=slug, by=actor(request))).data)

    @extend_schema(
        operation_id="decline_transfer_offer",
        request=None,
        responses={200: shapes.TransferOfferDetail, 409: ProblemDetails},
    )
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, public_id: str) -> Response:
        """Decline an offered task: it stays where it is."""
        decline_offer(offer=self.get_object(), by=actor(request))
        return _respond(self.get_object())

    @extend_schema(
        operation_id="withdraw_transfer_offer",
        request=None,
        responses={200: shapes.TransferOfferDetail, 409: ProblemDetails},
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, public_id: str) -> Response:
        """Withdraw an offer of yours."""
        withdraw_offer(offer=self.get_object(), by=actor(request))
        return _respond(self.get_object())


def _respond(offer: TransferOffer, status: int = 200) -> Response:
    offer.facts = facts_of_offer(offer) if offer.is_open else None  # type: ignore[attr-defined]
    return Response(shapes.TransferOfferDetail(offer).data, status=status)
