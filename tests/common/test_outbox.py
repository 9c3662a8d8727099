"""The outbox: delivery once per subscriber, in order, again after a failure."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from plumbmark.common import outbox
from plumbmark.common.clock import freeze_clock, shift_clock
from plumbmark.common.jobs import deliver_events
from plumbmark.common.models import OutboxEvent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    monkeypatch.setattr(outbox, "_subscribers", {})
    said: list[tuple[str, int]] = []
    for name in ("first", "second"):
        outbox.subscribe(
            "test.said", name, lambda payload, name=name: said.append((name, payload["n"]))
        )
    return said


def test_each_subscriber_hears_each_event_once_and_in_order(heard: list[tuple[str, int]]) -> None:
    for n in range(3):
        outbox.record_event("test.said", n=n)
    assert deliver_events() == 3
    assert heard == [(name, n) for n in range(3) for name in ("first", "second")]
    assert deliver_events() == 0
    assert len(heard) == 6


def test_an_event_of_a_change_that_was_rolled_back_never_was(heard: list[Any]) -> None:
    with transaction.atomic():
        outbox.record_event("test.said", n=1)
        transaction.set_rollback(True)
    assert deliver_events() == 0
    assert heard == []


def test_a_subscriber_that_fails_is_tried_again_ever_later_and_alone(
    heard: list[tuple[str, int]],
) -> None:
    troubles = [RuntimeError("not yet"), RuntimeError("still not")]

    def failing(payload: dict[str, Any]) -> None:
        if troubles:
            raise troubles.pop(0)
        heard.append(("failing", payload["n"]))

    outbox.subscribe("test.said", "failing", failing)
    with freeze_clock():
        event = outbox.record_event("test.said", n=7)
        assert deliver_events() == 0
        assert heard == [("first", 7), ("second", 7)]
        event.refresh_from_db()
        assert event.attempts == 1
        assert "RuntimeError: not yet" in event.last_error
        assert deliver_events() == 0  # its pause is not over
        assert len(troubles) == 1
        with shift_clock(timedelta(seconds=1.5)):
            assert deliver_events() == 0
        assert not troubles
        with shift_clock(timedelta(seconds=2.5)):
            assert deliver_events() == 0  # the second pause is longer
        with shift_clock(timedelta(seconds=10)):
            assert deliver_events() == 1
    assert heard == [("first", 7), ("second", 7), ("failing", 7)]
    event.refresh_from_db()
    assert event.delivered_at is not None
    assert event.last_error == ""


def test_what_a_failing_subscriber_wrote_is_rolled_back(heard: list[Any]) -> None:
    def failing(payload: dict[str, Any]) -> None:
        outbox.record_event("test.other", n=1)
        raise RuntimeError("too late")

    outbox.subscribe("test.said", "failing", failing)
    outbox.record_event("test.said", n=1)
    deliver_events()
    assert not OutboxEvent.objects.filter(kind="test.other").exists()


def test_one_event_that_fails_holds_up_no_other(heard: list[tuple[str, int]]) -> None:
    def failing(payload: dict[str, Any]) -> None:
        raise RuntimeError("never")

    outbox.subscribe("test.bad", "failing", failing)
    outbox.record_event("test.bad", n=1)
    outbox.record_event("test.said", n=2)
    assert deliver_events() == 1
    assert heard == [("first", 2), ("second", 2)]


def test_an_event_that_nobody_heeds_is_delivered() -> None:
    event = outbox.record_event("test.unheeded", n=1)
    assert deliver_events() >= 1
    event.refresh_from_db()
    assert event.delivered_at is not None


def test_a_batch_is_delivered_together_and_in_order(
    heard: list[Any], monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(outbox, "_batch_subscribers", {})
    batches: list[list[int]] = []
    outbox.subscribe_to_batches(
        ["test.counted", "test.told"],
        "counting",
        lambda events: batches.append([event.payload["n"] for event in events]),
    )
    for count in (1, 20):
        for n in range(count):
            outbox.record_event("test.counted" if n % 2 else "test.told", n=n)
        with django_assert_num_queries(5):  # failures, events, BEGIN and COMMIT, the update
            assert deliver_events() == count
    assert batches == [[0], list(range(20))]
    assert deliver_events() == 0


def test_one_event_of_a_batch_that_fails_holds_up_no_other(
    heard: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_batch_subscribers", {})
    counted: list[int] = []

    def count(events: Any) -> None:
        if any(event.payload["n"] == 1 for event in events):
            raise RuntimeError("not this one")
        counted.extend(event.payload["n"] for event in events)

    outbox.subscribe_to_batches(["test.counted"], "counting", count)
    for n in range(3):
        outbox.record_event("test.counted", n=n)
    assert deliver_events() == 2
    assert counted == [0, 2]
    bad = OutboxEvent.objects.get(delivered_at=None, kind="test.counted")
    assert bad.payload == {"n": 1}
    assert "not this one" in bad.last_error
    assert bad.attempts == 1
