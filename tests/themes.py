"""Pages in both themes."""

from collections.abc import Iterator
from typing import Any


def in_each_theme(page: Any) -> Iterator[str]:
    """Show a page of the browser in dark and in light, as it was before."""
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        yield theme
