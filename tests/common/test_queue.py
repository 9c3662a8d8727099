"""Messages: one for each transaction, and one for what comes within a moment."""

import threading
from typing import Any

import pytest
from django.db import transaction

from plumbmark.common import queue
from plumbmark.common.queue import enqueue

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    messages: list[tuple[Any, ...]] = []
    monkeypatch.setattr(queue, "_send", lambda *message: messages.append(message))
    monkeypatch.setattr(queue, "_merged", queue._MergedMessages())
    return messages


def test_a_transaction_sends_one_message_for_a_job_and_adds_up_whom_it_wakes(
    sent: list[tuple[Any, ...]],
) -> None:
    with transaction.atomic():
        enqueue("a.job", times=2)
        enqueue("another.job")
        enqueue("a.job", times=3)
        assert sent == []
    assert sent == [("a.job", 5, 0), ("another.job", 1, 0)]


def test_what_is_undone_takes_no_message_of_the_rest_along(sent: list[tuple[Any, ...]]) -> None:
    with transaction.atomic():
        with transaction.atomic():
            enqueue("a.job", times=2)
            transaction.set_rollback(True)
        enqueue("a.job")
        with transaction.atomic():
            enqueue("a.job")
    assert sent == [("a.job", 2, 0)]


def test_messages_of_a_moment_are_merged_and_the_last_one_is_sent(
    sent: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = threading.Event()

    def send(job: str) -> None:
        sent.append((job,))
        if len(sent) == 2:
            again.set()

    monkeypatch.setattr(queue, "_send", send)
    # Nothing here takes so long, so all but the first come within the moment.
    monkeypatch.setattr(queue, "MERGED_SECONDS", 2.0)
    for _ in range(20):
        enqueue("a.job", merges=True)
    assert sent == [("a.job",)]
    assert again.wait(300)
    assert sent == [("a.job",), ("a.job",)]
