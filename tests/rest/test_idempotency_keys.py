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


@pytest.mark.django_db
def test_a_key_whose_process_died_is_taken_again_after_a_while(
    open_account: Callable[..., Any], client: Any
) -> None:
    from tests.factories import publish_task

    ada = open_account("ada")
    task = publish_task(ada).task
    client.force_login(ada)
    row = IdempotencyKey.objects.create(user=ada, key="once", request_hash="h1:0")

    def ask() -> Any:
        headers = {"Idempotency-Key": "once"}
        return client.post(
            f"/api/v1/tasks/{task.public_id}/draft/build", {}, "application/json", headers=headers
        )

    refused = ask()
    assert refused.status_code == 409
    assert "is being answered" in refused.json()["detail"]
    IdempotencyKey.objects.filter(pk=row.pk).update(created_at=now() - timedelta(minutes=16))

    assert ask().status_code == 201
    assert IdempotencyKey.objects.get().status == 201
    assert ask()["Idempotent-Replayed"] == "true"
