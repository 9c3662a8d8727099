"""The base of the API's ViewSets."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from plumbmark.rest.metadata import ResourceMetadata

_M = TypeVar("_M", bound=Model)


class ResourceViewSet(GenericViewSet[_M]):
    """A resource and its actions, looked up by its public id.

    The docstring of a method is its summary (the first sentence) and its description in the OpenAPI
    document. `list` comes from `ListModelMixin`, so the docstring of the class is taken.
    """

    subject: ClassVar[str]
    """The tag of the operations; SPECTACULAR_SETTINGS lists all of them."""
    parameter_descriptions: ClassVar[Mapping[str, str]] = {}
    """The meaning of parameters of the address and of filters, by name."""

    lookup_field = "public_id"
    lookup_value_converter = "str"
    metadata_class = ResourceMetadata

    def respond_with_page(self, rows: QuerySet[Any], shape: type[BaseSerializer[Any]]) -> Response:
        """Return a page of rows that belong to one resource; no filter is applied."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(shape(page, many=True).data)
