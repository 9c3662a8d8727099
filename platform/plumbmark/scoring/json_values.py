"""JSON values that authors write with columns in them, and comparing them with a model's."""

from collections.abc import Iterator, Mapping
from typing import Any

from plumbmark.scoring.templates import parse_template, text_of


def columns_in(value: Any) -> Iterator[str]:
    """Yield the columns that the texts of a value name. Raises `BadTemplate`."""
    if isinstance(value, str):
        yield from parse_template(value).columns
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from columns_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from columns_in(inner)


def fill_columns(value: Any, columns: Mapping[str, Any]) -> Any:
    """Return the value with columns inserted into its texts; a text that is only one column becomes
    that column's own value, so that a number stays a number.
    """
    if isinstance(value, str):
        template = parse_template(value)
        if len(template.columns) == 1 and template.parts[0] == template.parts[2] == "":
            return columns[template.columns[0]]
        return template.fill({name: text_of(columns[name]) for name in template.columns})
    if isinstance(value, Mapping):
        return {key: fill_columns(inner, columns) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [fill_columns(inner, columns) for inner in value]
    return value


def covers(value: Any, wanted: Any) -> bool:
    """Return whether a value matches what was wanted.

    Objects may have more keys than wanted, at every level; a number equals its text, because models
    write either; white space around a text does not count; lists are compared element by element.
    """
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and all(
            key in value and covers(value[key], inner) for key, inner in wanted.items()
        )
    if isinstance(wanted, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(wanted)
            and all(covers(one, inner) for one, inner in zip(value, wanted, strict=True))
        )
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None or value is None:
        return wanted is value
    if isinstance(wanted, str) and isinstance(value, str):
        return wanted.strip() == value.strip()
    return _number(wanted) is not None and _number(wanted) == _number(value)


def _number(value: Any) -> float | int | None:
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) <= 40:
        try:
            return int(value)
        except ValueError:
            pass
        try:
            return float(value)
        except ValueError:
            pass
    return None
