"""The objects of a JSON array, one after another, without the whole in memory."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.datasets.rows import DataLimits

_CHUNK = 1 << 18
_DECODER = json.JSONDecoder()
_BLANK = " \t\r\n"


def read_array(path: Path, encoding: str, limits: DataLimits) -> Iterator[str]:
    """Yield each element of the array as its own text, on one line.

    The text is kept as it is, so numbers are not rounded on the way. Raises `InvalidInput` where
    the file is no array, is cut off, or has an element longer than a line may be.
    """
    with path.open(encoding=encoding, newline="") as file:
        buffer = file.read(_CHUNK).lstrip("\ufeff" + _BLANK)[1:]
        number = 0
        while True:
            buffer, is_over = _skip_to_element(buffer, number, file.read)
            if is_over:
                return
            number += 1
            buffer, text = _take_element(buffer, number, file.read, limits)
            yield text


def _skip_to_element(buffer: str, number: int, read: Callable[[int], str]) -> tuple[str, bool]:
    """Return the buffer from the next element on, and whether the array ends instead."""
    needs_comma = number > 0
    while True:
        buffer = buffer.lstrip(_BLANK)
        if not buffer:
            buffer = read(_CHUNK)
            if not buffer:
                raise InvalidInput(
                    [Problem(f"the file ends within the JSON array, after {number:,} elements")]
                )
            continue
        if buffer[0] == "]":
            return "", True
        if not needs_comma:
            return buffer, False
        if buffer[0] != ",":
            raise InvalidInput(
                [Problem(f"a comma is missing after element {number:,} of the JSON array")]
            )
        needs_comma = False
        buffer = buffer[1:]


def _take_element(
    buffer: str, number: int, read: Callable[[int], str], limits: DataLimits
) -> tuple[str, str]:
    while True:
        try:
            _value, end = _DECODER.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            more = read(_CHUNK) if len(buffer) <= limits.line_bytes else ""
            if more:
                buffer += more
                continue
            if len(buffer) > limits.line_bytes:
                message = (
                    f"is longer than {limits.line_bytes:,} characters, or has a fault: {error}"
                )
            else:
                message = f"is not JSON: {error}"
            raise InvalidInput(
                [Problem(f"element {number:,} of the JSON array {message}")]
            ) from None
        if end == len(buffer) and (more := read(_CHUNK)):
            # A number may go on behind the end of what was read.
            buffer += more
            continue
        return buffer[end:], " ".join(buffer[:end].splitlines())
