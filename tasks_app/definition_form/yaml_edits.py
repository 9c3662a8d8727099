"""Changing a definition's text so that it says something else, and all else stays as written."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml as plain_yaml
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from plumbmark.common.errors import InvalidInput
from tasks_app.definitions.source_map import read_json, read_yaml
from tasks_app.tables.starts import quote_text, write_yaml, writer_of

_WIDTH = 10_000
"""Long lines stay as they are."""


class NotWritable(ValueError):
    """The text cannot be changed without losing something of it."""


def is_json(text: str) -> bool:
    return text.lstrip("\ufeff \t\r\n").startswith("{")


def read_document(text: str) -> Any:
    """Return what a definition's text says, as plain data. `InvalidInput` where it says nothing."""
    text = text.removeprefix("\ufeff")
    return (read_json(text) if is_json(text) else read_yaml(text)).value


def change_text(text: str, document: Mapping[str, Any]) -> str:
    """Return the text with the differences to `document` written in; comments and order stay.

    `NotWritable` where that cannot be done.
    """
    before = read_document(text)
    if is_same(before, document):
        return text
    if is_json(text):
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    for quotes_all in (False, True):
        changed = _change_yaml(text, before, document, quotes_all=quotes_all)
        if changed is not None:
            return changed
    raise NotWritable("the change cannot be written into this text; make it in the text")


def is_same(one: Any, other: Any) -> bool:
    """Return whether two documents are equal: 1, 1.0 and true differ, as orders of keys do."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return type(one) is type(other) and one == other


def _change_yaml(
    text: str, before: Any, document: Mapping[str, Any], *, quotes_all: bool
) -> str | None:
    yaml = writer_of(sequence_offset=_sequence_offset(text), width=_WIDTH)
    try:
        tree = yaml.load(text)
        _change_node(tree, before, document, _Values(quotes_all))
        changed = write_yaml(yaml, tree)
        return changed if is_same(read_document(changed), dict(document)) else None
    except (YAMLError, InvalidInput, TypeError, AttributeError, KeyError, IndexError):
        return None


def _sequence_offset(text: str) -> int:
    """Return how far the text indents the dashes of a list below their key."""
    try:
        node = plain_yaml.compose(text, Loader=plain_yaml.SafeLoader)
    except plain_yaml.YAMLError:
        return 2
    waiting = [node]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, plain_yaml.MappingNode):
            for key, value in one.value:
                if isinstance(value, plain_yaml.SequenceNode) and not value.flow_style:
                    return 0 if value.start_mark.column <= key.start_mark.column else 2
                waiting.append(value)
        elif isinstance(one, plain_yaml.SequenceNode):
            waiting += one.value
    return 2


class _Values:
    """Makes new nodes of plain data."""

    def __init__(self, quotes_all: bool) -> None:
        self._quotes_all = quotes_all

    def node(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            node = CommentedMap()
            for key, inner in value.items():
                node[self.key(key)] = self.node(inner)
            return node
        if isinstance(value, Sequence):
            return CommentedSeq(map(self.node, value))
        return value

    def in_place_of(self, old: Any, value: Any) -> Any:
        """Return a node for another, in its style and with the comments behind it."""
        if not isinstance(old, LiteralScalarString) or not isinstance(value, str):
            return self.node(value)
        if not _is_block(value) or self._quotes_all:
            return self.node(value)
        text = LiteralScalarString(value)
        if hasattr(old, "comment"):
            text.comment = old.comment
        return text

    def key(self, key: str) -> Any:
        return DoubleQuotedScalarString(key) if self._quotes_all else quote_text(key)

    def _text(self, text: str) -> Any:
        if self._quotes_all:
            return DoubleQuotedScalarString(text)
        if "\n" in text and _is_block(text):
            return LiteralScalarString(text)
        return DoubleQuotedScalarString(text) if "\n" in text else quote_text(text)


def _is_block(text: str) -> bool:
    """Return whether a text stands well in a literal block."""
    lines = text.split("\n")
    return not text.startswith((" ", "\n", "\t")) and not any(
        line != line.rstrip() or "\t" in line or "\r" in line for line in lines
    )


def _change_node(node: Any, before: Any, after: Any, values: _Values) -> None:
    """Change what differs inside a mapping or a list."""
    if isinstance(after, Mapping):
        for key in [key for key in before if key not in after]:
            del node[key]
        for key in after:
            if key not in before:
                place = _place_of(key, node, after)
                node.insert(place, values.key(key), values.node(after[key]))
            else:
                _change_child(node, key, before[key], after[key], values)
        return
    for index in range(min(len(before), len(after))):
        _change_child(node, index, before[index], after[index], values)
    for index in range(len(before), len(after)):
        node.append(values.node(after[index]))
    for _ in range(len(after), len(before)):
        del node[len(node) - 1]


def _change_child(node: Any, key: Any, before: Any, after: Any, values: _Values) -> None:
    if is_same(before, after):
        return
    if isinstance(before, list) and isinstance(after, list) and len(before) != len(after):
        _change_list(node[key], before, after, values)
    elif _is_alike(before, after):
        _change_node(node[key], before, after, values)
    else:
        node[key] = values.in_place_of(node[key], after)


def _is_alike(before: Any, after: Any) -> bool:
    """Return whether both are lists, or mappings in the same order, so that parts can change."""
    if isinstance(before, list) and isinstance(after, list):
        return True
    return isinstance(before, dict) and isinstance(after, dict) and _has_order(before, after)


def _has_order(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether the keys that stay keep their order."""
    return [key for key in before if key in after] == [key for key in after if key in before]


def _change_list(node: Any, before: list[Any], after: list[Any], values: _Values) -> None:
    """Change a list from which something went, or to which something came, at its place."""
    same_head = 0
    while same_head < min(len(before), len(after)) and is_same(before[same_head], after[same_head]):
        same_head += 1
    gone = len(before) - len(after)
    if gone > 0 and len(before) - same_head >= gone:
        tail = before[:same_head] + before[same_head + gone :]
        for _ in range(gone):
            del node[same_head]
        _change_node(node, tail, after, values)
    else:
        _change_node(node, before, after, values)


def _place_of(key: str, node: Any, after: Mapping[str, Any]) -> int:
    """Return where a new key goes: behind the nearest one before it in the form's order."""
    order = list(after)
    keys = list(node)
    for earlier in reversed(order[: order.index(key)]):
        if earlier in keys:
            return keys.index(earlier) + 1
    return 0
