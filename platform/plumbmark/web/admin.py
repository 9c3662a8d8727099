"""Bases of the administration."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """What the machinery writes, or what is frozen: looked at here, changed nowhere."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
