"""Runs inside the sandbox: an answer in a process of its own, its tests in this one.

Standard library only, and `process_shield` before it. Standard input is JSON, as
`plumbmark.scoring.tested_programs` writes it: `answer`, the program with the model's code; `given`,
what the author wrote before it; `tests`, what the author wrote after it; `kept`, the names of
`given` that the answer cannot replace; `classes`, those of them whose instances are copied between
the processes; `wanted`, the names that the tests use; and `token`, which is printed when the tests
have run to their end.

The answer's process is forked before anything of this is read, so nothing in its memory, files or
descriptors says what the tests are or what the token is. The tests reach the answer's functions and
classes through messages. Values cross as plain data, so that they compare as the language says and
not as the answer's own classes say; what is no plain data stays in the answer's process, and the
tests hold a `Handle` of it.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import signal
import sys

TYPE_CHECKING = False  # `typing` costs milliseconds at every start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from plumbmark.scoring.process_shield import NotShielded, shield

UNSHIELDED = 79
MAX_MESSAGE = 64 * 1024 * 1024
MAX_PRINTED = 1024 * 1024
_DEEP = 50_000
_SAFE_INT = 2**53
_BUILTIN_TYPES = {
    name: getattr(builtins, name)
    for name in (
        *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list"),
        *("object", "range", "set", "str", "tuple", "type"),
    )
}
_EXCEPTIONS = {
    name: one
    for name, one in vars(builtins).items()
    if isinstance(one, type) and issubclass(one, BaseException)
}
_LISTS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_BY_TEXT = (("fractions", "Fraction"), ("decimal", "Decimal"))
_BY_PARTS = {
    "date": ("year", "month", "day"),
    "time": ("hour", "minute", "second", "microsecond"),
    "datetime": ("year", "month", "day", "hour", "minute", "second", "microsecond"),
    "timedelta": ("days", "seconds", "microseconds"),
}


class Link:
    """One end of the connection between the two processes, and the objects that stay on this
    side."""

    def __init__(self, reader: int, writer: int, *, is_answer: bool) -> None:
        self._reader = reader
        self._writer = writer
        self.is_answer = is_answer
        self.classes: dict[str, Any] = {}
        """Classes that both sides have, by name: their instances are copied."""
        self.on_end: Callable[[str], NoReturn] = lambda _why: os._exit(0)
        """Called where the other side has ended."""
        self.owned: list[Any] = []
        self.names: dict[str, Any] = {}
        self._copied: dict[str, Any] = {}
        self._numbers: dict[int, int] = {}
        self._mirrors: dict[str, Any] = {}

    # --- messages -----------------------------------------------------------------------------

    def send(self, kind: str, *values: Any, **more: Any) -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_DEEP)
        try:
            cells: list[Any] = []
            seen: dict[int, int] = {}
            refs = [self._ref(value, cells, seen) for value in values]
            text = json.dumps({"kind": kind, "refs": refs, "cells": cells, **more}).encode()
        finally:
            sys.setrecursionlimit(limit)
        left = memoryview(len(text).to_bytes(8, "big") + text)
        try:
            while left:
                left = left[os.write(self._writer, left) :]
        except BrokenPipeError:
            self.on_end("it has ended")

    def receive(self) -> dict[str, Any]:
        """Return the next message with its `values`."""
        size = int.from_bytes(self._read(8), "big")
        if size > MAX_MESSAGE:
            self.on_end("it sent too much")
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_DEEP)
        try:
            message = dict(json.loads(self._read(size)))
            objects: dict[int, Any] = {}
            message["values"] = [
                self._value(ref, message["cells"], objects) for ref in message["refs"]
            ]
        finally:
            sys.setrecursionlimit(limit)
        return message

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._reader, min(size, 1 << 20))
            if not part:
                self.on_end("it has ended")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    # --- values to data -----------------------------------------------------------------------

    def _ref(self, value: Any, cells: list[Any], seen: dict[int, int]) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int and -_SAFE_INT < value < _SAFE_INT:
            return value
        if kind is float and value - value == 0:
            return value
        key = id(value)
        if key not in seen:
            seen[key] = len(cells)
            cells.append(None)
            cells[seen[key]] = self._cell(value, kind, lambda one: self._ref(one, cells, seen))
        return [seen[key]]

    def _cell(self, value: Any, kind: Any, ref: Any) -> list[Any]:
        name = kind.__name__
        # Subclasses cross as what they are derived from.
        if isinstance(value, bool | int):
            return ["int", hex(int(value))]
        if isinstance(value, float):
            return ["float", repr(float(value))]
        if isinstance(value, str):
            return ["str", str.__str__(value)]
        if kind is complex:
            return ["complex", repr(value.real), repr(value.imag)]
        if isinstance(value, bytes | bytearray):
            return ["bytearray" if isinstance(value, bytearray) else "bytes", value.hex()]
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return ["namedtuple", name, list(kind._fields), [ref(one) for one in value]]
        for word, base in _LISTS.items():
            if isinstance(value, base):
                return [word, [ref(one) for one in base.__iter__(value)]]
        if isinstance(value, dict):
            word = name if name in ("Counter", "OrderedDict") else "dict"
            return [word, [[ref(key), ref(one)] for key, one in dict.items(value)]]
        if kind is range:
            return ["range", [ref(value.start), ref(value.stop), ref(value.step)]]
        module = kind.__module__
        if (module, name) == ("collections", "deque"):
            return ["deque", [ref(one) for one in value], value.maxlen]
        if (module, name) in _BY_TEXT:
            return [name, str(value)]
        if module == "datetime" and name in _BY_PARTS and getattr(value, "tzinfo", None) is None:
            return [name, [getattr(value, part) for part in _BY_PARTS[name]]]
        return self._object_cell(value, kind, ref)

    def _object_cell(self, value: Any, kind: Any, ref: Any) -> list[Any]:
        if isinstance(value, Handle):
            return ["yours", object.__getattribute__(value, "_number")]
        if isinstance(value, type):
            name = value.__name__
            if _BUILTIN_TYPES.get(name) is value:
                return ["type", name]
            if _EXCEPTIONS.get(name) is value:
                return ["exception", name]
            if self.classes.get(name) is value:
                return ["class", name]
            if issubclass(value, BaseException):
                return ["mirror", _lineage(value), self._number(value)]
        elif (
            callable(value) and not self.is_answer and getattr(builtins, name_of(value), 0) is value
        ):
            return ["builtin", name_of(value)]
        if not self.is_answer and hasattr(value, "__next__"):
            return ["iterator", [ref(one) for one in value]]
        if not self.is_answer and not callable(value):
            # The tests' own objects: the answer has no other way to look into them.
            self._copied.setdefault(kind.__name__, kind)
        if kind in (self.classes.get(kind.__name__), self._copied.get(kind.__name__)):
            state = [[name, ref(one)] for name, one in _state_of(value).items()]
            return ["object", kind.__name__, state]
        return ["theirs", self._number(value), kind.__name__]

    def _number(self, value: Any) -> int:
        """Return the number of an object that stays here; it is kept as long as the process."""
        key = id(value)
        if key not in self._numbers:
            self._numbers[key] = len(self.owned)
            self.owned.append(value)
        return self._numbers[key]

    # --- data to values -----------------------------------------------------------------------

    def _value(self, ref: Any, cells: list[Any], objects: dict[int, Any]) -> Any:
        if not isinstance(ref, list):
            return ref
        number = ref[0]
        if number not in objects:
            self._make(number, cells[number], objects, lambda one: self._value(one, cells, objects))
        return objects[number]

    def _make(self, number: int, cell: list[Any], objects: dict[int, Any], value: Any) -> None:
        kind, *rest = cell
        # Containers that can contain themselves are known before they are filled.
        if kind == "list":
            found: list[Any] = []
            objects[number] = found
            found.extend(value(one) for one in rest[0])
        elif kind in ("dict", "Counter", "OrderedDict"):
            objects[number] = table = _dictionary(kind)
            for key, one in rest[0]:
                table[value(key)] = value(one)
        elif kind == "object":
            objects[number] = copy = _empty_instance(self._class_of_copy(str(rest[0])))
            for name, one in rest[1]:
                if not name.startswith("__"):
                    object.__setattr__(copy, name, value(one))
        else:
            objects[number] = self._simple(kind, rest, value)

    def _class_of_copy(self, name: str) -> Any:
        """Return the class of which a copy is made: a shared one, or the answer's of this name."""
        found = self.classes.get(name) or self._copied.get(name)
        if found is None and self.is_answer:
            own = self.names.get(name)
            found = self._copied[name] = own if isinstance(own, type) else type(name, (), {})
        if found is None:
            raise ValueError(f"no class {name} is known here")
        return found

    def _simple(self, kind: str, rest: list[Any], value: Any) -> Any:
        first = rest[0]
        if kind in _LISTS:
            return _LISTS[kind](value(one) for one in first)
        if kind in ("int", "float", "str"):
            return int(first, 16) if kind == "int" else float(first) if kind == "float" else first
        if kind == "complex":
            return complex(float(first), float(rest[1]))
        if kind in ("bytes", "bytearray"):
            return _BUILTIN_TYPES[kind].fromhex(first)
        if kind == "range":
            return range(*(value(one) for one in first))
        if kind == "type":
            return _BUILTIN_TYPES[first]
        if kind == "exception":
            return _EXCEPTIONS[first]
        if kind == "class":
            return self.classes[first]
        if kind == "iterator":
            return iter([value(one) for one in first])
        if kind == "yours":
            return self.owned[first]
        if kind == "mirror":
            return self.exception_class(first, rest[1])
        if kind == "theirs":
            return Handle(self, first, rest[1])
        if kind == "builtin" and self.is_answer:
            return getattr(builtins, first)
        return _library_value(kind, rest, value)

    def exception_class(self, lineage: list[str], number: int | None = None) -> Any:
        """Return the class of an exception of the other side: a built-in one, a shared one, or one
        with the same name and line of ancestors, so that the tests can catch it.
        """
        first, *more = lineage
        if first in _EXCEPTIONS:
            return _EXCEPTIONS[first]
        if isinstance(self.classes.get(first), type):
            return self.classes[first]
        if first not in self._mirrors:
            base = self.exception_class(more) if more else Exception
            self._mirrors[first] = type(first, (base,), {"__module__": "__main__"})
        return self._mirrors[first]


