"""Pages by cursor: stable while rows are added, the same cost on every page."""

import re
from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
"""What every database can compare with; each ordering begins with a whole number."""


class NewestFirst(CursorPagination):
    """`?limit=` up to 200 and `?cursor=`; newest row first."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    ordering = "-id"

    def get_page_size(self, request: Request) -> int | None:
        """Return the number of rows; refuse a limit that is not a number, cap a large one."""
        limit = request.query_params.get("limit")
        if limit is not None and not (limit.isascii() and limit.isdigit() and int(limit[:9]) > 0):
            message = f"must be a whole number from 1 to {self.max_page_size}"
            raise ValidationError({"limit": [message]})
        return super().get_page_size(request)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return where the page begins; a 404 for a cursor that was not given out here."""
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is None or cursor.position is None:
            return cursor
        if not _WHOLE_NUMBER.fullmatch(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": self.page_size_query_param,
                "in": "query",
                "required": False,
                "description": f"Rows of a page. More than {self.max_page_size} are reduced to "
                "that.",
                "schema": {"type": "integer", "minimum": 1, "default": self.page_size},
            },
            {
                "name": self.cursor_query_param,
                "in": "query",
                "required": False,
                "description": "Where a page begins: follow `next` and `previous`, which contain "
                "it.",
                "schema": {"type": "string"},
            },
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        def address(description: str) -> dict[str, Any]:
            return {"type": ["string", "null"], "format": "uri", "description": description}

        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": address("The address of the next page; null on the last one."),
                "previous": address("The address of the page before; null on the first one."),
                "results": schema,
            },
        }


class OldestFirst(NewestFirst):
    ordering = "id"


class ByPosition(NewestFirst):
    """For rows that have a position among their siblings."""

    ordering: Any = ("position", "id")


class InOrder(NewestFirst):
    """For samples, which have an ordinal in their run."""

    ordering: Any = ("ordinal", "id")
    max_page_size = 1000
