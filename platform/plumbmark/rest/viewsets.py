"""The base of the API's ViewSets."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from plumbmark.rest.metadata import ResourceMetadata

_M = TypeVar("_M", bound=Model)


class ResourceViewSet(GenericViewSet[_M]):
    """A resource and its actions, looked up by its public id.

    The docstring of a method is its description in the OpenAPI document. `list` comes from
    `ListModelMixin`, so its description is the docstring of the class.
    """

    lookup_field = "public_id"
    lookup_value_converter = "str"
    metadata_class = ResourceMetadata

    def respond_with_page(self, rows: QuerySet[Any], shape: type[BaseSerializer[Any]]) -> Response:
        """Return a page of rows that belong to one resource; no filter is applied."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(shape(page, many=True).data)
