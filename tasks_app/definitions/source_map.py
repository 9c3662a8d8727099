"""Reading YAML and JSON strictly, with the place of every node.

Both readers give plain data and a map from paths to places, and refuse what would explode or
surprise: anchors, tags, duplicate keys, deep nesting, numbers that JSON cannot carry exactly.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.strict_json import Path, Place, has_surrogate, read_with_places
from plumbmark.strict_json.places import (
    LocatedError,
    NotJsonError,
    describe_duplicate,
    read_exact_number,
)

MAX_TEXT = 128 * 1024
MAX_DEPTH = 20
_MAX_STEP = 80


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Plain data, and where each of its nodes stands."""

    value: Any
    places: dict[Path, Place]

    def place_of(self, path: Path) -> Place | None:
        """Return the place of the node or of its nearest parent that has one."""
        while path not in self.places:
            if not path:
                return None
            path = path[:-1]
        return self.places[path]


def format_path(path: Path) -> str:
    """Format `("scorers", 0, "type")` as `scorers[0].type`."""
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        else:
            words += f".{step[:_MAX_STEP]}" if words else step[:_MAX_STEP]
    return words


def check_text(text: str) -> None:
    """Refuse text that no definition may be."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT:
        raise InvalidInput(
            [
                Problem(
                    f"the definition is larger than {MAX_TEXT // 1024} KiB; items belong in "
                    "the data file"
                )
            ]
        )
    if not text.strip():
        raise InvalidInput([Problem("the definition is empty", line=1)])
    for number, line in enumerate(text.split("\n"), start=1):
        for character in line:
            code = ord(character)
            if (code < 32 and character not in "\t\r") or 127 <= code < 160 or _is_no_text(code):
                raise InvalidInput(
                    [
                        Problem(
                            f"holds the control character U+{code:04X}; remove it",
                            line=number,
                            column=line.index(character) + 1,
                        )
                    ]
                )


def _is_no_text(code: int) -> bool:
    """Return whether it is half of a surrogate pair, a noncharacter of Unicode or a line separator,
    which YAML would fold away.
    """
    return 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE or code in (0x2028, 0x2029)


# --- YAML -----------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """Plain scalars as JSON has them: `no` stays a word and `1_000` too."""

    yaml_implicit_resolvers: dict[str, Any] = {}


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)\Z"), list("tf"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"(?:null|~|)\Z"), ["n", "~", ""]
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"-?(?:0|[1-9][0-9]*)\Z"), list("-0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z"),
    list("-0123456789"),
)

_NO_CHARACTER = re.compile(r"\\U(?!000|0010)[0-9A-Fa-f]{8}")


def read_yaml(text: str) -> SourceMap:
    try:
        _check_events(text)
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidInput(
            [
                Problem(
                    f"this is not YAML: {error.problem or error.context}",
                    line=mark.line + 1 if mark else None,
                    column=mark.column + 1 if mark else None,
                )
            ]
        ) from error
    except yaml.YAMLError as error:
        raise InvalidInput([Problem(f"this is not YAML: {error}")]) from error
    except (OverflowError, ValueError) as error:
        # PyYAML makes a character of an escape without asking whether there is one.
        found = _NO_CHARACTER.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else None
        name = found.group() if found else "an escape"
        raise InvalidInput([Problem(f"{name} names no character", line=line)]) from error
    if node is None:
        raise InvalidInput([Problem("the definition is empty", line=1)])
    places: dict[Path, Place] = {}
    return SourceMap(_from_node(node, (), places), places)


def _check_events(text: str) -> None:
    """Refuse anchors, tags and depth before anything is built from them."""
    depth = 0
    documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise InvalidInput([Problem("holds a second document; leave one", line=line)])
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InvalidInput(
                [Problem("anchors and aliases (& and *) are not taken; write it out", line=line)]
            )
        if tag := getattr(event, "tag", None):
            raise InvalidInput([Problem(f"the tag {tag} is not taken; leave it out", line=line)])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidInput(
                    [Problem(f"is nested deeper than {MAX_DEPTH} levels", line=line)]
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _from_node(node: yaml.Node, path: Path, places: dict[Path, Place]) -> Any:
    place = Place(node.start_mark.line + 1, node.start_mark.column + 1)
    places[path] = place
    if isinstance(node, yaml.SequenceNode):
        return [_from_node(inner, (*path, index), places) for index, inner in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise InvalidInput([Problem("a key must be a plain word", format_path(path), line)])
            key = _text(str(key_node.value), path, line)
            if key == "<<" and key_node.style is None:
                raise InvalidInput(
                    [
                        Problem(
                            "merge keys (<<) are not taken; write it out", format_path(path), line
                        )
                    ]
                )
            if key in found:
                raise InvalidInput(
                    [
                        Problem(
                            describe_duplicate(key, places[(*path, key)]),
                            format_path((*path, key)),
                            line,
                        )
                    ]
                )
            found[key] = _from_node(value_node, (*path, key), places)
            places[(*path, key)] = Place(line, key_node.start_mark.column + 1)
        return found
    assert isinstance(node, yaml.ScalarNode)
    text = _text(node.value, path, place.line)
    return _scalar(node.tag.rpartition(":")[2], text, path, place)


def _text(text: str, path: Path, line: int) -> str:
    """Check a text: escapes in double quotes can produce what neither a database nor UTF-8
    accepts.
    """
    if "\x00" in text:
        raise InvalidInput(
            [Problem("a null character in a text; remove it", format_path(path), line)]
        )
    if has_surrogate(text):
        raise InvalidInput(
            [Problem("half of a surrogate pair in a text; write it whole", format_path(path), line)]
        )
    return text


def _scalar(kind: str, text: str, path: Path, place: Place) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return text == "true"
    if kind in {"int", "float"}:
        try:
            return read_exact_number(text, path, place)
        except LocatedError as error:
            raise _invalid(str(error), path, place) from None
    return text


def _invalid(message: str, path: Path, place: Place) -> InvalidInput:
    return InvalidInput([Problem(message, format_path(path), place.line, place.column)])


# --- JSON -----------------------------------------------------------------------------------


def read_json(text: str) -> SourceMap:
    try:
        value, places = read_with_places(text, max_depth=MAX_DEPTH)
    except LocatedError as error:
        message = f"this is not JSON: {error}" if isinstance(error, NotJsonError) else str(error)
        raise _invalid(message, error.path, error.place) from None
    return SourceMap(value, places)
