"""Markdown that people wrote, as safe HTML.

Raw HTML in the source is shown as text; the rendered HTML is sanitised once more. Images are left
out, because a picture from elsewhere reveals to its host who reads the page. Headings start below
the page's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from plumbmark.web.markdown_math import MATH_ATTRIBUTES, MATH_TAGS, enable_math

_TAGS = {
    "a", "blockquote", "br", "code", "del", "div", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li",
    "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    "pre": {"tabindex", "role", "aria-label"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "td": {"class"},
    "th": {"class"},
}
_ALIGNMENTS = {
    "text-align:right": "align-right",
    "text-align:center": "align-center",
    "text-align:left": "align-left",
}
_MAX_KEPT = 4_000
"""Characters of a text whose HTML is kept in the process."""
_MAX_LENGTH = 200_000
"""Characters rendered at most; what is longer is cut, so that no page hangs on a text."""


class _Renderer(RendererHTML):
    """Adds what scrolling regions need to be reached by keyboard, and no style attributes."""

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return (
            '<pre tabindex="0" role="region" aria-label="Code"><code>'
            f"{escape(tokens[idx].content)}</code></pre>\n"
        )

    code_block = fence

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return '<div class="prose__table" tabindex="0" role="region" aria-label="Table"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "</table></div>\n"


@dataclass(frozen=True, slots=True)
class MarkdownRules:
    """Rules for one kind of texts: the parser, and which HTML stays."""

    parser: MarkdownIt
    tags: set[str]
    attributes: dict[str, set[str]]
    link_rel: str

    def parse(self, text: str, *, top_heading: int) -> list[Token]:
        """Return the tokens of `text`; its highest heading is h`top_heading` (1 to 6)."""
        tokens = self.parser.parse(text[:_MAX_LENGTH])
        for token in tokens:
            if token.type in {"heading_open", "heading_close"}:
                token.tag = f"h{min(6, int(token.tag[1]) + top_heading - 1)}"
            elif token.type in {"td_open", "th_open"}:
                alignment = _ALIGNMENTS.get(str(token.attrs.pop("style", "")))
                if alignment:
                    token.attrs["class"] = alignment
        return tokens

    def write(self, tokens: Sequence[Token]) -> SafeString:
        """Return the tokens as HTML that was sanitised."""
        cleaned = nh3.clean(
            self.parser.renderer.render(tokens, self.parser.options, {}),
            tags=self.tags,
            attributes=self.attributes,
            url_schemes={"http", "https", "mailto"},
            link_rel=self.link_rel,
        )
        return mark_safe(cleaned)  # noqa: S308 - cleaned on the line above


def _make_parser() -> MarkdownIt:
    options = {"html": False, "linkify": False, "maxNesting": 20}
    parser = MarkdownIt("commonmark", options, renderer_cls=_Renderer)
    return parser.enable(["table", "strikethrough"])


_OF_PEOPLE = MarkdownRules(
    enable_math(_make_parser().disable(["image"])),
    _TAGS | MATH_TAGS,
    _ATTRIBUTES | MATH_ATTRIBUTES,
    "nofollow ugc noopener",
)
OF_GUIDES = MarkdownRules(
    _make_parser(),
    _TAGS | {"img"},
    _ATTRIBUTES | {"img": {"src", "alt", "title"}} | {f"h{level}": {"id"} for level in range(2, 7)},
    "noopener",
)
"""For the platform's own guides: with images and with anchors at headings."""


def render_markdown(text: str, *, top_heading: int = 3) -> SafeString:
    """Return `text` as HTML whose highest heading is h`top_heading` (2 to 6)."""
    if len(text) > _MAX_KEPT:
        return _render(text, top_heading)
    return _render_and_keep(text, top_heading)


@lru_cache(maxsize=512)
def _render_and_keep(text: str, top_heading: int) -> SafeString:
    # A card's answers are on every page of a board: rendering them takes a tenth of the page.
    return _render(text, top_heading)


def _render(text: str, top_heading: int) -> SafeString:
    return _OF_PEOPLE.write(_OF_PEOPLE.parse(text, top_heading=top_heading))
