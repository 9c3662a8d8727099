"""Value objects, of which every sample creates a dozen."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value_object(cls: type[T]) -> type[T]:
    """Make a dataclass that the type checker treats as immutable.

    A frozen one also guards at run time, and costs four times as much to create. It has no hash.
    """
    return dataclass(slots=True)(cls)
