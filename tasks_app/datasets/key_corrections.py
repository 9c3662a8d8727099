"""Keys that accepted reports corrected, applied to a data file that still has the old ones.

Without this, the next version of an author's draft would bring a wrong key back. A correction
applies to a row with the same id, the same question and the key that it replaced.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from plumbmark.manifests import content_hash
from tasks_app.datasets.items import ImportedItem
from tasks_app.models import ItemReport, Task


@dataclass(frozen=True, slots=True)
class KeyCorrection:
    """One corrected key: of which item, from what to what."""

    report: str
    """The public id of the report."""
    item_key: str
    question: Any
    """The item's input and options, to know it by."""
    before: Any
    after: Any


class KeyCorrections:
    """The corrections of a task, oldest first."""

    def __init__(self, corrections: Sequence[KeyCorrection]) -> None:
        self._corrections = corrections
        self._by_key: dict[str, list[KeyCorrection]] = defaultdict(list)
        for one in corrections:
            self._by_key[one.item_key].append(one)

    def __len__(self) -> int:
        return len(self._corrections)

    def digest_of(self, source: str) -> str:
        """Return the digest of a source with these corrections."""
        for one in self._corrections:
            source = corrected_digest(source, one.report)
        return source

    def apply(self, item: ImportedItem) -> ImportedItem:
        """Return the item with its corrected key, or as it is."""
        found = self._by_key.get(item.key)
        if not found:
            return item
        question = question_of(item.input, item.choices)
        target = item.target
        for one in found:
            if one.question == question and one.before == target:
                target = one.after
        return item if target == item.target else replace(item, target=target)


def question_of(columns: Any, choices: Sequence[str] | None) -> Any:
    """Return what two items have in common that ask the same."""
    return [dict(columns), None if choices is None else list(choices)]


def corrected_digest(source: str, report: str) -> str:
    """Return the source digest of a version after one more correction."""
    return content_hash({"source": source, "correction": report})


def key_corrections_of(task: Task) -> KeyCorrections:
    """Return the corrections that accepted reports made to a task. One query."""
    reports = (
        ItemReport.objects.filter(version__task=task, resulting_version__isnull=False)
        .select_related("item")
        .order_by("resulting_version__number")
    )
    return KeyCorrections(
        [
            KeyCorrection(
                report=one.public_id,
                item_key=one.item.key,
                question=question_of(one.item.input, one.item.choices),
                before=one.key_before,
                after=one.key_after,
            )
            for one in reports
        ]
    )
