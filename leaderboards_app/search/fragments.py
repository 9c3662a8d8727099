"""Pieces of SQL with their parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fragment:
    """A query that stands inside of another one. Whatever comes from outside is a parameter."""

    sql: str
    parameters: Sequence[Any]
