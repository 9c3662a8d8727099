"""The order in which the options of a multiple-choice item are shown.

The prompt and the scorer both ask here, so that a letter means the same option to both. The order
comes from SHA-256 and not from `random`, whose sequences may change between Python versions.
"""

import hashlib
from collections.abc import Sequence

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAX_CHOICES = len(LETTERS)


def choice_order(count: int, seed: int | None, item_key: str) -> tuple[int, ...]:
    """Return the source positions of the options as shown: `order[0]` is the option under A.

    Without a seed, options are in the order of the data. With one, every item has its own order,
    uniform over all orders (Fisher and Yates over a hash stream).
    """
    if not 0 <= count <= MAX_CHOICES:
        raise ValueError(f"an item has at most {MAX_CHOICES} options, not {count}")
    order = list(range(count))
    if seed is None:
        return tuple(order)
    for position in range(count - 1, 0, -1):
        digest = hashlib.sha256(f"{seed}\x1f{position}\x1f{item_key}".encode()).digest()
        other = int.from_bytes(digest, "big") % (position + 1)  # 256 bits: no bias worth a name
        order[position], order[other] = order[other], order[position]
    return tuple(order)


def shuffle_choices(choices: Sequence[str], seed: int | None, item_key: str) -> tuple[str, ...]:
    """Return the options in the order shown."""
    return tuple(choices[position] for position in choice_order(len(choices), seed, item_key))
