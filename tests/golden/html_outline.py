"""HTML as an outline: one element or text a line, without the white space that no reader sees.

Two pages have the same outline if a browser shows the same: white space counts between words and
inline elements, and in `pre`; not between blocks, cells, list items or the items of a flex box or
grid. Which classes are blocks, flex boxes and grids is read from the project's own style sheets.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

_STYLES = Path(__file__).resolve().parents[2] / "static" / "css"
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"]
)
_VERBATIM = frozenset(["pre", "textarea", "script", "style"])
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "audio",
        "b",
        "bdi",
        "br",
        "button",
        "cite",
        "code",
        "copy-button",
        "data",
        "del",
        "dfn",
        "em",
        "i",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "local-time",
        "mark",
        "meter",
        "output",
        "progress",
        "q",
        "relative-time",
        "s",
        "samp",
        "select",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "svg",
        "time",
        "u",
        "var",
        "video",
        "wbr",
    ]
)
_OWN_LINE = frozenset(["button", "select", "svg", "audio", "video"])
"""Inline outside, while white space at the ends of their content is not shown."""
_ONLY_ELEMENTS = frozenset(
    [
        "audio",
        "colgroup",
        "datalist",
        "defs",
        "dl",
        "g",
        "head",
        "html",
        "ol",
        "optgroup",
        "picture",
        "select",
        "svg",
        "symbol",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
        "video",
    ]
)
"""White space between their children is never shown."""
_CELLS = frozenset(["td", "th"])
_CLOSED_BY = {
    "td": _CELLS,
    "th": _CELLS,
    "tr": _CELLS | {"tr"},
    "tbody": _CELLS | {"tr", "thead", "tbody"},
    "li": frozenset(["li"]),
    "dt": frozenset(["dt", "dd"]),
    "dd": frozenset(["dt", "dd"]),
    "option": frozenset(["option"]),
}
"""What a start tag ends that was left open, as HTML allows."""
_MAY_STAY_OPEN = frozenset(["td", "th", "tr", "tbody", "thead", "li", "dt", "dd", "option"])
_SPACE = re.compile(r"[ \t\n\r\f]+")


@dataclass
class _Element:
    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list["_Element | str"] = field(default_factory=list)


class MalformedPage(AssertionError):
    """A tag is closed that is not open, or left open."""


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = _Element("#root")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        element = _Element(tag, dict(attributes))
        if len(element.attributes) != len(attributes):
            raise MalformedPage(f"<{tag}> has an attribute twice: {attributes}")
        while self._open[-1].tag in _CLOSED_BY.get(tag, ()):
            self._open.pop()
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(_Element(tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        while self._open[-1].tag != tag and self._open[-1].tag in _MAY_STAY_OPEN:
            self._open.pop()
        if self._open[-1].tag != tag:
            raise MalformedPage(f"</{tag}> at {self.getpos()}, in <{self._open[-1].tag}>")
        self._open.pop()

    def handle_data(self, data: str) -> None:
        children = self._open[-1].children
        if children and isinstance(children[-1], str):
            children[-1] += data
        else:
            children.append(data)

    def close(self) -> None:
        super().close()
        if len(self._open) != 1:
            raise MalformedPage(f"<{self._open[-1].tag}> is not closed")


def outline(page: str, *, is_whole: bool = True) -> str:
    """Return the page's outline; without its header, footer and links to files unless
    `is_whole`.
    """
    builder = _Builder()
    builder.feed(page)
    builder.close()
    _Collapser().block(builder.root)
    return "".join(f"{line}\n" for line in _lines(builder.root, "", is_whole=is_whole))


# --- White space ----------------------------------------------------------------------------------


class _Collapser:
    """Walks what stands on one line after the other, as a browser does."""

    def __init__(self) -> None:
        self._at_start = True
        self._last: tuple[list[_Element | str], int] | None = None
        """The text that ended with a space that is shown only if something follows."""

    def block(self, element: _Element) -> None:
        self._end_line()
        self._contents(element)
        self._end_line()

    def _contents(self, element: _Element) -> None:
        if element.tag in _VERBATIM:
            return
        is_loose = element.tag not in {"text", "tspan"} and (
            element.tag in _ONLY_ELEMENTS or _display(element)[1]
        )
        for index, child in enumerate(element.children):
            if isinstance(child, str):
                if is_loose and not child.strip():
                    element.children[index] = ""
                else:
                    self._text(element.children, index)
                if is_loose:
                    self._end_line()
            elif is_loose or not _display(child)[0]:
                self.block(child)
            elif child.tag == "br":
                self._end_line()
            elif child.tag in _OWN_LINE:
                self._seen()
                _Collapser().block(child)
            else:
                if child.tag in _VOID and child.attributes.get("type") != "hidden":
                    self._seen()
                self._contents(child)

    def _text(self, where: list[_Element | str], index: int) -> None:
        text = _SPACE.sub(" ", str(where[index]))
        if self._at_start or self._last is not None:
            text = text.removeprefix(" ")
        where[index] = text
        if text:
            self._seen()
            if text.endswith(" "):
                self._last = (where, index)

    def _seen(self) -> None:
        self._at_start, self._last = False, None

    def _end_line(self) -> None:
        if self._last is not None:
            where, index = self._last
            where[index] = str(where[index]).removesuffix(" ")
        self._at_start, self._last = True, None


def _display(element: _Element) -> tuple[bool, bool]:
    """Return whether it is inside a line, and whether it lays out its children by itself."""
    is_inline, is_loose = element.tag in _INLINE, False
    styles = _displays()
    names = [element.tag, *(f".{name}" for name in (element.attributes.get("class") or "").split())]
    for name in names:
        for display in styles.get(name, ()):
            is_inline = display.startswith("inline")
            is_loose = display.removeprefix("inline-") in {"flex", "grid"}
    return is_inline, is_loose


@cache
def _displays() -> dict[str, list[str]]:
    """Return the values of `display` that style sheets give a class or an element by its name
    alone.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(_STYLES.rglob("*.css")):
        for selectors, declarations in _rules(path.read_text()):
            display = re.search(r"(?:^|;|\s)display:\s*([a-z-]+)", declarations)
            if display is None or display[1] == "none":
                continue
            for selector in selectors.split(","):
                if re.fullmatch(r"\.?[a-z][\w-]*", selector.strip()):
                    found.setdefault(selector.strip(), []).append(display[1])
    return found


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """Yield selectors with their own declarations; nested rules separately."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    open_: list[list[str]] = []
    start = 0
    for match in re.finditer(r"[{};]", text):
        piece = text[start : match.start()].strip()
        start = match.end()
        if match[0] == "{":
            open_.append([piece, ""])
        elif match[0] == ";":
            if open_:
                open_[-1][1] += f"{piece};"
        elif open_:
            selectors, declarations = open_.pop()
            yield selectors, declarations + piece


# --- Lines ----------------------------------------------------------------------------------------


def _lines(element: _Element, indent: str, *, is_whole: bool) -> Iterator[str]:
    for child in element.children:
        if isinstance(child, str):
            if child:
                yield indent + _quoted(child)
            continue
        if not is_whole and _is_frame(child):
            continue
        texts = [one for one in child.children if one != ""]
        if len(texts) == 1 and isinstance(texts[0], str):
            yield f"{indent}{_head(child)} {_quoted(texts[0])}"
            continue
        yield indent + _head(child)
        yield from _lines(child, f"{indent} ", is_whole=is_whole)


def _is_frame(element: _Element) -> bool:
    """Return whether it is part of the frame that all pages share."""
    classes = element.attributes.get("class") or ""
    if element.tag in {"link", "script"} or classes in {"site-header", "site-footer", "skip-link"}:
        return True
    return element.tag == "meta" and element.attributes.get("name") != "description"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r") + '"'


def _head(element: _Element) -> str:
    parts = [element.tag]
    for name, value in sorted(element.attributes.items()):
        # `checked`, `checked=""` and `checked="checked"` are the same.
        if value in (None, "", name):
            parts.append(name)
        else:
            parts.append(f'{name}="{_SPACE.sub(" ", value).strip()}"')
    return " ".join(parts)
