"""Maths in Markdown: `$…$` in a line and `$$…$$` on lines of their own, as MathML.

Amounts stay text: what a `$` opens has no space at its ends, and no digit or letter follows its
end, so that "$5 and $6" and "$5-$6" are no formulas.
"""

import html
from xml.etree.ElementTree import Element, tostring

from django.utils.html import escape
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

MAX_FORMULA = 1000
"""Characters of one formula; a longer one stays text."""
_XMLNS = "xmlns"

MATH_TAGS = {
    "math", "menclose", "mfrac", "mi", "mn", "mo", "mover", "mpadded", "mphantom", "mroot", "mrow",
    "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr",
    "munder", "munderover",
}  # fmt: skip
MATH_ATTRIBUTES = {
    "math": {"display"},
    "menclose": {"notation"},
    "mfrac": {"linethickness"},
    "mi": {"mathvariant"},
    "mo": {"fence", "form", "maxsize", "minsize", "movablelimits", "separator", "stretchy"},
    "mover": {"accent"},
    "mspace": {"width"},
    "mstyle": {"displaystyle", "mathcolor", "scriptlevel"},
    "mtable": {"columnalign"},
    "munder": {"accentunder"},
}
"""Of what the converter writes: no links, no styles."""


def enable_math(parser: MarkdownIt) -> MarkdownIt:
    """Return the parser, which takes formulas from now on."""
    parser.inline.ruler.before("escape", "math", _parse_formula)
    parser.add_render_rule("math", lambda _self, tokens, idx, _options, _env: tokens[idx].content)
    return parser


def _parse_formula(state: StateInline, silent: bool) -> bool:
    text, start = state.src, state.pos
    if text[start] != "$":
        return False
    mark = "$$" if text.startswith("$$", start) else "$"
    before = text[start - 1] if start else " "
    if before.isalnum() or before in "$\\":
        return False
    first = start + len(mark)
    end = _find_end(text, first, min(state.posMax, first + MAX_FORMULA + 1), mark)
    if end < 0:
        return False
    if not silent:
        token = state.push("math", "math", 0)
        token.content = _render(
            text[first:end], is_block=mark == "$$", source=text[start:end] + mark
        )
    state.pos = end + len(mark)
    return True


def _find_end(text: str, first: int, last: int, mark: str) -> int:
    """Return where the closing mark is; -1 where this opens no formula."""
    if mark == "$" and (first >= len(text) or text[first].isspace()):
        return -1
    at = first
    while at < last:
        if text[at] == "\\":
            at += 2
            continue
        if text.startswith(mark, at):
            if not text[first:at].strip():
                return -1
            after = text[at + len(mark) : at + len(mark) + 1]
            if mark == "$$" or not (text[at - 1].isspace() or after.isalnum() or after == "$"):
                return at
        at += 1
    return -1


def _render(formula: str, *, is_block: bool, source: str) -> str:
    """Return a formula as MathML, and one that cannot be read as it was written."""
    # Reads a table of thousands of symbols: only where there is a formula.
    from latex2mathml.converter import convert_to_element

    try:
        element = convert_to_element(formula, display="block" if is_block else "inline")
        # Not the converter's own text, which holds what it was given as markup.
        _write_characters(element)
        return tostring(element, encoding="unicode")
    except Exception:
        # The converter raises whatever its parser stumbles over.
        return f"<code>{escape(source)}</code>"


def _write_characters(element: Element) -> None:
    """Replace the converter's references such as `&#x0002B;` by their characters."""
    element.attrib.pop(_XMLNS, None)
    for one in element.iter():
        one.text = html.unescape(one.text) if one.text else one.text
        one.tail = html.unescape(one.tail) if one.tail else one.tail