def name_of(value: Any) -> str:
    name = getattr(value, "__name__", "")
    return name if isinstance(name, str) else ""


def _lineage(kind: Any) -> list[str]:
    """Return the names of a class and of its first ancestors, up to a built-in one."""
    names = []
    for one in kind.__mro__:
        names.append(one.__name__)
        if _EXCEPTIONS.get(one.__name__) is one:
            break
    return names


def _state_of(value: Any) -> dict[str, Any]:
    state = dict(getattr(value, "__dict__", {}))
    for one in type(value).__mro__:
        slots = one.__dict__.get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if hasattr(value, name):
                state[name] = getattr(value, name)
    return state


def _empty_instance(kind: Any) -> Any:
    return kind.__new__(kind) if kind.__new__ is object.__new__ else object.__new__(kind)


def _dictionary(kind: str) -> dict[Any, Any]:
    if kind == "dict":
        return {}
    import collections

    result: dict[Any, Any] = getattr(collections, kind)()
    return result


def _library_value(kind: str, rest: list[Any], value: Any) -> Any:
    if kind == "deque":
        import collections

        return collections.deque((value(one) for one in rest[0]), rest[1])
    if kind == "namedtuple":
        import collections

        fields: Any = collections.namedtuple  # the type checker wants to know the names
        kind_of_tuple = fields(rest[0], rest[1], rename=True)
        return kind_of_tuple(*(value(one) for one in rest[2]))
    if kind in _BY_PARTS:
        import datetime

        return getattr(datetime, kind)(*(int(part) for part in rest[0]))
    for module, name in _BY_TEXT:
        if name == kind:
            return getattr(__import__(module), name)(rest[0])
    raise ValueError(f"there is no kind {kind!r}")


