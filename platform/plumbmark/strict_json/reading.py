"""Reads JSON within limits and says what is wrong with it, and where."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from plumbmark.strict_json.canonical import MAX_DEPTH
from plumbmark.strict_json.numbers import STANDARD, NumberError, Numbers
from plumbmark.strict_json.texts import (
    count_unstorable,
    has_surrogate,
    make_storable,
    make_storable_json,
)

_MakeObject = Callable[[list[tuple[str, Any]]], dict[str, Any]]

_MAX_DUPLICATES = 20
_MAX_KEY_SHOWN = 80

# A text that is never closed goes to the end. Else each quotation mark in it would be tried as the
# beginning of another one, in time with the square of its length.
_TOKENS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)


class JsonError(ValueError):
    """Why a text was not read. `line` and `column` count from 1, `position` from 0."""

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        position: int | None = None,
    ) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.position = position

    def describe(self) -> str:
        """Return the message with its place, as far as that is known."""
        if self.line is None:
            return str(self)
        column = "" if self.column is None else f", column {self.column}"
        return f"{self} (line {self.line}{column})"


@dataclass(slots=True)
class JsonDocument:
    """A value, and what had to be changed to get it."""

    value: Any = None
    duplicate_keys: list[str] = field(default_factory=list)
    """Keys that an object has twice, the first 20; the last value counts."""
    replaced: int = 0
    """Characters that were replaced by U+FFFD."""


@dataclass(frozen=True, kw_only=True)
class JsonReader:
    """Reads documents by one set of rules.

    `duplicate_keys`: refuse an object that has a key twice, or take its last value and list the
    key. `characters`: refuse lone surrogates, replace them and NUL by U+FFFD, or keep both.
    """

    max_bytes: int | None = None
    max_depth: int = MAX_DEPTH
    numbers: Numbers = STANDARD
    duplicate_keys: Literal["refuse", "list", "accept"] = "accept"
    characters: Literal["refuse", "replace", "keep"] = "keep"
    encoding_errors: Literal["strict", "replace"] = "strict"

    def read(self, data: bytes | str) -> Any:
        """Return the value of a document; `JsonError` says why it has none."""
        return self.read_document(data).value

    def read_document(self, data: bytes | str) -> JsonDocument:
        """Return the value of a document, and what had to be changed to get it."""
        text = self._decode(data)
        self._check_depth(text)
        document = JsonDocument()
        document.value = self._parse(text, document)
        # Bytes that were decoded have no lone surrogates, and JSON takes no NUL but as an escape.
        is_storable = "\\u" not in text and not (isinstance(data, str) and has_surrogate(text))
        if self.characters == "keep" or is_storable:
            return document
        if self.characters == "refuse":
            make_storable_json(document.value, convert=_refuse_surrogate, max_depth=self.max_depth)
            return document

        def replace(part: str) -> str:
            document.replaced += count_unstorable(part)
            return make_storable(part)

        document.value = make_storable_json(
            document.value, convert=replace, max_depth=self.max_depth
        )
        return document

    def _decode(self, data: bytes | str) -> str:
        if self.max_bytes is not None and len(data) > self.max_bytes:
            unit = "bytes" if isinstance(data, bytes) else "characters"
            raise JsonError(f"it has more than {self.max_bytes:,} {unit}")
        if isinstance(data, bytes):
            try:
                data = data.decode("utf-8", self.encoding_errors)
            except UnicodeDecodeError as error:
                line = error.object.count(b"\n", 0, error.start) + 1
                raise JsonError(f"byte {error.start} is not UTF-8", line=line) from None
        text = data.removeprefix("\ufeff")
        if not text or text.isspace():
            raise JsonError("it is empty")
        return text

    def _check_depth(self, text: str) -> None:
        if text.count("[") + text.count("{") <= self.max_depth:
            return
        depth = 0
        for match in _TOKENS.finditer(text):
            token = match.group()
            if token in {"[", "{"}:
                depth += 1
                if depth > self.max_depth:
                    line = text.count("\n", 0, match.start()) + 1
                    raise JsonError(f"it is nested deeper than {self.max_depth} levels", line=line)
            elif token in {"]", "}"}:
                depth -= 1

    @cached_property
    def _decoder(self) -> json.JSONDecoder:
        return self._make_decoder(_refuse_duplicates if self.duplicate_keys == "refuse" else None)

    def _make_decoder(self, make_object: _MakeObject | None) -> json.JSONDecoder:
        return json.JSONDecoder(
            object_pairs_hook=make_object,
            parse_int=self.numbers.read_integer,
            parse_float=self.numbers.read_fraction,
            parse_constant=self.numbers.read_constant,
        )

    def _parse(self, text: str, document: JsonDocument) -> Any:
        decoder = self._decoder
        if self.duplicate_keys == "list":
            decoder = self._make_decoder(
                lambda pairs: _list_duplicates(pairs, document.duplicate_keys)
            )
        try:
            return decoder.decode(text)
        except json.JSONDecodeError as error:
            ends_early = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
            raise JsonError(
                "it ends in the middle" if ends_early else error.msg,
                line=error.lineno,
                column=error.colno,
                position=error.pos,
            ) from None
        except NumberError as error:
            raise JsonError(str(error)) from None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        (key, *_) = _list_keys_given_twice(pairs)
        raise JsonError(f"the key {key[:_MAX_KEY_SHOWN]!r} appears twice; leave one")
    return members


def _list_duplicates(pairs: list[tuple[str, Any]], found: list[str]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        keys = _list_keys_given_twice(pairs)
        found.extend(key[:_MAX_KEY_SHOWN] for key in keys[: _MAX_DUPLICATES - len(found)])
    return members


def _list_keys_given_twice(pairs: list[tuple[str, Any]]) -> list[str]:
    seen: set[str] = set()
    return [key for key, _ in pairs if key in seen or seen.add(key)]  # type: ignore[func-returns-value]


def _refuse_surrogate(text: str) -> str:
    if has_surrogate(text):
        raise JsonError("it contains half of a surrogate pair")
    return text
