"""A reproducible random choice among the answers of several models.

The order comes from SHA-256 and not from `random`, whose sequences may change between Python
versions: the same seed and the same answers give the same choice everywhere.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choosable:
    """An answer: its own key, and the question that it answers."""

    key: str
    question: str


def stratified_choice(
    strata: Mapping[str, Sequence[Choosable]], *, size: int, seed: int
) -> list[Choosable]:
    """Choose `size` answers in random order, as evenly across the strata as possible.

    The strata give one answer each in turn, in an order that is itself random. Each prefers an
    answer to a question that is not chosen yet, so that as many questions as possible are covered.
    """
    waiting = {
        name: sorted(pool, key=lambda one: _place(seed, one.key)) for name, pool in strata.items()
    }
    order = sorted(waiting, key=lambda name: _place(seed, f"stratum\x1f{name}"))
    used_questions: set[str] = set()
    chosen: list[Choosable] = []
    while len(chosen) < size and any(waiting.values()):
        for name in order:
            pool = waiting[name]
            if not pool or len(chosen) == size:
                continue
            fresh = (place for place, one in enumerate(pool) if one.question not in used_questions)
            one = pool.pop(next(fresh, 0))
            used_questions.add(one.question)
            chosen.append(one)
    return sorted(chosen, key=lambda one: _place(seed, f"order\x1f{one.key}"))


def _place(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}\x1f{key}".encode()).digest()
