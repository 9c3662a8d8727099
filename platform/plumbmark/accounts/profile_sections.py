"""Sections of a profile, added by the apps above.

An app registers a callable in its `AppConfig.ready`; the callable gets the profile's namespace and
the viewer and returns a section, or None to show nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils.functional import Promise

from plumbmark.accounts.models import Namespace, User


@dataclass(frozen=True, slots=True)
class ProfileSection:
    """A part of the profile page. `template` is rendered with `context` (and `namespace`)."""

    title: str | Promise
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    count: int | None = None


SectionMaker = Callable[[Namespace, User | AnonymousUser], ProfileSection | None]

_makers: dict[str, tuple[int, SectionMaker]] = {}


def add_profile_section(name: str, maker: SectionMaker, *, order: int) -> None:
    """Show `maker(namespace, viewer)` on profiles, lower orders first."""
    _makers[name] = (order, maker)


def profile_sections(namespace: Namespace, viewer: User | AnonymousUser) -> list[ProfileSection]:
    sections = []
    for _name, (_order, maker) in sorted(_makers.items(), key=lambda entry: entry[1][0]):
        section = maker(namespace, viewer)
        if section is not None:
            sections.append(section)
    return sections
