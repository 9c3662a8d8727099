"""The client at the other end of a stream."""


class StreamReader:
    """Whether a client is still reading, and whether the provider bills the answer if it leaves.

    A provider goes on and bills what it generates, hidden reasoning included, when a client leaves.
    Only the end of its stream tells how much that is, so a billed answer is read to its end for the
    record, within `MAX_DRAIN_SECONDS`.
    """

    __slots__ = ("has_left", "is_billed")

    def __init__(self) -> None:
        self.has_left = False
        self.is_billed = False
        """Set by the gateway while an attempt is under way that costs the payer something."""


MAX_DRAIN_SECONDS = 120.0
"""How long an answer is read on after its client has left. After that, all that was set aside for
it is charged."""
