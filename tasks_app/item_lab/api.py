"""Analyses of items in the API."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_version_or_404
from tasks_app.item_lab import serializers as shapes
from tasks_app.item_lab.findings import describe_findings, missing_numbers
from tasks_app.item_lab.queries import (
    ORDERS,
    SELECTIONS,
    StoredAnalysis,
    analysed_items,
    analysis_of,
)
from tasks_app.models import ItemAnalysis, TaskVersion

_ITEMS = 50
_MAX_ITEMS = 200


class ItemAnalysisViewSet(ResourceViewSet[TaskVersion]):
    subject = "Items"
    parameter_descriptions = {"public_id": "The version's id."}
    filter_backends = ()
    pagination_class = None

    def _analysis(self, request: Request) -> StoredAnalysis:
        version = get_version_or_404(self.kwargs["public_id"], request)
        analysis = analysis_of(version, to=request.user)
        if analysis is None:
            raise Http404("There is no analysis of this version's items yet.")
        return analysis

    @extend_schema(operation_id="get_item_analysis", responses=shapes.ItemAnalysisDetail)
    @action(detail=True, url_path="item-analysis")
    def item_analysis(self, request: Request, public_id: str) -> Response:
        """Return what the runs of all models say of a version's items.

        It is computed when runs complete, over the newest declared run of each contender. Private
        items are in it only for those who may see them. 404 if there is none yet.
        """
        return Response(shapes.ItemAnalysisDetail(_document(self._analysis(request))).data)

    @extend_schema(
        operation_id="list_analysed_items",
        parameters=[
            OpenApiParameter(
                "show", str, enum=list(SELECTIONS), description="Which items; `all` if left out."
            ),
            OpenApiParameter(
                "order", str, enum=list(ORDERS), description="`position` if left out."
            ),
            OpenApiParameter("page", int, description="The page, from 1."),
            OpenApiParameter(
                "limit",
                int,
                description=f"Items of a page, at most {_MAX_ITEMS}; {_ITEMS} if left out.",
            ),
        ],
        responses=shapes.AnalysedItemPage,
    )
    @action(detail=True, url_path="item-analysis/items")
    def analysed_items(self, request: Request, public_id: str) -> Response:
        """List the items of a version with difficulty, discrimination and what stands out."""
        analysis = self._analysis(request)
        selection = _word(request, "show", list(SELECTIONS))
        order = _word(request, "order", list(ORDERS))
        page = _number(request, "page", 1, 1_000_000)
        limit = _number(request, "limit", _ITEMS, _MAX_ITEMS)
        places = analysis.places(selection, order)
        start = (page - 1) * limit
        found = analysed_items(analysis, places[start : start + limit].tolist(), to=request.user)
        data: dict[str, Any] = {
            "count": len(places),
            "next_page": page + 1 if start + limit < len(places) else None,
            "results": found,
        }
        return Response(shapes.AnalysedItemPage(data).data)


def _document(analysis: StoredAnalysis) -> dict[str, Any]:
    content = analysis.content
    is_member = analysis.audience == ItemAnalysis.AnalysisAudience.MEMBERS
    return {
        "task_version": analysis.version.public_id,
        "includes_private": bool(is_member and analysis.version.private_item_count),
        "finding": describe_findings(analysis),
        "notes": missing_numbers(analysis),
        "items": content["items"],
        "rows": analysis.row_count,
        "rows_left_out": content["rows_left_out"],
        "is_fitted": content["fitted"],
        "counts": content["counts"],
        "saturation": content["saturation"],
        "duplicate_pairs": content["duplicate_pairs"],
        "computed_at": analysis.computed_at,
    }


def _word(request: Request, name: str, known: list[str]) -> str:
    value = request.query_params.get(name, known[0])
    if value not in known:
        raise InvalidInput([Problem(f"must be one of {', '.join(known)}", name)])
    return value


def _number(request: Request, name: str, default: int, most: int) -> int:
    value = request.query_params.get(name, str(default))
    if not (value.isascii() and value.isdigit() and len(value) <= 9 and int(value) >= 1):
        raise InvalidInput([Problem("must be a whole number from 1", name)])
    return min(int(value), most)
