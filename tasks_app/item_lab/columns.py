"""The numbers of the items of an analysis as bytes: 100,000 items are 2.5 MB, in one row.

An array of records, little-endian, in the order of the items; `_RECORD` has the fields. A page
reads one row of the database, whatever the number of items, and sorts and cuts in memory.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Records = NDArray[np.void]

ALL_RIGHT, NONE_RIGHT, KEY_DOUBT, NEAR_DUPLICATE, ONLY_ONE = 1, 2, 4, 8, 16
"""Bits of `flags`."""

_RECORD = np.dtype(
    [
        ("position", "<u4"),
        ("rows", "<u2"),
        ("difficulty", "<f4"),
        ("discrimination", "<f4"),
        ("slope", "<f4"),
        ("place", "<f4"),
        ("only", "<i2"),
        ("flags", "u1"),
    ]
)


class BadColumnsError(ValueError):
    """Bytes that are no records of items."""


def new_records(size: int) -> Records:
    """Return records of so many items without any number: NaN, and -1 for `only`."""
    records: Records = np.zeros(size, _RECORD)
    for name in ("difficulty", "discrimination", "slope", "place"):
        records[name] = np.nan
    records["only"] = -1
    return records


def read_records(data: Any) -> Records:
    """Return the records that `tobytes` wrote; raise `BadColumnsError` if they are cut off."""
    found = bytes(data)
    if len(found) % _RECORD.itemsize:
        raise BadColumnsError("the records of items are cut off")
    return np.frombuffer(found, _RECORD)
