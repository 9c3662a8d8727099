"""The judges of a version, and labelling judged answers blind."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plumbmark.accounts.callers import actor
from plumbmark.common.errors import Conflict, InvalidInput, Problem
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.pagination import NewestFirst, OldestFirst
from tasks_app.authoring.api import IDEMPOTENCY, version_or_404
from tasks_app.judges import serializers as shapes
from tasks_app.judges.actions import label_answer, make_label_set, unlabelled
from tasks_app.judges.queries import (
    blind_answer,
    blind_answers,
    disagreements,
    label_set_at,
    label_sets_of,
    place_at,
    visible_panel,
)
from tasks_app.models import JudgeLabel, LabelSample, LabelSet
from tasks_app.permissions import can_label_answers


class JudgesView(APIView):
    @extend_schema(responses=shapes.JudgesDetail)
    def get(self, request: Request, public_id: str) -> Response:
        """Return how far the judges can be trusted; docs/authors/judges.md says how to read it."""
        version = version_or_404(public_id, request)
        panel = visible_panel(version, to=request.user)
        return Response(shapes.JudgesDetail(panel).data)


class LabelSetList(generics.ListAPIView[LabelSet]):
    """The sets of answers to label that a version's authors drew."""

    serializer_class = shapes.LabelSetDetail
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> QuerySet[LabelSet]:
        if getattr(self, "swagger_fake_view", False):
            return LabelSet.objects.none()
        version = version_or_404(self.kwargs["public_id"], self.request)
        if not can_label_answers(self.request.user, version.task):
            raise Http404
        return label_sets_of(version, by=self.request.user)

    @extend_schema(
        request=shapes.LabelSetWrite,
        responses={201: shapes.LabelSetDetail},
        parameters=[IDEMPOTENCY],
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Draw judged answers at random, evenly from the models that gave them."""
        user = actor(request)
        version = version_or_404(public_id, request)
        body = shapes.LabelSetWrite(data=request.data)
        body.is_valid(raise_exception=True)
        made = make_label_set(version=version, by=user, **body.validated_data)
        return Response(_detail(made, request), status=201)


def _detail(found: LabelSet, request: Request) -> Any:
    counted = label_sets_of(found.task_version, by=request.user).get(pk=found.pk)
    return shapes.LabelSetDetail(counted).data


class LabelSetView(APIView):
    @extend_schema(responses=shapes.LabelSetDetail)
    def get(self, request: Request, public_id: str) -> Response:
        """Return one set, with your progress."""
        found = label_set_at(public_id=public_id, to=request.user)
        return Response(_detail(found, request))


class _InPlace(OldestFirst):
    ordering = ("position", "id")  # type: ignore[assignment]


class BlindAnswerList(generics.ListAPIView[LabelSample]):
    """The answers of a set in their order, blind: no model is named and no verdict told."""

    serializer_class = shapes.BlindAnswerDetail
    pagination_class = _InPlace
    filter_backends = ()

    def get_queryset(self) -> QuerySet[LabelSample]:
        if getattr(self, "swagger_fake_view", False):
            return LabelSample.objects.none()
        found = label_set_at(public_id=self.kwargs["public_id"], to=self.request.user)
        return found.label_samples.select_related(
            "sample__item", "sample__run__task_version", "label_set__task_version__task"
        )

    def get_serializer(self, instance: Any = None, **given: Any) -> Any:
        if instance is not None:
            places = list(instance)
            mine = JudgeLabel.objects.filter(label_sample__in=places, by=self.request.user.pk)
            labels = {label.label_sample_id: label for label in mine}
            instance = blind_answers(places, labels)
        return super().get_serializer(instance, **given)


class BlindAnswerView(APIView):
    @extend_schema(responses=shapes.BlindAnswerDetail)
    def get(self, request: Request, public_id: str, position: int) -> Response:
        """Return one answer of a set, blind, with your label."""
        user = actor(request)
        found = label_set_at(public_id=public_id, to=request.user)
        place = place_at(found, position)
        return Response(shapes.BlindAnswerDetail(blind_answer(place, by=user)).data)

    @extend_schema(request=shapes.LabelWrite, responses=shapes.BlindAnswerDetail)
    def put(self, request: Request, public_id: str, position: int) -> Response:
        """Label an answer: a word of `words`, a grade, or `skip`. Another label replaces
        it.
        """
        user = actor(request)
        found = label_set_at(public_id=public_id, to=request.user)
        place = place_at(found, position)
        answer = blind_answer(place, by=user)
        body = shapes.LabelWrite(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        verdict, grade = values.get("verdict"), values.get("grade")
        if verdict == "skip":
            value = None
        elif answer.scale is not None:
            if grade is None:
                raise InvalidInput([Problem("give a grade, or the verdict skip", "grade")])
            value = grade
        else:
            value = answer.value_of(verdict or "")
            if value is None:
                known = ", ".join((*answer.words, "skip"))
                raise InvalidInput([Problem(f"must be one of {known}", "verdict")])
        label_answer(place=place, value=value, by=user)
        return Response(shapes.BlindAnswerDetail(blind_answer(place, by=user)).data)


class DifferenceList(APIView):
    @extend_schema(responses=shapes.DifferenceDetail(many=True))
    def get(self, request: Request, public_id: str) -> Response:
        """List where you and the judges disagree, up to 50, once every answer is labelled."""
        user = actor(request)
        found = label_set_at(public_id=public_id, to=request.user)
        if unlabelled(found, by=user):
            raise Conflict("Label every answer of the set first: what the judges said would sway.")
        rows: Any = shapes.DifferenceDetail(disagreements(found, by=user), many=True).data
        return Response(rows)
