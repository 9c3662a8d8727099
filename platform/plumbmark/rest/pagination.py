"""Pages by cursor: stable while rows are added, the same cost on every page."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class NewestFirst(CursorPagination):
    """`?limit=` up to 200 and `?cursor=`; the newest row first."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    ordering = "-id"

    def get_page_size(self, request: Request) -> int | None:
        """Return the page size; report a limit that is not a number, cap one above the largest."""
        asked = request.query_params.get("limit")
        if asked is not None and not (asked.isascii() and asked.isdigit() and int(asked[:9]) > 0):
            message = f"must be a whole number from 1 to {self.max_page_size}"
            raise ValidationError({"limit": [message]})
        return super().get_page_size(request)


class OldestFirst(NewestFirst):
    ordering = "id"


class InOrder(NewestFirst):
    """For rows that have a position."""

    ordering: Any = ("ordinal", "id")
    max_page_size = 1000
