"""The pages of limits and ledger, and the administration."""

import copy
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.sites import site
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from plumbmark.accounts.models import Membership, Namespace, User
from plumbmark.gateway import views
from plumbmark.gateway.models import (
    Budget,
    Call,
    Credential,
    LedgerLine,
    PriceCard,
)
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store


@pytest.fixture(autouse=True)
def pages(settings: Any, tmp_path: Path) -> None:
    """Let the project's own base template and URLs go first, where they are there."""
    templates = copy.deepcopy(settings.TEMPLATES)
    templates[0]["DIRS"].append(Path(__file__).parent / "templates")
    settings.TEMPLATES = templates
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    try:
        reverse("gateway:quota")
    except NoReverseMatch:
        settings.ROOT_URLCONF = "tests.gateway.urls"


def client_of(namespace: Namespace) -> Client:
    client = Client()
    assert namespace.user is not None
    client.force_login(namespace.user, "django.contrib.auth.backends.ModelBackend")
    return client


def administrator() -> Client:
    user = User.objects.create_superuser("root@example.org")
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def test_the_page_shows_limits_lines_and_the_calls_of_a_line(
    store: Store, fake_provider: FakeProvider
) -> None:
    anna = rows.namespace("anna", day_cap=5 * 10**9)
    deployment = rows.deployment(fake_provider.url)
    rows.call_all(rows.grant(anna, deployment), deployment, [rows.ask("<b>1+2</b>")])
    client = client_of(anna)

    shown = page(client, "/quota/")

    assert "5.00 USD" in shown
    assert "run:1: 1 call answered" in shown
    line = LedgerLine.objects.get(kind="settle")
    url = reverse("gateway:ledger_line", args=["anna", line.pk])
    assert url in shown
    calls = page(client, url)
    assert deployment.slug in calls
    assert "1+2" not in calls


def test_nobody_else_sees_a_ledger(store: Store) -> None:
    anna, bert = rows.namespace("anna"), rows.namespace("bert")
    team = Namespace.objects.create(handle="team", kind="team")
    assert anna.user is not None
    Membership.objects.create(namespace=team, user=anna.user)

    assert client_of(bert).get("/quota/anna/").status_code == 404
    assert client_of(bert).get("/quota/nobody/").status_code == 404
    assert Client().get("/quota/").status_code == 302
    page(client_of(anna), "/quota/team/")
    assert client_of(bert).get("/quota/team/").status_code == 404
    page(administrator(), "/quota/anna/")


def test_the_ledger_is_paged_with_a_constant_number_of_queries(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "LINES_PER_PAGE", 4)
    anna = rows.namespace("anna")
    client = client_of(anna)
    grant = rows.grant(anna)

    def add(count: int) -> None:
        for n in range(count):
            LedgerLine.objects.create(
                payer=anna,
                grant=grant,
                kind="settle",
                reason=f"line {n}.",
                day="2026-01-01",
                at="2026-01-01T00:00Z",
            )

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(client, "/quota/")
        return len(captured)

    add(2)
    few = queries()
    add(8)

    # Session and user; then the namespace, the limits and what of them is in use, the lines, and
    # the runs that they are of.
    assert queries() == few <= 8
    first = page(client, "/quota/")
    before = LedgerLine.objects.order_by("-id")[3].pk
    assert f"?before={before}" in first
    second = page(client, f"/quota/anna/?before={before}")
    assert "line 7." in first
    assert "line 7." not in second
    page(client, "/quota/?before=nonsense")
    page(client, f"/quota/?before={'9' * 40}")


def test_every_page_of_the_administration_opens(store: Store, fake_provider: FakeProvider) -> None:
    anna = rows.namespace("anna")
    deployment = rows.deployment(fake_provider.url)
    rows.call_one(rows.grant(anna, deployment), deployment)
    client = administrator()
    ours = [model for model in site._registry if model._meta.app_label == "gateway"]

    for model in ours:
        name = f"admin:gateway_{model._meta.model_name}"
        assert page(client, reverse(f"{name}_changelist"))
        row = model._default_manager.first()
        if row is not None:
            assert page(client, reverse(f"{name}_change", args=[row.pk]))

    assert len(ours) == 8
    assert "has price?" in page(client, reverse("admin:gateway_deployment_changelist")).lower()


