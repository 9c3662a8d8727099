"""Permissions to report items, and to see and decide reports. Deny by default."""

from plumbmark.accounts.permissions import Visitor, is_person
from tasks_app.models import Item, ItemReport, TaskVersion
from tasks_app.permissions import can_edit_task, can_view_item, can_view_version


def can_report_item(visitor: Visitor, item: Item, version: TaskVersion) -> bool:
    """Allow every signed-in person who sees the item."""
    return is_person(visitor) and _sees_item(visitor, item, version)


def can_view_report(visitor: Visitor, report: ItemReport) -> bool:
    """Allow whoever sees the item, so that nobody learns of a private one from its reports."""
    return _sees_item(visitor, report.item, report.version)


def can_decide_report(visitor: Visitor, report: ItemReport) -> bool:
    return can_edit_task(visitor, report.version.task)


def can_withdraw_report(visitor: Visitor, report: ItemReport) -> bool:
    return is_person(visitor) and report.created_by_id == visitor.pk


def _sees_item(visitor: Visitor, item: Item, version: TaskVersion) -> bool:
    return can_view_version(visitor, version) and can_view_item(visitor, item, version.task)
