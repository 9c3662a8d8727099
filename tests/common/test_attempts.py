"""Periodic work: each item alone, a few attempts, and a reason that stays."""

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.conf import settings

from plumbmark.common.attempts import (
    MAX_ATTEMPTS,
    attempt_each,
    describe_error,
    run_steps,
)
from plumbmark.common.clock import freeze_clock, shift_clock
from plumbmark.common.models import FailedAttempt

pytestmark = pytest.mark.django_db


class Work:
    """Work that fails on the items called `bad`, and counts."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failed = 0
        self.given_up: list[tuple[str, str]] = []
        self.is_mended = False

    def __call__(self, item: str) -> str:
        if item == "bad" and not self.is_mended:
            self.failed += 1
            raise ValueError("no\0 good")
        self.done.append(item)
        return item

    def give_up(self, item: str, why: str) -> None:
        self.given_up.append((item, why))


def attempt(work: Work, **given: Any) -> list[str]:
    return attempt_each("test", ["a", "bad", "c"], work, **given)


def test_one_item_that_fails_keeps_no_other_from_being_done() -> None:
    work = Work()

    assert attempt(work) == ["a", "c"]

    failure = FailedAttempt.objects.get()
    assert (failure.job, failure.item, failure.attempts) == ("test", "bad", 1)
    assert failure.reason == "ValueError: no good"


def test_an_item_is_attempted_a_few_times_and_then_given_up_with_its_reason() -> None:
    work = Work()
    with freeze_clock():
        for hour in range(10):
            with shift_clock(timedelta(hours=hour)):
                attempt(work, give_up=work.give_up)

        # Given up, its row would no longer be among the items; here it begins anew.
        assert work.failed == 10
        assert work.given_up == 2 * [
            ("bad", "It failed 4 times, the last time with ValueError: no good")
        ]
    assert len(work.done) == 20


def test_without_a_row_to_write_to_the_failure_stays_and_the_item_is_left_alone() -> None:
    work = Work()
    with freeze_clock():
        for hour in range(10):
            with shift_clock(timedelta(hours=hour)):
                attempt(work)
    assert work.failed == MAX_ATTEMPTS
    assert FailedAttempt.objects.get().is_given_up

    FailedAttempt.objects.all().delete()
    attempt(work)
    assert work.failed == MAX_ATTEMPTS + 1


def test_an_item_is_not_attempted_again_before_its_pause_is_over() -> None:
    work = Work()
    with freeze_clock():
        attempt(work)
        attempt(work)
        assert work.failed == 1
        with shift_clock(timedelta(seconds=11)):
            attempt(work)
            assert work.failed == 2
        with shift_clock(timedelta(seconds=60)):
            attempt(work)
        assert work.failed == 2


def test_success_forgets_the_failure() -> None:
    work = Work()
    with freeze_clock():
        attempt(work)
        work.is_mended = True
        with shift_clock(timedelta(minutes=1)):
            assert attempt(work) == ["a", "bad", "c"]
    assert not FailedAttempt.objects.exists()


def test_items_that_wait_take_no_place_of_others() -> None:
    work = Work()
    attempt_each("test", ["bad"], work)

    assert attempt_each("test", ["bad", "a", "b", "c"], work, max_items=2) == ["a", "b"]


def test_a_giving_up_that_fails_harms_no_other_item() -> None:
    work = Work()

    def give_up(item: str, why: str) -> None:
        raise RuntimeError("no")

    assert attempt(work, give_up=give_up, max_attempts=1) == ["a", "c"]
    assert FailedAttempt.objects.get().is_given_up


def test_a_step_that_fails_keeps_no_other_from_running_and_is_never_given_up() -> None:
    ran: list[str] = []

    def fail() -> None:
        ran.append("failing")
        raise OSError("the disk is full")

    with freeze_clock():
        for hour in range(8):
            with shift_clock(timedelta(hours=hour)):
                run_steps("steps", {"one": fail, "two": lambda: ran.append("two")})
    assert ran == ["failing", "two"] * 8
    assert not FailedAttempt.objects.get(item="one").is_given_up


def test_a_reason_can_be_stored_whatever_the_error_says() -> None:
    said = describe_error(ValueError("a\ud800\0\nb" + "x" * 5000))

    assert said.startswith("ValueError: a? b")
    assert len(said) <= FailedAttempt.MAX_REASON


def test_every_periodic_job_is_one_that_workers_know() -> None:
    current_app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert scheduled <= set(current_app.tasks)
