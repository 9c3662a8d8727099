"""The pages of grants' subjects, by the subject's kind.

The gateway knows no runs. An app that opens grants for `run:57` registers at its start how such
subjects are named and where they are shown; an unknown subject is shown as it is.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SubjectPage:
    label: str
    url: str


FindPages = Callable[[Collection[int]], Mapping[int, SubjectPage]]
"""From the numbers of subjects of one kind to their pages; at most one query."""

_finders: dict[str, FindPages] = {}


def add_subject_pages(kind: str, find: FindPages) -> None:
    """Register where to find the pages of a kind of subject: `add_subject_pages("run", …)` in
    `AppConfig.ready`.
    """
    _finders[kind] = find


def pages_of(subjects: Iterable[str]) -> dict[str, SubjectPage]:
    """Return the pages of those subjects that have one; at most one query for each kind."""
    numbers: dict[str, set[int]] = {}
    for subject in subjects:
        kind, _, number = subject.partition(":")
        if kind in _finders and number.isascii() and number.isdigit():
            numbers.setdefault(kind, set()).add(int(number))
    found: dict[str, SubjectPage] = {}
    for kind, wanted in numbers.items():
        found |= {f"{kind}:{one}": page for one, page in _finders[kind](wanted).items()}
    return found
