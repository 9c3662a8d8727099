"""Endpoints of model suites."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks_app.api.lookup import find_contenders
from benchmarks_app.models import ModelSuite
from benchmarks_app.suites import actions
from benchmarks_app.suites.permissions import can_write_suites
from benchmarks_app.suites.queries import (
    contenders_of,
    suite_at,
    suite_fingerprint,
    visible_suites,
)
from benchmarks_app.suites.serializers import SuiteChange, SuiteDetail, SuiteSummary, SuiteWrite
from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.common.errors import NotAllowed
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet


@extend_schema_view(list=extend_schema(operation_id="list_suites"))
class SuiteViewSet(ListModelMixin, ResourceViewSet[ModelSuite]):
    """List the model suites that you can see.

    A suite is a named set of contenders that are run together.
    """

    subject = "Models"
    parameter_descriptions = {"public_id": "The suite's id."}
    serializer_class = SuiteSummary
    filter_backends = ()
    queryset = ModelSuite.objects.none()

    def get_queryset(self) -> QuerySet[ModelSuite]:
        return visible_suites(to=self.request.user)

    def get_object(self) -> ModelSuite:
        return suite_at(public_id=self.kwargs["public_id"], to=self.request.user)

    def _get_own(self, request: Request) -> ModelSuite:
        suite = self.get_object()
        if not can_write_suites(request.user, suite.namespace):
            raise NotAllowed("This model suite belongs to somebody else.")
        return suite

    def _respond(self, suite: ModelSuite, status: int = 200) -> Response:
        document: dict[str, Any] = {
            "suite": suite,
            "fingerprint": suite_fingerprint(suite),
            "contenders": contenders_of(suite, to=self.request.user),
        }
        return Response(SuiteDetail(document).data, status=status)

    @extend_schema(operation_id="create_suite", request=SuiteWrite, responses={201: SuiteDetail})
    @idempotent
    def create(self, request: Request) -> Response:
        """Create a model suite of contenders that can be called."""
        user = actor(request)
        values = read_body(request, SuiteWrite)
        named = values.pop("namespace", None)
        of_platform = values.pop("of_platform", False)
        values["contenders"] = find_contenders(values["contenders"], request)
        namespace = None if of_platform else acting_namespace(request, named)
        return self._respond(actions.create_suite(namespace=namespace, by=user, **values), 201)

    @extend_schema(operation_id="get_suite", responses=SuiteDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return one model suite with its contenders."""
        return self._respond(self.get_object())

    @extend_schema(
        operation_id="update_suite",
        request=SuiteChange,
        responses={200: SuiteDetail, 409: ProblemDetails},
    )
    def partial_update(self, request: Request, public_id: str) -> Response:
        """Change a model suite. Omitted fields stay as they are.

        With the `fingerprint` that you read, nothing is saved where somebody else saved since.
        """
        user = actor(request)
        suite = self._get_own(request)
        values = read_body(request, SuiteChange)
        if "contenders" in values:
            values["contenders"] = find_contenders(values["contenders"], request)
        return self._respond(actions.update_suite(suite=suite, by=user, **values))

    @extend_schema(operation_id="erase_suite", responses={204: None})
    def destroy(self, request: Request, public_id: str) -> Response:
        """Erase a model suite. Runs and entries of its contenders stay."""
        user = actor(request)
        actions.erase_suite(suite=self._get_own(request), by=user)
        return Response(status=204)