# --- the tests' side ------------------------------------------------------------------------------


class Handle:
    """An object of the other process. What compares, computes or looks up in it with plain data of
    the tests would tell the answer what is expected, so that is refused.
    """

    def __init__(self, link: Link, number: int, kind: str) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_kind", kind)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return _ask(self, "call", *arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return _ask(self, "get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "set", name, value)

    def __delattr__(self, name: str) -> None:
        _ask(self, "delete", name)

    def __len__(self) -> int:
        return int(_ask(self, "len"))

    def __bool__(self) -> bool:
        return _ask(self, "bool") is True

    def __str__(self) -> str:
        return str(_ask(self, "str"))

    def __repr__(self) -> str:
        return str(_ask(self, "repr"))

    def __iter__(self) -> Any:
        found = _ask(self, "iter")
        while True:
            try:
                one = _ask(found, "next")
            except StopIteration:
                return
            yield one

    def __next__(self) -> Any:
        return _ask(self, "next")

    def __getitem__(self, key: Any) -> Any:
        return _ask(self, "item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _ask(self, "set item", key, value)

    def __delitem__(self, key: Any) -> None:
        _ask(self, "delete item", key)

    def __contains__(self, value: Any) -> bool:
        if isinstance(value, Handle):
            return _ask(self, "contains", value) is True
        return any(one == value for one in self)

    def __enter__(self) -> Any:
        return _ask(self, "enter")

    def __exit__(self, *error: Any) -> Any:
        return _ask(self, "exit")

    def __eq__(self, other: Any) -> Any:
        return _ask(self, "eq", other) is True if isinstance(other, Handle) else NotImplemented

    def __ne__(self, other: Any) -> Any:
        return not self == other if isinstance(other, Handle) else NotImplemented

    def __hash__(self) -> int:
        return hash(object.__getattribute__(self, "_number"))

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, Handle) and _ask(self, "is instance", value) is True

    def __subclasscheck__(self, value: Any) -> bool:
        return isinstance(value, Handle) and _ask(self, "is subclass", value) is True


