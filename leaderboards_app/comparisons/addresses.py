"""The parameters of comparisons, read with care: they come from anywhere."""

import re
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _

from plumbmark.common.errors import InvalidInput, Problem

MIN_COMPARED = 2
MAX_COMPARED = 6
"""Runs or rows of one comparison: fifteen pairs."""
_MAX_TEXT = 400
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_PUBLIC_ID = re.compile(r"[0-9A-Za-z_-]{1,20}", re.ASCII)

SHOWN = ("differ", "a", "b", "right", "wrong", "tie", "unscored", "all")
"""Which items are listed: `a` and `b` are those on which this one is better, `right` and `wrong`
those where both are, `unscored` those that one of the two lacks."""


def read_run_ids(values: Sequence[str], *, least: int = MIN_COMPARED) -> list[int]:
    """Return the ids of runs in `?runs=12,34` or `?runs=12&runs=34`, each once, in their order."""
    words = _words(values, "runs", least)
    wrong = [word for word in words if not _NUMBER.fullmatch(word)]
    if wrong:
        raise InvalidInput([Problem(f"{wrong[0][:40]!r} is not the id of a run", "runs")])
    found = list(dict.fromkeys(map(int, words)))
    if len(found) < least:
        raise InvalidInput([Problem("the same run is named twice", "runs")])
    return found


def read_row_ids(values: Sequence[str], *, least: int = MIN_COMPARED) -> list[str]:
    """Return the ids of contenders in `?rows=…`, as `read_run_ids` does."""
    words = _words(values, "rows", least)
    wrong = [word for word in words if not _PUBLIC_ID.fullmatch(word)]
    if wrong:
        raise InvalidInput([Problem(f"{wrong[0][:40]!r} is not the id of a contender", "rows")])
    return words


def _words(values: Iterable[str], name: str, least: int) -> list[str]:
    text = ",".join(values)
    found = [word.strip() for word in text[: _MAX_TEXT + 1].split(",")]
    words = list(dict.fromkeys(word for word in found if word))
    if len(text) > _MAX_TEXT or not least <= len(words) <= MAX_COMPARED:
        message = _("name %(least)s to %(most)s different %(name)s, with commas between them")
        facts = {"least": MIN_COMPARED, "most": MAX_COMPARED, "name": name}
        raise InvalidInput([Problem(message % facts, name)])
    return words


def read_shown(value: str) -> str:
    """Return which items are listed; what is unknown is the usual."""
    return value if value in SHOWN else SHOWN[0]
