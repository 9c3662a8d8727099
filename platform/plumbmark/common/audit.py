"""The audit trail: one call, inside the transaction of the write it records."""

from typing import TYPE_CHECKING, Any

from plumbmark.common.models import AuditEvent

if TYPE_CHECKING:
    from plumbmark.accounts.models import User


def record(action: str, thing: str, *, by: "User | None", **details: Any) -> None:
    """Append `by` did `action` to `thing` (`kind:public id`)."""
    AuditEvent.objects.create(actor=by, action=action, thing=thing, details=details)
