"""JSON from outside, read within limits, and JSON that can be hashed.

`JsonReader` reads a document and says what is wrong with one that it refuses; what it refuses is
its caller's choice. `read_with_places` also gives the place of each value in the text.
`canonical_json` writes RFC 8785's canonical form. `wire` reads and writes the JSON of calls to
models, at their speed.
"""

from plumbmark.strict_json.canonical import MAX_DEPTH, CanonicalError, canonical_json
from plumbmark.strict_json.numbers import MAX_EXACT_INTEGER
from plumbmark.strict_json.places import Path, Place, read_with_places
from plumbmark.strict_json.reading import JsonDocument, JsonError, JsonReader
from plumbmark.strict_json.texts import has_surrogate, make_storable, make_storable_json

__all__ = [
    "MAX_DEPTH",
    "MAX_EXACT_INTEGER",
    "CanonicalError",
    "JsonDocument",
    "JsonError",
    "JsonReader",
    "Path",
    "Place",
    "canonical_json",
    "has_surrogate",
    "make_storable",
    "make_storable_json",
    "read_with_places",
]