def _two_handles(word: str) -> Any:
    def operate(self: Handle, other: Any) -> Any:
        if not isinstance(other, Handle):
            return NotImplemented
        return _ask(self, word, other)

    return operate


for _word in ("lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "matmul"):
    setattr(Handle, f"__{_word}__", _two_handles(_word))


def _ask(handle: Handle, word: str, *values: Any, **named: Any) -> Any:
    """Have the answer's process do something with one of its objects."""
    link = object.__getattribute__(handle, "_link")
    if link.is_answer:
        return _call_tests(link, handle, word, *values)
    source = sys.stdin
    text = source.getvalue()[source.tell() :] if isinstance(source, io.StringIO) else None
    link.send("do", handle, *values, *named.values(), word=word, names=list(named), stdin=text)
    return converse(link, [*values, *named.values()], text)


def _call_tests(link: Link, handle: Handle, word: str, *values: Any) -> Any:
    """Call a function that the tests passed, from the answer's process."""
    if word != "call":
        raise TypeError("a function of the tests can only be called")
    link.send("call", handle, *values)
    message = link.receive()
    if message["kind"] == "error":
        raise _exception(link.exception_class(message["lineage"]), message["values"])
    return message["values"][0]


def converse(link: Link, values: list[Any], text: str | None = None) -> Any:
    """Wait for what became of it; meanwhile the answer may call functions of the tests."""
    while True:
        message = link.receive()
        if message["kind"] == "call":
            _call_back(link, *message["values"])
            continue
        if printed := message.get("printed"):
            sys.stdout.write(str(printed))
        if text is not None:
            sys.stdin.seek(sys.stdin.tell() + int(message.get("used") or 0))
        if message["kind"] == "error":
            kind = link.exception_class([str(name) for name in message["lineage"]])
            error = _exception(kind, message["values"])
            error._answer_trace = str(message["trace"])
            raise error
        found, *after = message["values"]
        known: dict[int, Any] = {}
        for mine, theirs in zip(values, after, strict=False):
            _take_over(mine, theirs, known)
        return known.get(id(found), found)


def _call_back(link: Link, function: Any, *arguments: Any) -> None:
    if not any(function is one for one in link.owned):
        link.on_end("it called what it was not given")
    try:
        value = function(*arguments)
    except Exception as error:
        link.send("error", *_plain_arguments(error), lineage=_lineage(type(error)), trace="")
    else:
        link.send("value", value)


def _exception(kind: Any, arguments: list[Any]) -> Any:
    try:
        return kind(*arguments)
    except Exception:
        error = kind.__new__(kind)
        error.args = tuple(arguments)
        return error


def _plain_arguments(error: BaseException) -> list[Any]:
    return [
        one if isinstance(one, str | int | float | bool | None) else str(one) for one in error.args
    ]


def _take_over(mine: Any, theirs: Any, known: dict[int, Any]) -> Any:
    """Change what the tests passed as the answer's process changed its copy; return the tests'
    object for the copy.
    """
    if id(theirs) in known:
        return known[id(theirs)]
    if type(mine) is not type(theirs) or mine is theirs:
        return theirs
    if isinstance(mine, list):
        known[id(theirs)] = mine
        mine[:] = [
            _take_over(mine[place], one, known) if place < len(mine) else one
            for place, one in enumerate(theirs)
        ]
    elif isinstance(mine, dict):
        known[id(theirs)] = mine
        before = dict(mine)
        mine.clear()
        for key, one in theirs.items():
            mine[key] = _take_over(before[key], one, known) if key in before else one
    elif isinstance(mine, set | bytearray):
        known[id(theirs)] = mine
        if isinstance(mine, set):
            mine.clear()
            mine.update(theirs)
        else:
            mine[:] = theirs
    elif isinstance(mine, tuple):
        for one, other in zip(mine, theirs, strict=False):
            _take_over(one, other, known)
        return mine if mine == theirs else theirs
    elif not isinstance(mine, Handle) and hasattr(mine, "__dict__") and not callable(mine):
        known[id(theirs)] = mine
        for name, one in _state_of(theirs).items():
            object.__setattr__(mine, name, _take_over(getattr(mine, name, None), one, known))
    else:
        return theirs
    return mine


# --- the answer's side ----------------------------------------------------------------------------


class _Printed(io.StringIO):
    """The text that the answer prints: handed over with each result, or at once if it is long."""

    def write(self, text: str) -> int:
        size = super().write(text)
        if self.tell() > MAX_PRINTED:
            os.write(1, self.take().encode("utf-8", "replace"))
        return size

    def take(self) -> str:
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


def answer(link: Link) -> None:
    """Do what the tests ask for, until they have ended."""
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 0)
    printed = _Printed()
    sys.stdout = printed
    names = link.names
    names["__name__"] = "__main__"
    while True:
        message = link.receive()
        used = 0
        after: list[Any] = []
        try:
            if message["kind"] == "start":
                exec(compile(message["values"][0], "answer.py", "exec"), names)  # noqa: S102
                link.classes = {
                    name: names[name]
                    for name in message["classes"]
                    if isinstance(names.get(name), type)
                }
                found = _list_names(names, link.classes)
            else:
                stdin = message["stdin"]
                if stdin is not None:
                    sys.stdin = io.StringIO(stdin)
                found, after = _do(message)
                used = sys.stdin.tell() if stdin is not None else 0
            link.send("value", found, *after, printed=printed.take(), used=used)
        except BaseException as error:
            link.send(
                "error",
                *_plain_arguments(error),
                lineage=_lineage(type(error)),
                trace=_trace(error, "answer.py"),
                printed=printed.take(),
                used=used,
            )


