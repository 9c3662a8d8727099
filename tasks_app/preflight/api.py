"""Pre-flights in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_version_or_404
from tasks_app.draft_trials.api import trial_document
from tasks_app.draft_trials.queries import trial_at
from tasks_app.draft_trials.serializers import TrialDetail
from tasks_app.models import TaskVersion
from tasks_app.preflight import serializers as shapes
from tasks_app.preflight.actions import start_probe
from tasks_app.preflight.queries import DEFAULT_POINTS, preflight
from tasks_app.runs.api import find_deployment
from tasks_app.runs.contenders import check_configuration


class PreflightViewSet(ResourceViewSet[TaskVersion]):
    subject = "Runs"
    parameter_descriptions = {"public_id": "The version's id."}
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        operation_id="get_preflight",
        request=shapes.PreflightWrite,
        responses={200: shapes.PreflightDetail, 503: ProblemDetails},
    )
    @action(detail=True, methods=["post"], url_path="preflight")
    def preflight(self, request: Request, public_id: str) -> Response:
        """Return what a run is likely to ask, cost, take and tell, per model. Starts nothing.

        `observed` says where the likely numbers come from; without one, only the bound is known.
        """
        user = actor(request)
        wanted = self._wanted(request, public_id)
        found = preflight(
            wanted["version"],
            wanted["deployments"],
            wanted["configuration"],
            namespace=wanted["namespace"],
            points=wanted["points"],
            by=user,
        )
        return Response(shapes.PreflightDetail({"models": found}).data)

    @extend_schema(
        operation_id="start_probe",
        request=shapes.PreflightWrite,
        responses={201: TrialDetail, 503: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], url_path="preflight/probe")
    def probe(self, request: Request, public_id: str) -> Response:
        """Ask five items, drawn at random, of each model, for a better pre-flight.

        It costs what `probe_bound` says at most. Not an attempt, and on no board.
        """
        user = actor(request)
        wanted = self._wanted(request, public_id)
        trial = start_probe(
            version=wanted["version"],
            deployments=wanted["deployments"],
            configuration=wanted["configuration"],
            namespace=wanted["namespace"],
            by=user,
        )
        return Response(trial_document(trial_at(trial.public_id, to=user), user), status=201)

    def _wanted(self, request: Request, public_id: str) -> dict[str, Any]:
        version = get_version_or_404(public_id, request)
        values = read_body(request, shapes.PreflightWrite)
        return {
            "version": version,
            "deployments": [find_deployment(name, request) for name in values["models"]],
            "configuration": check_configuration(values.get("configuration") or {}),
            "namespace": acting_namespace(request, values.get("namespace")),
            "points": values.get("difference_points", DEFAULT_POINTS),
        }
