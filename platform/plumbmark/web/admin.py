"""Bases of the administration."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """An admin of rows that are frozen or that the platform writes: shown here, changed nowhere."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
