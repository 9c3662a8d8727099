"""Responses to OPTIONS."""

from typing import Any

from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request
from rest_framework.views import APIView


class ResourceMetadata(SimpleMetadata):
    """List fields only where a resource is created.

    The serializer of a ViewSet is the shape of its rows; the bodies of other actions are in the
    OpenAPI document.
    """

    def determine_actions(self, request: Request, view: APIView) -> dict[str, Any]:
        if "create" not in getattr(view, "action_map", {}).values():
            return {}
        return dict(super().determine_actions(request, view))
