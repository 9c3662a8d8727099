"""The model of a shape, and what its fields' types may be annotated with."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    Strict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic import GetCoreSchemaHandler as CoreHandler
from pydantic import GetJsonSchemaHandler as JsonHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from plumbmark.shapes.problems import format_value, is_of_other_type, problem, reword

Value = TypeVar("Value")


class StrictModel(BaseModel):
    # Immutable, without unknown keys, and nothing is taken for what it is not: no "1" for 1.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="wrap")
    @classmethod
    def _word_problems(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            # No mapping at all: whoever has several forms to choose from must see it.
            if error.error_count() == 1 and is_of_other_type(error.errors()[0]):
                raise
            raise reword(error, known=cls.known_keys()) from None

    @classmethod
    def known_keys(cls) -> tuple[str, ...]:
        """Return the keys that the shape has, as an author writes them."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


ListOf = Annotated[tuple[Value, ...], Strict(False)]
"""A list; kept as a tuple."""


class _NotNull:
    def __get_pydantic_core_schema__(self, source: Any, handler: CoreHandler) -> CoreSchema:
        schema: Any = handler(source)
        inner: CoreSchema = schema["schema"]
        return inner


Optionally = Annotated[Value | None, _NotNull()]
"""A key that may be left out (None, then), but not be null."""


def _keep(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    handler(value)
    return value


AS_WRITTEN = WrapValidator(_keep)
"""After a number's limits: it stays what was written, and 1 does not become 1.0."""
Number = Annotated[float, AS_WRITTEN]


def _has_no_doubles(values: Value) -> Value:
    # Lists are short, and need not be hashable.
    listed: Any = values
    if any(one in listed[:index] for index, one in enumerate(listed)):
        raise problem("names the same twice; leave one")
    return values


class _Unique:
    def __get_pydantic_core_schema__(self, source: Any, handler: CoreHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(_has_no_doubles, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: JsonHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "uniqueItems": True}


UNIQUE = _Unique()


@dataclass(frozen=True)
class Matching:
    """A text that follows a pattern; `words` say of what kind it is."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: CoreHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, text: str) -> str:
        if re.fullmatch(self.pattern, text) is None:
            raise problem(f"must be {self.words}, not {format_value(text)}")
        return text

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: JsonHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": self.pattern}


@dataclass(frozen=True)
class Worded:
    """Whatever is wrong with the value itself, in these words."""

    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: CoreHandler) -> CoreSchema:
        return core_schema.custom_error_schema(
            handler(source),
            custom_error_type="problem",
            custom_error_message="{message}",
            custom_error_context={"message": self.words},
        )


_BY_VALUE = core_schema.simple_ser_schema("any")
"""A value is written by the type that it has, not by the one that it was read from."""


@dataclass(frozen=True)
class Forms:
    """The forms in which a value may be written, told apart by their JSON type.

    `forms` is a union; `becomes` makes the value of what was written. Problems are those of the
    form that was meant. Where none was, they name the `kinds` of plain values that are taken, or
    the forms by the `description`.
    """

    forms: Any
    becomes: Callable[[Any], Any] | None = None
    kinds: str = ""
    description: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: CoreHandler) -> CoreSchema:
        schema = handler.generate_schema(self.forms)
        if schema["type"] == "union":
            schema = core_schema.no_info_wrap_validator_function(
                self._read_union, schema, serialization=_BY_VALUE
            )
        elif self.kinds:
            schema = core_schema.no_info_wrap_validator_function(self._read, schema)
        if self.becomes is None:
            return schema
        return core_schema.no_info_after_validator_function(
            self.becomes, schema, serialization=_BY_VALUE
        )

    def _read(self, value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if any(is_of_other_type(one) for one in error.errors()):
                raise self._problem(value) from None
            raise

    def _read_union(self, value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            # The first step of each place is the form that was tried.
            errors = error.errors()
            others = {one["loc"][0] for one in errors if is_of_other_type(one, depth=1)}
            members = [one["loc"][0] for one in errors if one["loc"][0] not in others]
            if not members:
                raise self._problem(value) from None
            raise reword(error, below=members[0]) from None

    def _problem(self, value: Any) -> PydanticCustomError:
        shown = format_value(value)
        if self.kinds:
            return problem(f"must be {self.kinds}, not {shown}")
        return problem(f"has the wrong form: {shown}. {self.description}".strip())

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: JsonHandler
    ) -> JsonSchemaValue:
        document = handler(schema)
        if not self.kinds:
            return {**document, "description": self.description} if self.description else document
        merged: JsonSchemaValue = {}
        for one in document["anyOf"]:
            merged = {**merged, **one, "type": [*merged.get("type", []), one["type"]]}
        return merged


@dataclass(frozen=True)
class Among:
    """One of some texts that are known only when the program runs."""

    values: Iterable[str]

    def __get_pydantic_core_schema__(self, source: Any, handler: CoreHandler) -> CoreSchema:
        return core_schema.literal_schema(list(self.values))


def _read_by_type(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError as error:
        # Where the type is known, it is the first step of every place.
        place = error.errors()[0]["loc"]
        raise reword(error, below=place[0] if place else None) from None


BY_TYPE = WrapValidator(_read_by_type)
"""Beside `Field(discriminator="type")`: places are those of the value, without its type."""
