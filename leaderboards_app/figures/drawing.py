"""Parts of all figures: the site's colours in a drawing of its own, scales with round values."""

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from django.utils.html import escape

from plumbmark.web.stylesheet import token
from plumbmark.web.theme import Theme

MAX_LABEL = 30
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: object) -> str:
    """Escape a text for a drawing; characters that no XML may have become a replacement."""
    return escape(_NOT_IN_XML.sub("\ufffd", str(text)))


def light_colour(name: str) -> str:
    """Return a colour of the site's light theme: pictures have no theme."""
    colour = token(f"color-{name}")
    if colour.startswith("light-dark("):
        return colour[len("light-dark(") :].split(",")[0].strip()
    return colour


@cache
def style_of(theme: Theme) -> str:
    """Return the site's colours; the page's stylesheet does not reach a drawing."""

    def paint(what: str, name: str) -> str:
        return _in_theme(what, token(f"color-{name}"), theme)

    scheme = "light dark" if theme == "system" else theme
    return (
        f":root{{color-scheme:{scheme}}}"
        f"text{{font:13px {token('font-text')};{paint('fill', 'ink')}}}"
        ".k,.v{font-variant-numeric:tabular-nums}"
        f".k{{font-size:12px;{paint('fill', 'muted')}}}"
        f".g{{stroke-width:1;{paint('stroke', 'border')}}}"
        f".f{{fill:none;stroke-width:1.5;stroke-dasharray:5 4;{paint('stroke', 'muted')}}}"
        f".e{{{paint('fill', 'accent-wash')}}}"
        f"g path{{stroke-width:3;{paint('stroke', 'mark-1')}}}"
        f"circle{{{paint('fill', 'mark-1')}}}"
        f".p path{{stroke-width:1.5}}"
        f".p circle{{stroke-width:1.5;{paint('fill', 'page')};{paint('stroke', 'mark-1')}}}"
        f".p.b circle{{{paint('fill', 'mark-1')}}}"
        f".r text{{font-style:italic;{paint('fill', 'muted')}}}"
        f".r path{{stroke-dasharray:4 3;stroke-width:2;{paint('stroke', 'muted')}}}"
        f".r circle{{stroke-width:1.5;{paint('fill', 'page')};{paint('stroke', 'muted')}}}"
    )


def style_source(theme: Theme) -> str:
    """Return `style_of` as a source of a content security policy, so that only it applies."""
    digest = hashlib.sha256(style_of(theme).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _in_theme(what: str, colour: str, theme: Theme) -> str:
    """Return one declaration, or two: editors that do not know `light-dark()` use the light one."""
    if not colour.startswith("light-dark("):
        return f"{what}:{colour}"
    light, dark = (part.strip() for part in colour[len("light-dark(") : -1].split(","))
    if theme == "system":
        return f"{what}:{light};{what}:{colour}"
    return f"{what}:{dark if theme == 'dark' else light}"


def document(width: int, height: int, title: str, theme: Theme, body: str) -> str:
    """Return an SVG document with the site's colours; its title is its accessible name."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img"><title>{xml_text(title)}</title>'
        f"<style>{style_of(theme)}</style>{body}</svg>"
    )


def shorten_label(label: str, limit: int = MAX_LABEL) -> str:
    """Return a label of at most `limit` characters."""
    return label if len(label) <= limit else label[: limit - 1] + "…"


def round_values(least: float, most: float) -> list[float]:
    """Return four to nine round values within a range: steps of 1, 2 or 5 times a power of ten."""
    rough = (most - least) / 6
    if rough <= 0:
        return [least]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(least / step)
    last = math.floor(most / step)
    return [round(number * step, 12) for number in range(first, last + 1)]


MAX_EXTRA_DIGITS = 4


class TickWriter(Protocol):
    """Writes a value of an axis, with `extra` digits more than usual."""

    def __call__(self, value: float, /, *, extra: int = 0) -> str: ...


def label_ticks(values: Sequence[float], write: TickWriter) -> list[tuple[float, str]]:
    """Return the values of an axis with their labels: all with as many digits as tell neighbours
    apart. A value that no digit tells from the one before it has no place of its own on the axis.
    """
    labels: list[str] = []
    for extra in range(MAX_EXTRA_DIGITS + 1):
        labels = [write(value, extra=extra) for value in values]
        if len(set(labels)) == len(labels):
            break
    return [
        (value, label)
        for value, label, before in zip(values, labels, ["", *labels], strict=False)
        if label != before
    ]


def round_powers(least: float, most: float) -> list[float]:
    """Return round values of a logarithmic scale: 1, 2 and 5 times powers of ten, or powers alone
    where these would be more than nine.
    """
    powers = range(math.floor(math.log10(least)), math.floor(math.log10(most)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        values = [factor * 10.0**power for power in powers for factor in factors]
        inside = [value for value in values if least <= value <= most]
        if len(inside) <= 9:
            break
    return inside or [least]
