"""Every list and form of the administration opens, and what is frozen stays so."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.urls import reverse

from tests.factories import publish_benchmark, publish_task, settle, submit

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_page_of_the_administration_opens(
    open_account: Callable[..., Any], client: Any
) -> None:
    ada = open_account(handle="ada", is_administrator=True)
    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    from benchmarks_app.actions.entries import enter
    from plumbmark.gateway.actions import ensure_baselines

    ensure_baselines()
    enter(version=board, contender=submit(ada, version, "model", 1).contender, by=ada)
    settle()
    client.force_login(ada)

    request = RequestFactory().get("/admin/")
    request.user = ada
    for model, model_admin in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert client.get(reverse(f"{name}_changelist")).status_code == 200, model
        # Some lists show a part of their rows alone.
        row = model_admin.get_queryset(request).first()
        if row is not None:
            page = client.get(reverse(f"{name}_change", args=[row.pk]))
            assert page.status_code == 200, model
            assert version.salt not in page.content.decode()


def test_a_run_cannot_be_changed_in_the_administration(
    open_account: Callable[..., Any], client: Any
) -> None:
    ada = open_account(handle="ada", is_administrator=True)
    run = submit(ada, publish_task(ada), "model", 1)
    client.force_login(ada)

    assert client.post(reverse("admin:tasks_run_change", args=[run.pk]), {}).status_code == 403
    assert client.post(reverse("admin:tasks_run_delete", args=[run.pk]), {}).status_code == 403


def test_a_human_contender_is_made_in_the_administration(
    open_account: Callable[..., Any], client: Any
) -> None:
    from tasks_app.models import Contender

    ada = open_account(handle="ada", is_administrator=True)
    client.force_login(ada)

    made = client.post(
        reverse("admin:tasks_contender_add"),
        {"kind": "human", "label": "Three teachers", "owner": ada.namespace.pk},
    )

    assert made.status_code == 302, made.content
    assert Contender.objects.get().is_reference_line
