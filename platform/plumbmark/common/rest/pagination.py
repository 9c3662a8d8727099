"""Pages by cursor: stable while rows are added, the same cost on every page."""

from typing import Any

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """`?limit=` up to 200 and `?cursor=`; the newest row first."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    ordering = "-id"


class OldestFirst(NewestFirst):
    ordering = "id"


class InOrder(NewestFirst):
    """For rows that have a position."""

    ordering: Any = ("ordinal", "id")
    max_page_size = 1000
