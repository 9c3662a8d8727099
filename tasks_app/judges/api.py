"""The judges of a version, and labelling judged answers blind."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import actor
from plumbmark.common.errors import Conflict, InvalidInput, Problem
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.pagination import ByPosition
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_version_or_404
from tasks_app.judges import serializers as shapes
from tasks_app.judges.actions import label_answer, make_label_set, unlabelled
from tasks_app.judges.queries import (
    BlindAnswer,
    blind_answer,
    blind_answers,
    disagreements,
    label_set_at,
    label_sets_of,
    place_at,
    visible_panel,
)
from tasks_app.models import JudgeLabel, LabelSample, LabelSet, TaskVersion
from tasks_app.permissions import can_label_answers


class JudgesViewSet(ResourceViewSet[TaskVersion]):
    subject = "Judges"
    parameter_descriptions = {"public_id": "The id of the task's version."}

    @extend_schema(operation_id="get_judges", responses=shapes.JudgesDetail)
    @action(detail=True)
    def judges(self, request: Request, public_id: str) -> Response:
        """Return how far the judges can be trusted. docs/authors/judges.md explains the figures."""
        version = get_version_or_404(public_id, request)
        panel = visible_panel(version, to=request.user)
        return Response(shapes.JudgesDetail(panel).data)


@extend_schema_view(list=extend_schema(operation_id="list_label_sets"))
class VersionLabelSetViewSet(ListModelMixin, ResourceViewSet[LabelSet]):
    """List the label sets that a version's authors drew."""

    subject = "Judges"
    permission_classes = (IsAuthenticated,)
    parameter_descriptions = {"public_id": "The id of the task's version."}
    serializer_class = shapes.LabelSetDetail
    filter_backends = ()

    def get_queryset(self) -> QuerySet[LabelSet]:
        version = get_version_or_404(self.kwargs["public_id"], self.request)
        if not can_label_answers(self.request.user, version.task):
            raise Http404
        return label_sets_of(version, by=self.request.user)

    @extend_schema(
        operation_id="create_label_set",
        request=shapes.LabelSetWrite,
        responses={201: shapes.LabelSetDetail},
    )
    @idempotent
    def create(self, request: Request, public_id: str) -> Response:
        """Draw judged answers at random, evenly across models, as a label set."""
        user = actor(request)
        version = get_version_or_404(public_id, request)
        values = read_body(request, shapes.LabelSetWrite)
        label_set = make_label_set(version=version, by=user, **values)
        return Response(_serialize_progress(label_set, request), status=201)


def _serialize_progress(found: LabelSet, request: Request) -> Any:
    counted = label_sets_of(found.task_version, by=request.user).get(pk=found.pk)
    return shapes.LabelSetDetail(counted).data


class LabelSetViewSet(ResourceViewSet[LabelSet]):
    subject = "Judges"
    permission_classes = (IsAuthenticated,)
    parameter_descriptions = {"public_id": "The id of the label set."}

    def get_object(self) -> LabelSet:
        return label_set_at(public_id=self.kwargs["public_id"], to=self.request.user)

    @extend_schema(operation_id="get_label_set", responses=shapes.LabelSetDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return one label set, with your progress."""
        return Response(_serialize_progress(self.get_object(), request))

    @extend_schema(
        operation_id="list_label_differences",
        responses={200: shapes.DifferenceDetail(many=True), 409: ProblemDetails},
    )
    @action(detail=True, pagination_class=None, filter_backends=())
    def differences(self, request: Request, public_id: str) -> Response:
        """List where you and the judges differ. Up to 50, once every answer is labelled."""
        user = actor(request)
        found = self.get_object()
        if unlabelled(found, by=user):
            raise Conflict("Label every answer of the set first: what the judges said would sway.")
        rows: Any = shapes.DifferenceDetail(disagreements(found, by=user), many=True).data
        return Response(rows)


@extend_schema_view(list=extend_schema(operation_id="list_blind_answers"))
class BlindAnswerViewSet(ListModelMixin, ResourceViewSet[LabelSample]):
    """List the answers of a label set in order, blind: without the model and the verdict."""

    subject = "Judges"
    permission_classes = (IsAuthenticated,)
    parameter_descriptions = {
        "public_id": "The id of the label set.",
        "position": "The answer's position in the set, from 0.",
    }
    lookup_field = "position"
    lookup_value_converter = "int"
    serializer_class = shapes.BlindAnswerDetail
    pagination_class = ByPosition
    filter_backends = ()

    def get_queryset(self) -> QuerySet[LabelSample]:
        return self._get_label_set().label_samples.select_related(
            "sample__item", "sample__run__task_version", "label_set__task_version__task"
        )

    def get_object(self) -> LabelSample:
        return place_at(self._get_label_set(), self.kwargs["position"])

    def _get_label_set(self) -> LabelSet:
        return label_set_at(public_id=self.kwargs["public_id"], to=self.request.user)

    def get_serializer(self, instance: Any = None, **given: Any) -> Any:
        if instance is not None:
            places = list(instance)
            mine = JudgeLabel.objects.filter(label_sample__in=places, by=self.request.user.pk)
            labels = {label.label_sample_id: label for label in mine}
            instance = blind_answers(places, labels)
        return super().get_serializer(instance, **given)

    @extend_schema(operation_id="get_blind_answer", responses=shapes.BlindAnswerDetail)
    def retrieve(self, request: Request, public_id: str, position: int) -> Response:
        """Return one answer of a label set, blind, with your label."""
        user = actor(request)
        return Response(shapes.BlindAnswerDetail(blind_answer(self.get_object(), by=user)).data)

    @extend_schema(
        operation_id="label_answer",
        request=shapes.LabelWrite,
        responses=shapes.BlindAnswerDetail,
    )
    def update(self, request: Request, public_id: str, position: int) -> Response:
        """Label an answer. The label is one of `words`, a grade, or `skip`; a later one replaces
        it.
        """
        user = actor(request)
        place = self.get_object()
        value = _read_label(request, blind_answer(place, by=user))
        label_answer(place=place, value=value, by=user)
        return Response(shapes.BlindAnswerDetail(blind_answer(place, by=user)).data)


def _read_label(request: Request, answer: BlindAnswer) -> Any:
    """Return the label in the body: 0 or 1, or a grade; None skips the answer."""
    values = read_body(request, shapes.LabelWrite)
    verdict, grade = values.get("verdict"), values.get("grade")
    if verdict == "skip":
        return None
    if answer.scale is not None:
        if grade is None:
            raise InvalidInput([Problem("give a grade, or the verdict skip", "grade")])
        return grade
    value = answer.value_of(verdict or "")
    if value is None:
        known = ", ".join((*answer.words, "skip"))
        raise InvalidInput([Problem(f"must be one of {known}", "verdict")])
    return value
