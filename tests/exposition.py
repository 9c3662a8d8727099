"""What `/metrics` tells, read by Prometheus' own parser."""

from collections.abc import Iterator
from typing import Any

from prometheus_client.parser import text_string_to_metric_families


class Exposition:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.families = {
            family.name: family
            for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        }
        self.samples = [one for family in self.families.values() for one in family.samples]

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of the samples with these labels; 0 where there are none."""
        return sum(one.value for one in self._matching(name, labels))

    def _matching(self, name: str, labels: dict[str, str]) -> Iterator[Any]:
        for one in self.samples:
            if one.name == name and labels.items() <= one.labels.items():
                yield one

    @property
    def label_values(self) -> set[str]:
        return {value for one in self.samples for value in one.labels.values()}

    @property
    def names(self) -> set[str]:
        """Return every name that a query may ask for, with or without samples so far."""
        found = {one.name for one in self.samples}
        for name, family in self.families.items():
            if family.type == "histogram":
                found |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
            elif family.type == "counter":
                found.add(f"{name}_total")
            else:
                found.add(name)
        return found