def test_books_and_calls_cannot_be_changed_in_the_administration(
    store: Store, fake_provider: FakeProvider
) -> None:
    anna = rows.namespace("anna")
    deployment = rows.deployment(fake_provider.url)
    rows.call_one(rows.grant(anna, deployment), deployment, rows.ask("secret words 1+1"))
    client = administrator()

    for model in (Budget, LedgerLine, Call):
        name = f"admin:gateway_{model._meta.model_name}"
        row = model._default_manager.first()
        assert row is not None
        url = reverse(f"{name}_change", args=[row.pk])
        assert client.post(url, {"charged": 0}).status_code == 403
        assert client.get(reverse(f"{name}_add")).status_code == 403
        assert "secret words" not in page(client, url)


def test_a_secret_entered_in_the_administration_is_never_shown_again(store: Store) -> None:
    client = administrator()
    secret = "sk-entered-by-hand-1234"  # not a credential of anything

    response = client.post(
        reverse("admin:gateway_credential_add"), {"name": "mine", "secret": secret}
    )

    assert response.status_code == 302
    credential = Credential.objects.get()
    shown = page(client, reverse("admin:gateway_credential_change", args=[credential.pk]))
    assert secret not in shown
    assert "1234" in page(client, reverse("admin:gateway_credential_changelist"))


def test_a_price_is_added_beside_the_old_one(store: Store) -> None:
    deployment = rows.deployment("http://127.0.0.1:1/v1")
    old = PriceCard.objects.get()
    client = administrator()

    response = client.post(
        reverse("admin:gateway_deployment_change", args=[deployment.pk]),
        {
            "slug": deployment.slug,
            "model": deployment.model_id,
            "provider": "openai",
            "base_url": deployment.base_url,
            "upstream_id": "m",
            "is_active": "on",
            "max_concurrency": 4,
            "options": "{}",
            "price_cards-TOTAL_FORMS": 1,
            "price_cards-INITIAL_FORMS": 1,
            "price_cards-0-id": old.pk,
            "price_cards-0-deployment": deployment.pk,
            "price_cards-2-TOTAL_FORMS": 1,
            "price_cards-2-INITIAL_FORMS": 0,
            "price_cards-2-0-deployment": deployment.pk,
            "price_cards-2-0-valid_from_0": "2026-01-01",
            "price_cards-2-0-valid_from_1": "00:00:00",
            "price_cards-2-0-input_per_mtok": "3",
            "price_cards-2-0-output_per_mtok": "15.5",
            "price_cards-2-0-per_request": "0",
            "price_cards-2-0-source": "admin",
        },
    )

    assert response.status_code == 302, response.content.decode()[:3000]
    added = PriceCard.objects.exclude(pk=old.pk).get()
    # In dollars per million tokens, as providers write them.
    assert (added.input_per_mtok, added.output_per_mtok) == (3 * 10**9, 15_500_000_000)
    shown = page(client, reverse("admin:gateway_deployment_change", args=[deployment.pk]))
    for words in ("3.00 USD", "15.50 USD", "0.50 USD", "USD per million tokens"):
        assert words in shown


def test_a_limit_set_in_the_administration_is_audited(store: Store) -> None:
    from plumbmark.common.models import AuditEvent

    anna = rows.namespace("anna")
    AuditEvent.objects.all().delete()

    response = administrator().post(
        reverse("admin:gateway_quotapolicy_change", args=[anna.quota_policy.pk]),
        {"namespace": anna.pk, "day_cap": "0.5", "month_cap": "6", "note": "less"},
    )

    assert response.status_code == 302
    anna.quota_policy.refresh_from_db()
    assert anna.quota_policy.day_cap == 500_000_000
    assert AuditEvent.objects.get().action == "quota.set"
