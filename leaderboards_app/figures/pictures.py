"""Figures as PNG: the drawing below its finding, and below it where it is from."""

from leaderboards_app.figures.drawing import light_colour, xml_text
from leaderboards_app.figures.named import Drawing
from plumbmark.web.raster import FAMILY, draw_png, wrap_text

_MARGIN = 20
_TITLE_SIZE, _TITLE_LINE = 18, 24
_SOURCE_SIZE = 12


def draw_picture(drawing: Drawing, source: str) -> bytes:
    """Draw a PNG of twice the drawing's size."""
    lines = wrap_text(drawing.title, _TITLE_SIZE, drawing.width, max_lines=3)
    top = _MARGIN + len(lines) * _TITLE_LINE + 8
    width = drawing.width + 2 * _MARGIN
    height = top + drawing.height + 34
    title = "".join(
        write_line(line, _MARGIN, _MARGIN + 16 + number * _TITLE_LINE, _TITLE_SIZE, weight=600)
        for number, line in enumerate(lines)
    )
    below = write_line(source, _MARGIN, height - 16, _SOURCE_SIZE, colour="muted")
    inner = drawing.svg.replace("<svg ", f'<svg x="{_MARGIN}" y="{top}" ', 1)
    return draw_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{title}{inner}{below}</svg>',
        background=light_colour("page"),
    )


def write_line(
    text: str, x: float, y: float, size: int, *, weight: int = 400, colour: str = "ink"
) -> str:
    """Return a line of text for a picture; unlike a style sheet's, its style wins."""
    style = f"font:{weight} {size}px '{FAMILY}';fill:{light_colour(colour)}"
    return f'<text x="{x}" y="{y}" style="{style}">{xml_text(text)}</text>'
