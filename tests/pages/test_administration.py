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


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        ("gateway_deployment_changelist", {"action": "delete_selected", "_selected_action": "x"}),
        ("common_outboxevent_changelist", {"action": "deliver_again", "_selected_action": "x"}),
        ("accounts_namespace_add", {"kind": "person", "handle": "bob", "user": "nobody"}),
        ("accounts_membership_add", {"namespace": "crew", "user": "\0", "role": "owner"}),
        ("tasks_contender_add", {"label": "A", "model": "x", "deployment": "y"}),
    ],
)
def test_an_id_that_is_none_is_told(
    page: str, fields: dict[str, str], open_account: Callable[..., Any], client: Any
) -> None:
    from plumbmark.gateway.actions import ensure_baselines

    ensure_baselines()
    client.force_login(open_account(handle="ada", is_administrator=True))
    empty = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}

    answer = client.post(reverse(f"admin:{page}"), {**fields, **empty})

    assert answer.status_code == 400
    assert "names a row by an id that is none" in answer.content.decode()


def test_prices_that_a_form_invents_are_no_server_error(
    open_account: Callable[..., Any], client: Any
) -> None:
    from plumbmark.gateway.actions import ensure_baselines

    deployment = ensure_baselines()[0]
    client.force_login(open_account(handle="ada", is_administrator=True))
    rows = {"TOTAL_FORMS": "1", "INITIAL_FORMS": "1", "0-id": "999", "0-source": "admin"}
    prefixes = ("price_cards", "price_cards-2")
    fields = {f"{prefix}-{name}": value for prefix in prefixes for name, value in rows.items()}

    answer = client.post(
        reverse("admin:gateway_deployment_change", args=[deployment.pk]), {**fields, "slug": ""}
    )

    assert answer.status_code == 200