def _list_names(names: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    module = type(sys)
    return {
        name: f"module {one.__name__}" if isinstance(one, module) else [one]
        for name, one in names.items()
        if not name.startswith("__") and name not in shared
    }


def _do(message: dict[str, Any]) -> tuple[Any, list[Any]]:
    import operator

    word, names = message["word"], message["names"]
    target, *values = message["values"]
    if word == "call":
        count = len(values) - len(names)
        named = dict(zip(names, values[count:], strict=True))
        found = target(*values[:count], **named)
        is_changeable = any(not isinstance(one, str | int | float | None) for one in values)
        return found, values if is_changeable else []
    simple: dict[str, Any] = {
        "get": lambda: getattr(target, *values),
        "set": lambda: setattr(target, *values),
        "delete": lambda: delattr(target, *values),
        "len": lambda: len(target),
        "bool": lambda: bool(target),
        "str": lambda: str(target),
        "repr": lambda: repr(target),
        "iter": lambda: iter(target),
        "next": lambda: next(target),
        "item": lambda: target[values[0]],
        "set item": lambda: operator.setitem(target, *values),
        "delete item": lambda: operator.delitem(target, *values),
        "contains": lambda: values[0] in target,
        "enter": lambda: type(target).__enter__(target),
        "exit": lambda: type(target).__exit__(target, None, None, None),
        "is instance": lambda: isinstance(values[0], target),
        "is subclass": lambda: issubclass(values[0], target),
    }
    do = simple.get(word) or (lambda: getattr(operator, word)(target, *values))
    return do(), []


def _trace(error: BaseException, file: str) -> str:
    import traceback

    if isinstance(error, SystemExit):
        return ""
    trace = traceback.TracebackException.from_exception(error, limit=-20)
    trace.stack = traceback.StackSummary.from_list(
        [frame for frame in trace.stack if frame.filename == file]
    )
    return "".join(trace.format())[-20_000:]


# --- both -----------------------------------------------------------------------------------------


def main() -> NoReturn:
    to_answer, from_answer = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(to_answer[1])
        os.close(from_answer[0])
        try:
            shield()
        except NotShielded:
            os._exit(UNSHIELDED)
        try:
            os.write(from_answer[1], b"s")
            answer(Link(to_answer[0], from_answer[1], is_answer=True))
        finally:
            os._exit(0)
    os.close(to_answer[0])
    os.close(from_answer[1])
    request = json.loads(_read_all(0))
    out = os.dup(1)
    if not os.read(from_answer[0], 1):
        os.write(out, f"\n{request['token']} {UNSHIELDED}\n".encode())
        os._exit(1)
    link = Link(from_answer[0], to_answer[1], is_answer=False)
    link.on_end = lambda why: _end_like(child, why)
    try:
        _run_tests(link, request)
    except SystemExit as left:
        sys.stdout.flush()
        if isinstance(left.code, str):
            print(left.code, file=sys.stderr, flush=True)
        os._exit(left.code if isinstance(left.code, int) else 1 if left.code else 0)
    except BaseException as error:
        sys.stdout.flush()
        print(
            getattr(error, "_answer_trace", "") + _trace(error, "tests.py"),
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)
    sys.stdout.flush()
    os.kill(child, signal.SIGKILL)
    os.write(out, f"\n{request['token']}\n".encode())
    os._exit(0)


def _read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _run_tests(link: Link, request: dict[str, Any]) -> None:
    link.send("start", request["answer"], classes=request["classes"])
    offered = converse(link, [])
    names = link.names
    names["__name__"] = "__main__"
    if request["tests"]:
        _run_given(link, request)
    wanted, kept_names = set(request["wanted"]), set(request["kept"])
    # A name of the language is the answer's only where that is what the tests are about.
    is_about_builtins = not (wanted - set(vars(builtins))) & set(offered) - kept_names
    for name, one in offered.items():
        if name in kept_names or (
            hasattr(builtins, name) and not (is_about_builtins and name in wanted)
        ):
            continue
        if isinstance(one, list):
            names[name] = one[0]
        elif one == f"module {name}" and name in wanted and name in sys.stdlib_module_names:
            # The genuine one: the answer's may have been changed.
            names[name] = __import__(name)
    import linecache

    tests = request["tests"]
    linecache.cache["tests.py"] = (len(tests), None, tests.splitlines(True), "tests.py")
    exec(compile(tests, "tests.py", "exec"), names)  # noqa: S102 - this is the sandbox


def _run_given(link: Link, request: dict[str, Any]) -> None:
    """Run what the author wrote before the answer a second time, for the tests."""
    printed, sys.stdout = sys.stdout, io.StringIO()
    try:
        exec(compile(request["given"], "given.py", "exec"), link.names)  # noqa: S102 - as above
    finally:
        sys.stdout = printed
    for name in request["classes"]:
        if isinstance(link.names.get(name), type):
            link.classes[name] = link.names[name]


def _end_like(child: int, why: str) -> NoReturn:
    """End as the answer's process did."""
    import time

    status = 0
    for _ in range(200):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.005)
    else:
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    code = os.waitstatus_to_exitcode(status)
    sys.stdout.flush()
    if code < 0:
        print(
            f"The answer's process ended with signal {-code}: {why}.", file=sys.stderr, flush=True
        )
        code = 1
    os._exit(code)


if __name__ == "__main__":
    main()
