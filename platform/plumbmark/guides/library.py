"""The guides that there are: their names, titles, order and groups.

Files are read when they change, and rendered when somebody opens them; see `rendering`.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db.models import TextChoices
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

_OTHER_FILES = (".yml", ".json")
"""Files beside the guides to which these link."""
_TITLE = re.compile(r"\A# +(.+?) *#*\n")


class Audience(TextChoices):
    """The groups of the list, in order."""

    READERS = "readers", _("For readers")
    AUTHORS = "authors", _("For authors")
    OPERATORS = "operators", _("For operators")
    CONTRIBUTORS = "contributors", _("For contributors")


_BY_FOLDER = {
    "readers": Audience.READERS,
    "authors": Audience.AUTHORS,
    "operators": Audience.OPERATORS,
    "contributors": Audience.CONTRIBUTORS,
    "design": Audience.CONTRIBUTORS,
}
_BY_NAME = {
    "walk-through": Audience.AUTHORS,
    "api": Audience.AUTHORS,
    "calling-models": Audience.AUTHORS,
    "security": Audience.OPERATORS,
}
"""Guides outside of the folders. Others are for contributors."""
_FIRST = (
    "readers/boards",
    "readers/runs",
    "readers/comparing",
    "readers/finding",
    "authors/tasks",
    "walk-through",
    "authors/definitions",
    "authors/benchmarks",
    "operators/running",
    "operators/settings",
    "contributors/index",
    "contributors/glossary",
)
"""Guides that come first in their groups, in this order; then the others by title."""
_PLACES = {name: place for place, name in enumerate(_FIRST)}


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide as it is written."""

    name: str
    """Its path below the folder, without the ending: `readers/boards`."""
    audience: Audience
    title: str
    text: str

    def get_absolute_url(self) -> str:
        return reverse("guide", args=[self.name])


@dataclass(frozen=True, eq=False)
class Library:
    """All guides, in the order of the list, and the files to which they link.

    Each is equal only to itself, so that what is derived from one can be kept for it.
    """

    fingerprint: str
    guides: Mapping[str, Guide]
    files: Mapping[str, Path]

    def by_audience(self) -> list[tuple[Audience, list[Guide]]]:
        groups = [
            (audience, [one for one in self.guides.values() if one.audience is audience])
            for audience in Audience
        ]
        return [(audience, guides) for audience, guides in groups if guides]

    def neighbours(self, guide: Guide) -> tuple[Guide | None, Guide | None]:
        """Return the guides before and after this one."""
        order = list(self.guides.values())
        place = order.index(guide)
        before = order[place - 1] if place else None
        after = order[place + 1] if place + 1 < len(order) else None
        return before, after


def read_library() -> Library:
    """Return the guides as the files are now: read anew only if one of them has changed."""
    folder = Path(settings.GUIDES_DIR)
    return _read(folder, tuple(sorted(_find_files(folder, ""))))


_State = tuple[str, int, int]
"""The name of a file, its time and its size."""


def _find_files(folder: Path, below: str) -> Iterator[_State]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _find_files(Path(entry.path), f"{below}{entry.name}/")
            elif entry.name.endswith((".md", *_OTHER_FILES)) and entry.is_file():
                stat = entry.stat()
                yield f"{below}{entry.name}", stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=2)
def _read(folder: Path, files: Sequence[_State]) -> Library:
    guides = [
        _read_guide(folder / name, name.removesuffix(".md"))
        for name, _time, _size in files
        if name.endswith(".md")
    ]
    order = list(Audience)
    guides.sort(
        key=lambda one: (
            order.index(one.audience),
            _PLACES.get(one.name, len(_PLACES)),
            one.name.startswith("design/"),
            one.title.casefold(),
        )
    )
    others = {name: folder / name for name, _t, _s in files if name.endswith(_OTHER_FILES)}
    fingerprint = hashlib.sha256(repr(files).encode()).hexdigest()[:16]
    return Library(fingerprint, {one.name: one for one in guides}, others)


def _read_guide(file: Path, name: str) -> Guide:
    text = file.read_text(encoding="utf-8")
    found = _TITLE.match(text)
    title = found.group(1).replace("`", "") if found else name
    top = name.partition("/")[0]
    audience = _BY_NAME.get(name) or _BY_FOLDER.get(top, Audience.CONTRIBUTORS)
    return Guide(name, audience, title, text[found.end() :] if found else text)
