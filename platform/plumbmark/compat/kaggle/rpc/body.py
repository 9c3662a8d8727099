"""Reading a procedure's JSON body: a field that is left out has its type's empty value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plumbmark.common.errors import InvalidInput, Problem

_MAX_INTEGER = 2**63 - 1
MAX_NAME = 400
MAX_NAMES = 200


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object. A value of another type than requested raises InvalidInput with its path."""

    fields: Mapping[str, Any]
    path: str = ""

    @classmethod
    def of(cls, value: Any) -> "Body":
        if value is None:
            return cls({})
        if not isinstance(value, dict):
            raise InvalidInput([Problem("The body must be a JSON object.")])
        return cls(value)

    def _wrong(self, name: str, what: str) -> InvalidInput:
        return InvalidInput([Problem(f"must be {what}", f"{self.path}{name}")])

    def text(self, name: str, *, most: int = MAX_NAME) -> str:
        """Return a text of at most `most` characters; empty if it is left out."""
        value = self.fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > most or "\0" in value:
            raise self._wrong(name, f"a text of at most {most:,} characters, without null")
        return value

    def texts(self, name: str) -> list[str]:
        value = self.fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > MAX_NAMES:
            raise self._wrong(name, f"a list of at most {MAX_NAMES} texts")
        inner = Body({str(place): one for place, one in enumerate(value)}, f"{self.path}{name}.")
        return [inner.text(place) for place in inner.fields]

    def integer(self, name: str) -> int | None:
        """Return a whole number from 0; int64 may come as a text, as in protobuf's JSON."""
        value = self.fields.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
            value = int(value)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_INTEGER:
            raise self._wrong(name, "a whole number from 0")
        return value

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return bool(value)

    def inner(self, name: str) -> "Body":
        value = self.fields.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Body(value or {}, f"{self.path}{name}.")

    def inners(self, name: str) -> list["Body"]:
        value = self.fields.get(name)
        if value is None:
            return []
        if (
            not isinstance(value, list)
            or len(value) > MAX_NAMES
            or not all(isinstance(one, dict) for one in value)
        ):
            raise self._wrong(name, f"a list of at most {MAX_NAMES} objects")
        return [Body(one, f"{self.path}{name}.{place}.") for place, one in enumerate(value)]
