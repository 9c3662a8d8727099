"""Values of which every sample makes a dozen."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value_object(cls: type[T]) -> type[T]:
    """A dataclass that the type checker keeps anybody from changing.

    A frozen one keeps watch at run time too, and costs four times as much to make. It has no hash.
    """
    return dataclass(slots=True)(cls)
