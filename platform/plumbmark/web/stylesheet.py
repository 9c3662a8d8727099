"""The one stylesheet of the site, joined from the files of `static/css/` without a build step.

The parts stay small and separate in the tree; browsers get `css/site.css` in one request. The
joined file is written below the state directory whenever a part is newer, by the same finder that
`collectstatic` and the development server ask for static files.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage

JOINED_NAME = "css/site.css"
_FIRST = ("reset.css", "tokens.css", "base.css")


def parts(folder: Path) -> list[Path]:
    """Return the files that make up the stylesheet, in order: layers first, then components,
    pages.
    """
    return [
        *(folder / name for name in _FIRST),
        *sorted((folder / "components").glob("*.css")),
        *sorted((folder / "pages").glob("*.css")),
    ]


def join_css(folder: Path) -> str:
    return "\n".join(_as_in(folder, part) for part in parts(folder))


def _as_in(folder: Path, part: Path) -> str:
    """Return a part's text with its `url("../…")` as seen from `folder`, where the joined file
    is.
    """
    up = "../" * (len(part.relative_to(folder).parts) - 1)
    return part.read_text(encoding="utf-8").replace(f'url("{up}', 'url("')


def token(name: str) -> str:
    """Return a value of `static/css/tokens.css`, for drawings that no stylesheet reaches.

    `token("color-ink")`; raises `KeyError` for a name that the file does not have.
    """
    return _tokens()[name]


@cache
def _tokens() -> Mapping[str, str]:
    text = (Path(settings.STATICFILES_DIRS[0]) / "css" / "tokens.css").read_text(encoding="utf-8")
    declared = re.findall(r"--([a-z0-9-]+):\s*([^;]+);", text)
    return {name: " ".join(value.split()) for name, value in declared}


class StylesheetFinder(BaseFinder):
    """Finds `css/site.css`, joining it first where it is missing or out of date."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._target = Path(settings.STATE_DIR) / "assets"

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return []

    # Django 5.2 calls the second argument `find_all`; `all` is its deprecated name.
    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        if path.replace(os.sep, "/") != JOINED_NAME:
            return []
        joined = str(self._join())
        return [joined] if find_all else joined

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        self._join()
        yield JOINED_NAME, FileSystemStorage(location=self._target)

    def _join(self) -> Path:
        joined = self._target / JOINED_NAME
        folder = Path(settings.STATICFILES_DIRS[0]) / "css"
        content = join_css(folder)
        if joined.exists() and joined.read_text(encoding="utf-8") == content:
            return joined
        joined.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: another process may be serving the old one.
        handle, name = tempfile.mkstemp(dir=joined.parent, suffix=".css")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(joined)
        return joined
