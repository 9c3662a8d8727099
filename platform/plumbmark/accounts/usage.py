"""Limits of a person or team, and the part of each that is used.

Every room registers what it stores. A limit is of a namespace. People see both on a page of their
settings and in the API, and from `NEARLY` on where they add more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import QuerySet, Subquery, Sum, Value
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import Conflict

STORAGE = "storage"
NEARLY = 0.8
"""From this share of a limit on, people are told of it wherever they add more."""


class LimitReached(Conflict):
    code = "limit-reached"


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """One limit and the part of it that is used: in bytes, or in things."""

    name: str
    label: Any
    used: int
    limit: int
    is_bytes: bool = False

    @property
    def is_nearly_full(self) -> bool:
        return self.used >= NEARLY * self.limit

    @property
    def words(self) -> str:
        """Return how much is used of how much, as people read it."""
        return _("%(used)s of %(limit)s") % {
            "used": self._format(self.used),
            "limit": self._format(self.limit),
        }

    def _format(self, amount: int) -> str:
        return filesizeformat(amount) if self.is_bytes else f"{amount:,}"


_stored: dict[str, Callable[[Namespace], QuerySet[Any]]] = {}
_counted: dict[str, tuple[Any, Callable[[], int], Callable[[Namespace], int]]] = {}


def register_stored_bytes(name: str, stored: Callable[[Namespace], QuerySet[Any]]) -> None:
    """Register files whose bytes, in the column `size`, count to a namespace's storage."""
    _stored[name] = stored


def register_object_limit(
    name: str, *, label: Any, limit: Callable[[], int], count: Callable[[Namespace], int]
) -> None:
    """Register a kind of things of which a namespace may have only so many."""
    _counted[name] = (label, limit, count)


def usage_of(namespace: Namespace) -> list[LimitUsage]:
    """Return all limits of a namespace; a query for its files and one for each kind of things."""
    return [storage_of(namespace), *(_count(namespace, name) for name in _counted)]


def storage_of(namespace: Namespace) -> LimitUsage:
    """Return what the files of a namespace take. One query, however many kinds there are."""
    sums = {
        name: Subquery(
            # A constant as the group: the subquery is the sum alone.
            stored(namespace).order_by().values(every=Value(1)).values(bytes=Sum("size"))
        )
        for name, stored in _stored.items()
    }
    found = Namespace.objects.filter(pk=namespace.pk).values_list(*sums.values()).first() or ()
    used = sum(one or 0 for one in found)
    return LimitUsage(STORAGE, _("Storage"), used, _storage_limit(namespace), is_bytes=True)


def _storage_limit(namespace: Namespace) -> int:
    own = namespace.max_storage_mib
    return settings.MAX_STORAGE_BYTES if own is None else own * 2**20


def _count(namespace: Namespace, name: str) -> LimitUsage:
    label, limit, count = _counted[name]
    return LimitUsage(name, label, count(namespace), limit())


def check_storage(namespace: Namespace, *, adds: int) -> None:
    """Refuse to store `adds` more bytes than fit."""
    usage = storage_of(namespace)
    if usage.used + adds > usage.limit:
        raise LimitReached(
            _(
                "%(handle)s uses %(used)s of storage, so %(adds)s more do not fit. Replace files "
                "that are no longer needed by smaller ones, or ask the operator for more."
            )
            % {"handle": namespace.handle, "used": usage.words, "adds": filesizeformat(adds)}
        )


def check_count(namespace: Namespace, name: str) -> None:
    """Refuse one more of a kind of things."""
    usage = _count(namespace, name)
    if usage.used >= usage.limit:
        raise LimitReached(
            _("%(handle)s has %(used)s: %(label)s. Ask the operator for more.")
            % {"handle": namespace.handle, "used": usage.words, "label": usage.label}
        )
