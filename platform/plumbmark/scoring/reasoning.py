"""Telling a model's reasoning from its answer, where both stand in one text.

Open models behind servers that do not separate the two send their chain of thought within the
content, between tags such as `<think>` and `</think>`. Text there is no answer: drafts would
be scored as if they were one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plumbmark.scoring.normalisation import is_blank

_NAMES = (
    "(?:(?!start|end|begin)[a-z]{1,12}[:_]|ant)?think(?:ing)?|thoughts?|reasoning|reflection|scratchpad"
    "|(?:thought|thinking|reasoning)_process|inner_monologue"
)
"""Names of tags in angle brackets: DeepSeek, Qwen, EXAONE, Seed-OSS, LongCat and many others, which
put a name of their own before it."""
_TOKEN = re.compile(
    r"^[ ]{0,3}(?P<fence>`{3,}|~{3,})(?P<info>.*)$"
    rf"|<\|?(?P<ends>/?)(?P<name>{_NAMES})\s{{0,9}}\|?>"
    r"|(?P<magistral>\[(?P<magistral_ends>/?)THINK\])"
    r"|(?P<kimi>◁(?P<kimi_ends>/?)think▷)"
    r"|(?P<sky>(?P<sky_begins><\|begin_of_thought\|>)|<\|(?:end_of_thought|begin_of_solution)\|>)"
    r"|(?P<command>(?P<command_begins><\|START_THINKING\|>)|<\|(?:END_THINKING|START_RESPONSE)\|>)"
    r"|(?P<harmony>(?P<harmony_begins><\|channel\|>(?:analysis|commentary)[^<\n]{0,80}<\|message\|>)"
    r"|(?:<\|end\|>)?(?:<\|start\|>assistant)?<\|channel\|>final[^<\n]{0,80}<\|message\|>)",
    re.IGNORECASE | re.MULTILINE,
)
_ENDS_OF_ANSWERS = re.compile(
    r"(?:\s*<\|(?:end_of_solution|END_RESPONSE|END_OF_TURN_TOKEN|return|end|im_end)\|>)+\s*\Z"
)
_MAX_MARGIN = 100
"""Characters beside a tag in which the end of its line is looked for."""
_SPACE: Final = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class SplitOutput:
    """An output in two. `answer` is the text of `pieces`: their starts and ends in the output."""

    answer: str
    reasoning: str
    pieces: Sequence[tuple[int, int]]

    @property
    def is_reasoning_alone(self) -> bool:
        """Return whether the model reasoned and gave no answer."""
        return bool(self.reasoning) and not self.answer.strip()

    def place_in_output(self, position: int) -> int:
        """Return where a character of the answer stands in the output."""
        for start, end in self.pieces:
            if position < end - start:
                return start + position
            position -= end - start
        return self.pieces[-1][1] if self.pieces else 0

    def place_in_answer(self, position: int) -> int | None:
        """Return where a character of the output stands in the answer; None: in the reasoning."""
        before = 0
        for start, end in self.pieces:
            if start <= position < end:
                return before + position - start
            before += end - start
        return None


def split_output(output: str) -> SplitOutput:
    """Split an output into reasoning and answer, in time linear in its length.

    Reasoning is what stands between an opening and a closing tag; after an opening tag at the start
    of a line that is never closed; and before a closing tag that was never opened, since chat
    templates often put the opening one into the prompt. Tags in the answer's own code do not count.
    """
    reader = _Reader(output)
    for token in _TOKEN.finditer(output):
        if token["fence"] is not None:
            reader.read_fence(token["fence"], token["info"])
        else:
            reader.read_tag(token)
    return reader.finish()


class _Reader:
    """The state between two tokens."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._pieces: list[tuple[int, int]] = []
        self._thoughts: list[tuple[int, int]] = []
        self._begin = 0
        """The place at which the current piece of the answer begins."""
        self._open = ""
        """The kind of the tag whose reasoning is being read."""
        self._misnamed_end: re.Match[str] | None = None
        """The last closing tag in it that has the name of another kind."""
        self._thought_begin = 0
        self._inline: tuple[str, int, int] | None = None
        """Kind, start and end of a tag within a line: it counts if it is closed."""
        self._fence = ""
        self._opened_in_fence: set[str] = set()

    def read_fence(self, fence: str, info: str) -> None:
        if self._open:
            return
        if not self._fence:
            if "`" not in info:
                self._fence = fence
                self._opened_in_fence = set()
        elif fence.startswith(self._fence) and not info.strip():
            self._fence = ""

    def read_tag(self, token: re.Match[str]) -> None:
        kind, begins = _kind_of(token)
        if self._output[max(0, token.start() - 1) : token.start()] == "`":
            return
        if self._open:
            if not begins and kind == self._open:
                self._end_thought(token)
            elif not begins:
                self._misnamed_end = token
            return
        if self._fence and not self._counts_in_fence(token, kind, begins):
            return
        if not begins:
            self._close(token, kind)
        elif self._stands_first(token.start()):
            self._end_piece(token.start())
            self._open, self._thought_begin = kind, token.end()
            self._misnamed_end = None
        elif self._inline is None:
            self._inline = (kind, token.start(), token.end())

    def finish(self) -> SplitOutput:
        output = self._output
        if self._open and self._misnamed_end is not None:
            # Opened as one and closed as the other: <think>…</thinking>.
            self._end_thought(self._misnamed_end)
        if self._open:
            self._thoughts.append((self._thought_begin, len(output)))
        else:
            self._end_piece(len(output))
        if not self._thoughts:
            return SplitOutput(output, "", ((0, len(output)),))
        if self._pieces and (ends := _ENDS_OF_ANSWERS.search(output, self._pieces[-1][0])):
            self._pieces[-1] = (self._pieces[-1][0], ends.start())
        pieces = self._pieces
        thoughts = [output[start:end].strip() for start, end in self._thoughts]
        return SplitOutput(
            "".join(output[start:end] for start, end in pieces),
            "\n\n".join(thought for thought in thoughts if thought),
            pieces,
        )

    def _counts_in_fence(self, token: re.Match[str], kind: str, begins: bool) -> bool:
        """Return whether a tag in a block of code ends reasoning that broke the block off."""
        if begins:
            self._opened_in_fence.add(kind)
            return False
        if kind in self._opened_in_fence:
            self._opened_in_fence.discard(kind)
            return False
        rest = self._output[token.end() : token.end() + _MAX_MARGIN].partition("\n")[0]
        return self._stands_first(token.start()) and not rest.strip()

    def _close(self, token: re.Match[str], kind: str) -> None:
        """Read a closing tag in what was taken for the answer."""
        if self._inline is not None and self._inline[0] == kind:
            _, start, end = self._inline
            self._end_piece(start)
            self._thought_begin = end
        elif self._thoughts and not self._pieces and self._is_blank(self._begin, token.start()):
            # A second tag after the first, such as one that begins the answer.
            self._begin = self._skip_space(token.end())
            return
        else:
            # All that came before was reasoning whose opening tag was part of the prompt.
            self._pieces.clear()
            self._thoughts.clear()
            self._thought_begin = 0
        self._end_thought(token)

    def _end_thought(self, token: re.Match[str]) -> None:
        self._thoughts.append((self._thought_begin, token.start()))
        self._begin = self._skip_space(token.end())
        self._open, self._inline, self._fence = "", None, ""

    def _stands_first(self, position: int) -> bool:
        """Return whether only white space stands before a place in its line."""
        before = self._output[max(0, position - _MAX_MARGIN) : position].rpartition("\n")[2]
        return is_blank(before)

    def _skip_space(self, position: int) -> int:
        found = _SPACE.match(self._output, position)
        return found.end() if found else position

    def _end_piece(self, end: int) -> None:
        if not self._is_blank(self._begin, end):
            self._pieces.append((self._begin, end))

    def _is_blank(self, start: int, end: int) -> bool:
        return is_blank(self._output[start:end])


def _kind_of(token: re.Match[str]) -> tuple[str, bool]:
    """Return the kind of a tag, and whether it opens."""
    if token["name"] is not None:
        return token["name"].lower(), not token["ends"]
    if token["magistral"] is not None:
        return "magistral", not token["magistral_ends"]
    if token["kimi"] is not None:
        return "kimi", not token["kimi_ends"]
    kind = "sky" if token["sky"] else "command" if token["command"] else "harmony"
    return kind, token[f"{kind}_begins"] is not None
