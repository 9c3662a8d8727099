"""Drawings as PNG, for places that take no SVG: slides, previews of links, word processors.

They are drawn in one process at a time, with a font of our own, so that they look the same on every
server. Fonts of the system are read only for a script that this font does not have.
"""

import re
import threading
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import resvg_py
from django.utils.translation import gettext as _
from font_source_sans_pro import font_files_ttf
from PIL import ImageFont

from plumbmark.common.errors import Busy

FAMILY = "Source Sans Pro"
_FACES = ("SourceSansPro", "SourceSansProSemibold", "SourceSansProIt", "SourceSansProBold")
_OTHER_SCRIPT = re.compile("[^\x00-\u024f\u0370-\u03ff\u0400-\u04ff\u2010-\u22ff]")
_MAX_WAIT = 5.0
"""Seconds: a drawing takes about a tenth of one."""
_drawing = threading.Lock()


@lru_cache(maxsize=64)
def draw_png(svg: str, *, zoom: int = 2, background: str = "#ffffff") -> bytes:
    """Draw an SVG document; `Busy` where others have been drawing for seconds."""
    if not _drawing.acquire(timeout=_MAX_WAIT):
        raise Busy(_("Other figures are being drawn. Try again in a few seconds."))
    try:
        options: dict[str, Any] = {
            "zoom": zoom,
            "background": background,
            "skip_system_fonts": _OTHER_SCRIPT.search(svg) is None,
            "font_files": _faces(),
            "font_family": FAMILY,
            "sans_serif_family": FAMILY,
        }
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, **options))
    finally:
        _drawing.release()


@cache
def _faces() -> list[str]:
    return [font_files_ttf[name] for name in _FACES]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_files_ttf["SourceSansProSemibold"], size)


def text_width(text: str, size: int) -> float:
    """Return the width of a text in pixels, in the semibold face."""
    return _font(size).getlength(text[:1000])


def wrap_text(text: str, size: int, width: float, *, max_lines: int) -> Sequence[str]:
    """Break a text into lines of a width in pixels; what does not fit becomes an ellipsis."""
    lines: list[str] = []
    line = ""
    for word in _short_words(text, size, width):
        longer = f"{line} {word}" if line else word
        if text_width(longer, size) <= width:
            line = longer
            continue
        lines.append(line)
        line = word
    lines.append(line)
    if len(lines) <= max_lines:
        return lines
    last = lines[max_lines - 1]
    while last and text_width(f"{last}…", size) > width:
        last = last[:-1]
    return [*lines[: max_lines - 1], f"{last}…"]


def _short_words(text: str, size: int, width: float) -> list[str]:
    """Return the words of a text, broken where one alone is wider than a line."""
    words = []
    for word in text.split():
        while text_width(word, size) > width:
            end = len(word) - 1
            while end > 1 and text_width(word[:end], size) > width:
                end = end * 3 // 4
            words.append(word[:end])
            word = word[end:]
        words.append(word)
    return words
