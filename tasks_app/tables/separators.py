"""The character between the fields of a table in text, found from its first rows."""

import csv
import io
from collections import Counter

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_ROWS = 200


def guess_separator(text: str) -> str:
    """Return the separator under which most rows have the same number of fields, more than one.

    `text` is the beginning of the file; its last line may be cut off. A comma where none fits: the
    table has one column.
    """
    best, found = 0.0, ","
    for separator in SEPARATORS:
        score = _agreement(text, separator)
        if score > best:
            best, found = score, separator
    return found


def _agreement(text: str, separator: str) -> float:
    """Return the share of rows with the head's number of fields; 0 for one field."""
    widths: list[int] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if row:
                widths.append(len(row))
            if len(widths) > _ROWS:
                break
    except csv.Error:
        pass
    if len(widths) > 1 and len(text) > 1000:
        # The last one may be cut off.
        widths.pop()
    if not widths or widths[0] < 2:
        return 0.0
    common, count = Counter(widths).most_common(1)[0]
    share = count / len(widths)
    # A head that differs from the rows below it is a sign of the wrong separator.
    return share if common == widths[0] else share / 4
