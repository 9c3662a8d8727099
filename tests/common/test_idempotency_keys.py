"""Answers kept for repeats go after three days."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from plumbmark.common.clock import now
from plumbmark.common.jobs import forget_idempotency_keys
from plumbmark.common.models import IdempotencyKey


@pytest.mark.django_db
def test_old_answers_are_let_go_and_young_ones_stay(open_account: Callable[..., Any]) -> None:
    ada = open_account("ada")
    for key, age in (("old", timedelta(days=3, minutes=1)), ("young", timedelta(days=2, hours=23))):
        row = IdempotencyKey.objects.create(user=ada, key=key, request_hash="h1:0")
        IdempotencyKey.objects.filter(pk=row.pk).update(created_at=now() - age)

    assert forget_idempotency_keys() == 1
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["young"]
