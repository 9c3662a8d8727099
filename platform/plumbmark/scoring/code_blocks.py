"""The fenced code blocks of an answer in Markdown, by CommonMark's rules, and which of them counts.

Models close a block in more ways than CommonMark knows: at the end of its last line, not at all
where they were cut off, or without having opened it. These are read as a person reads them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

BlockChoice = Literal["last", "first", "longest", "all"]
"""Which of several blocks counts."""

PYTHON = frozenset({"python", "py", "python3", "py3", "python2", "ipython", "ipython3", "pycon"})
JSON = frozenset({"json", "jsonc", "json5", "jsonl"})

WHOLE = "the whole output"
"""Says of code that it is no part of the output."""

_MAX_LENGTH = 500_000
"""Of a longer answer the end is read: the parser is linear, but slow on hostile text."""

_MAX_NESTING = 20
_MAX_DEPTH = 3
_ANY_FENCE = re.compile(r"`{3}|~{3}")
_LINE_END = re.compile(r"\r\n|\r|\n")
_ONE_LINE = re.compile(r"\s*(`{3,})(?:(?P<word>[A-Za-z0-9_+-]{1,20})(?=\s))?(?P<code>[^`\n]+)\1\s*")
_OPENS_INSIDE = re.compile(r"\s*(?:`{3,}|~{3,})[ \t]*(?P<word>[A-Za-z][\w+-]*)")
_LANGUAGE = re.compile(r"[\s{.]*(?P<word>[\w+#-]+)")
_CODE_LINE = re.compile(
    r"\s*(?:(?:async )?def |class |import |from \w+ import|@\w|(?:if|for|while|with|try)\b.*:"
    r"|print\(|\w+ = )"
)


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block: the language that its info string names, and its code.

    `first_line` and `end_line` count lines of the text from 0; the end is not part of it.
    """

    language: str
    code: str
    is_closed: bool
    first_line: int
    end_line: int


@cache
def _parser() -> MarkdownIt:
    """Return a parser that knows blocks only, and of them what fences depend on."""
    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING})
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.block.ruler.enableOnly(["code", "fence", "blockquote", "list", "paragraph"])
    return parser


def code_blocks(text: str) -> list[CodeBlock]:
    """Return the fenced blocks of a text that have something in them, from the top."""
    if not _ANY_FENCE.search(text):
        return []
    if len(text) > _MAX_LENGTH:
        text = text[text.find("\n", len(text) - _MAX_LENGTH) + 1 :]
    if one := _ONE_LINE.fullmatch(text):
        return [CodeBlock(_lower(one["word"]), one["code"].strip(), True, 0, text.count("\n") + 1)]
    return [block for block in _all_blocks(text) if block.code.strip()]


@dataclass(frozen=True, slots=True)
class TakenCode:
    """The code of an answer, and which part of the answer it is, for people."""

    code: str
    which: str


def take_code(
    output: str, choice: BlockChoice = "last", languages: frozenset[str] = PYTHON
) -> TakenCode:
    """Return the code of an answer: of its blocks the one that counts, or the whole text.

    Blocks that name one of `languages` go before all others, then blocks that name none: what a
    program printed often follows the program, in a block of its own.
    """
    output = output.removeprefix("\ufeff")
    if not _ANY_FENCE.search(output):
        return TakenCode(output, WHOLE)
    blocks = _prefer(code_blocks(output), languages)
    lines = _LINE_END.split(output)
    if not blocks or (len(blocks) == 1 and _follows_code(blocks[0], lines)):
        return _before_stray_fence(output, lines)
    if choice == "all":
        which = "the only code block" if len(blocks) == 1 else f"all {len(blocks)} code blocks"
        return TakenCode("\n".join(block.code for block in blocks), which)
    if choice == "longest":
        block = max(blocks, key=lambda one: len(one.code))
    else:
        block = blocks[0 if choice == "first" else -1]
    which = "the only code block" if len(blocks) == 1 else f"the {choice} of {len(blocks)} blocks"
    return TakenCode(block.code, which)


def _prefer(blocks: Sequence[CodeBlock], languages: frozenset[str]) -> list[CodeBlock]:
    """Return the blocks in one of `languages`, else those that name no language, else all."""
    for wanted in (languages, frozenset({""})):
        if found := [block for block in blocks if block.language in wanted]:
            return found
    return list(blocks)


def _all_blocks(text: str, depth: int = 0) -> Iterator[CodeBlock]:
    for token in _parser().parse(text):
        if token.type == "fence":
            yield from _read_fence(token, depth)
        # Four spaces and more before a fence make it plain text for CommonMark.
        elif (
            token.type == "code_block"
            and depth < _MAX_DEPTH
            and token.map
            and _ANY_FENCE.match(token.content)
        ):
            yield from _move(_all_blocks(token.content, depth + 1), token.map[0])


def _read_fence(token: Token, depth: int) -> Iterator[CodeBlock]:
    assert token.map is not None
    first, end = token.map
    language = _LANGUAGE.match(token.info)
    code = token.content
    lines = code.count("\n") + (code != "" and not code.endswith("\n"))
    is_closed = end - first == lines + 2
    word = "" if language is None else _lower(language["word"])
    # A block that is wrapped in another one, or begins with a fence too many.
    if word in {"", "markdown", "md"} and depth < _MAX_DEPTH and _OPENS_INSIDE.match(code):
        inner = list(_move(_all_blocks(code, depth + 1), first + 1))
        if inner:
            yield from inner
            return
    if not is_closed:
        # The closing fence may stand at the end of the last line.
        ending = re.search(rf"^[^`~\n]*[^`~\s](?={token.markup}[ \t]*$)", code, re.MULTILINE)
        if ending:
            code, is_closed = code[: ending.end()] + "\n", True
    yield CodeBlock(word, code, is_closed, first, end)


def _move(blocks: Iterator[CodeBlock], lines: int) -> Iterator[CodeBlock]:
    for block in blocks:
        yield CodeBlock(
            block.language,
            block.code,
            block.is_closed,
            block.first_line + lines,
            block.end_line + lines,
        )


def _follows_code(block: CodeBlock, lines: Sequence[str]) -> bool:
    """Return whether the fence of a block closes the code before it, which nothing opened."""
    if block.is_closed or block.language or _CODE_LINE.match(block.code):
        return False
    before = next((line for line in lines[: block.first_line] if line.strip()), "")
    return _CODE_LINE.match(before) is not None


def _before_stray_fence(output: str, lines: Sequence[str]) -> TakenCode:
    """Return what stands before the first fence, where there is something; else the whole text."""
    for number, line in enumerate(lines):
        if line.lstrip().startswith(("```", "~~~")):
            before = "\n".join(lines[:number])
            if before.strip():
                return TakenCode(f"{before}\n", "the text before a fence that opens nothing")
            break
    return TakenCode(output, WHOLE)


def _lower(word: str | None) -> str:
    return (word or "").lower()
