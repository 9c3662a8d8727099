"""Shapes of documents as pydantic models. Pure.

A shape is said once, as a `StrictModel`: its types and defaults are the class's, `published_schema`
makes its JSON Schema, and `read_problems` says what is wrong with a value, and where.
"""

from plumbmark.shapes.model import (
    AS_WRITTEN,
    BY_TYPE,
    UNIQUE,
    Among,
    Forms,
    ListOf,
    Matching,
    Number,
    Optionally,
    StrictModel,
    Worded,
)
from plumbmark.shapes.problems import ShapeProblem, problem, read_problems
from plumbmark.shapes.published import published_schema

__all__ = [
    "AS_WRITTEN",
    "BY_TYPE",
    "UNIQUE",
    "Among",
    "Forms",
    "ListOf",
    "Matching",
    "Number",
    "Optionally",
    "ShapeProblem",
    "StrictModel",
    "Worded",
    "problem",
    "published_schema",
    "read_problems",
]
