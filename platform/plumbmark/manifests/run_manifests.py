"""The manifest of a run: what was asked, answered and scored, as hashes in the samples' order.

It names the two hashes of the task's version, facts of the run, its estimate, and the hashes of
four lists with an entry for each sample: of its item, of its exchanges, of its output and of its
score. The hash of the manifest is the content hash of the whole. Entries of private items are
salted, so that nobody can confirm a guess; the lists are the same for every reader all the same.
"""

import hashlib
from collections.abc import Mapping, Sequence

from plumbmark.manifests.hashes import PREFIX, bytes_hash, content_hash
from plumbmark.strict_json import wire

FORMAT = "plumbmark run 1"
LISTS = ("items", "exchanges", "outputs", "scores")


class ListHash:
    """The content hash of a list of hashes, taken one by one: equal to that of the whole list."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256(b"[")
        self._separator = b""

    def add(self, entry: str) -> None:
        """Take the next entry, which is a hash."""
        self._digest.update(self._separator + b'"' + entry.encode("ascii") + b'"')
        self._separator = b","

    def finish(self) -> str:
        """Return the hash of the list."""
        whole = self._digest.copy()
        whole.update(b"]")
        return PREFIX + whole.hexdigest()


class RunHashes:
    """Takes the entries of a run's samples in order, and knows the hashes of the lists."""

    def __init__(self) -> None:
        self._lists = {name: ListHash() for name in LISTS}
        self.count = 0

    def add(self, entries: Mapping[str, str]) -> None:
        """Take the entries of the next sample, by the names of the lists."""
        for name, one in self._lists.items():
            one.add(entries[name])
        self.count += 1

    def finish(self) -> dict[str, str]:
        """Return the hash of each list."""
        return {name: one.finish() for name, one in self._lists.items()}


def output_entry(output: str, *, salt: str | None = None) -> str:
    """Return the entry of an output: the hash of its bytes in UTF-8."""
    return bytes_hash(output.encode("utf-8", "surrogatepass"), salt=salt)


def score_entry(value: float | None, answer: str, *, salt: str | None = None) -> str:
    """Return the entry of a score: None is an unscored sample."""
    answer_hash = bytes_hash(answer.encode("utf-8", "surrogatepass"))
    number = None if value is None else float(value)
    return content_hash({"answer": answer_hash, "value": number}, salt=salt)


def exchanges_entry(hashes: Sequence[str], *, salt: str | None = None) -> str:
    """Return the entry of a sample's exchanges, in the order of its calls."""
    return content_hash(list(hashes), salt=salt)


def exchange_hash(raw: str) -> str:
    """Return the hash of a recorded exchange, whatever its spelling."""
    return bytes_hash(wire.canonical(wire.read(raw.encode("utf-8", "surrogatepass"))))


def item_hash(question: str, marking: str) -> str:
    """Return the hash of an item from those of what is asked and of how it is marked."""
    return content_hash([question, marking])


def chain_hash(*, content: str, number: int, previous: str | None) -> str:
    """Return the hash of a snapshot with all before it: it goes into the next one."""
    return content_hash({"content": content, "number": number, "previous": previous})
