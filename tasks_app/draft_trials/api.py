"""Trials in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_version_or_404
from tasks_app.draft_trials import serializers as shapes
from tasks_app.draft_trials.actions import bound_trial, start_trial
from tasks_app.draft_trials.queries import SideBySide, TrialAnswer, side_by_side, trial_at
from tasks_app.models import Contender, ItemTrial, Run, TaskVersion
from tasks_app.runs.api import find_deployment
from tasks_app.runs.contenders import contender_of_deployment


class VersionTrialViewSet(ResourceViewSet[TaskVersion]):
    subject = "Runs"
    parameter_descriptions = {"public_id": "The version's id."}
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        operation_id="try_models",
        request=shapes.TrialWrite,
        responses={201: shapes.TrialDetail, 503: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"])
    def trials(self, request: Request, public_id: str) -> Response:
        """Ask the first three items of a version of up to four models at once.

        A draft is tried by the version that `draft/build` returns. Poll the trial until it is no
        longer `is_live`. A model that cannot be asked is among the `refusals`.
        """
        user = actor(request)
        version = get_version_or_404(public_id, request)
        values = read_body(request, shapes.TrialWrite)
        trial = start_trial(
            version=version,
            contenders=[
                contender_of_deployment(deployment=find_deployment(name, request), by=user)
                for name in values["models"]
            ],
            namespace=acting_namespace(request, values.get("namespace")),
            by=user,
        )
        return Response(trial_document(trial_at(trial.public_id, to=user), user), status=201)

    @extend_schema(
        operation_id="get_trial_bounds",
        request=shapes.TrialWrite,
        responses={200: shapes.TrialBounds, 503: ProblemDetails},
    )
    @action(detail=True, methods=["post"], url_path="trials/cost-bounds")
    def cost_bounds(self, request: Request, public_id: str) -> Response:
        """Return the most that each model's part of a trial costs. Starts nothing."""
        user = actor(request)
        version = get_version_or_404(public_id, request)
        values = read_body(request, shapes.TrialWrite)
        bounds = bound_trial(
            version=version,
            contenders=[
                Contender(deployment=find_deployment(name, request), configuration={})
                for name in values["models"]
            ],
            namespace=acting_namespace(request, values.get("namespace")),
            by=user,
        )
        return Response(shapes.TrialBounds({"models": bounds}).data)


class TrialViewSet(ResourceViewSet[ItemTrial]):
    subject = "Runs"
    parameter_descriptions = {"public_id": "The trial's id."}
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    pagination_class = None

    @extend_schema(operation_id="get_trial", responses=shapes.TrialDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return a trial: a few items with the answers of several models, side by side."""
        return Response(trial_document(trial_at(public_id, to=request.user), request.user))


def trial_document(trial: ItemTrial, user: Any) -> dict[str, Any]:
    found = side_by_side(trial, to=user)
    return shapes.TrialDetail(_document(found)).data


def _document(found: SideBySide) -> dict[str, Any]:
    trial = found.trial
    return {
        "id": trial.public_id,
        "task_version": trial.version.public_id,
        "reason": trial.reason,
        "is_live": found.is_live,
        "runs": [
            {
                "id": one.run.pk,
                "deployment": one.run.deployment_facts.get("slug", ""),
                "state": one.run.state,
                "failure": one.run.failure,
                "value": one.scoring.value if one.scoring else None,
                "charged_nanodollars": one.charged,
            }
            for one in found.columns
        ],
        "refusals": trial.refusals,
        "items": [
            {
                "item": row.item.key,
                "position": row.item.position,
                "answers": [
                    _answer(column.run, answer)
                    for column, answer in zip(found.columns, row.answers, strict=True)
                ],
            }
            for row in found.rows
        ],
        "hidden_items": found.hidden,
        "created_at": trial.created_at,
        "url": trial.get_absolute_url(),
    }


def _answer(run: Run, answer: TrialAnswer) -> dict[str, Any]:
    sample = answer.sample
    return {
        "run": run.pk,
        "outcome": sample.outcome if sample else "",
        "output": answer.output.text,
        "error": sample.error if sample else "",
        "verdicts": answer.verdicts,
        "input_tokens": sample.input_tokens if sample else 0,
        "output_tokens": sample.output_tokens if sample else 0,
        "charged_nanodollars": sample.charged if sample else 0,
        "latency_ms": sample.latency_ms if sample else None,
    }
