"""The runs that the threads of one worker process work on."""

from collections.abc import Collection

import pytest

from tasks_app import jobs


def test_a_slice_that_ends_while_another_is_claimed_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "_in_hand", set(range(100)))

    def claim_shard(*, not_of: Collection[int], takes_code: bool, has_sandbox: bool) -> None:
        for run in not_of:
            # As another thread does, at any moment.
            jobs._in_hand.discard(run)

    monkeypatch.setattr(jobs, "claim_shard", claim_shard)

    assert jobs._claim() is None
    assert jobs._in_hand == set()
