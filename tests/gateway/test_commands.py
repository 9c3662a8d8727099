"""The commands an operator types, against a provider that answers."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from plumbmark.gateway import actions, queries
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.models import (
    Credential,
    Deployment,
    PriceCard,
    QuotaPolicy,
)
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store

KEY = "sk-test-of-the-commands"  # not a credential of anything


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_a_providers_models_are_imported_and_can_be_called(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_provider.configure(
        key=KEY, models={"sum-1": "arithmetic", "sum-2": "arithmetic", "x": "echo"}
    )
    monkeypatch.setenv("FAKE_KEY", KEY)
    provider = ("--base-url", fake_provider.url, "--key-env", "FAKE_KEY", "--name", "fake")

    said = run("add_provider", *provider, "--import-models", "--only", "sum-*")

    assert "fake/sum-1: added, no price yet" in said
    assert set(Deployment.objects.values_list("slug", flat=True)) == {"fake/sum-1", "fake/sum-2"}
    assert Credential.objects.get().environment_variable == "FAKE_KEY"
    assert not PriceCard.objects.exists()
    run("set_price", "fake/sum-1", "--input-usd-per-mtok", "0.5", "--output-usd-per-mtok", "3")
    deployment = Deployment.objects.get(slug="fake/sum-1")
    result = rows.call_one(rows.grant(rows.namespace(), deployment), deployment)
    assert result.charged == 6500
    assert "already exists" in run("add_provider", *provider, "--import-models")
    assert "fake/x" in run("list_deployments")


@pytest.mark.parametrize("wire_format", ["anthropic", "gemini"])
def test_models_of_every_format_are_imported_and_can_be_called(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, wire_format: str
) -> None:
    fake_provider.configure(key=KEY, models={"sum-1": "arithmetic", "x": "echo"})
    monkeypatch.setenv("FAKE_KEY", KEY)
    where = ("--format", wire_format, "--base-url", fake_provider.url, "--key-env", "FAKE_KEY")

    run("add_provider", *where, "--name", "fake", "--import-models", "--only", "sum-*", "--free")

    deployment = Deployment.objects.get()
    assert (deployment.slug, deployment.provider) == ("fake/sum-1", wire_format)
    result = rows.call_one(rows.grant(rows.namespace(), deployment), deployment)
    assert result.response is not None
    assert result.response.text == "5"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--base-url", "nonsense", "--model", "m"], "must start with https"),
        (["--base-url", "http://127.0.0.1:9/v1", "--import-models"], "cannot be reached"),
        (["--base-url", "http://h/v1", "--key-env", "NOT_SET", "--model", "m"], "NOT_SET is not"),
        (["--base-url", "http://h/v1"], "No model to add"),
        (["--base-url", "http://h/v1", "--model", "m", "--max-concurrency", "0"], "at least 1"),
        (["--base-url", "http://h/v1", "--model", "m", "--deadline", "0"], "more than 0 and at"),
        (["--base-url", "http://h/v1", "--model", "m", "--deadline", "nan"], "more than 0 and at"),
    ],
)
def test_a_provider_that_cannot_be_added_says_why(
    store: Store, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        run("add_provider", *arguments)


def test_a_slow_server_is_added_with_its_slots_and_its_deadline(store: Store) -> None:
    limits = ("--max-concurrency", "1", "--deadline", "900")
    run("add_provider", "--base-url", "http://h/v1", "--name", "h", "--model", "m", *limits)

    deployment = Deployment.objects.get(slug="h/m")
    assert (deployment.max_concurrency, deployment.deadline_seconds) == (1, 900)


def test_a_refused_key_is_told_without_the_key(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_provider.configure(key="another")
    monkeypatch.setenv("FAKE_KEY", KEY)

    with pytest.raises(CommandError) as refused:
        run(
            "add_provider",
            "--base-url",
            fake_provider.url,
            "--key-env",
            "FAKE_KEY",
            "--import-models",
        )

    assert "HTTP 401" in str(refused.value)
    assert KEY not in str(refused.value)


def test_prices_are_matched_with_what_was_matched(store: Store) -> None:
    known = rows.deployment(
        "https://api.openai.com/v1", "gpt-4o-mini", slug="openai/gpt-4o-mini", priced=False
    )
    unknown = rows.deployment("https://api.openai.com/v1", "no-such-model", priced=False)

    said = run("update_prices")

    card = current_price_card(known.pk)
    assert card is not None
    assert (card.input_per_mtok, card.output_per_mtok) == (150_000_000, 600_000_000)
    assert (card.source, card.matched_id) == ("library", "gpt-4o-mini")
    assert card.data_version.startswith("genai-prices ")
    assert "fake/no-such-model: no price" in said
    assert current_price_card(unknown.pk) is None
    assert "unchanged" in run("update_prices")
    assert PriceCard.objects.count() == 1


def test_an_administrators_price_wins_over_the_librarys(store: Store) -> None:
    known = rows.deployment(
        "https://api.openai.com/v1", "gpt-4o-mini", slug="openai/gpt-4o-mini", priced=False
    )
    run("set_price", known.slug, "--free")

    assert "set by an administrator" in run("update_prices")
    card = current_price_card(known.pk)
    assert card is not None
    assert card.input_per_mtok == card.output_per_mtok == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "--free"], "There is no deployment"),
        (["fake/m"], "Give both"),
        (["fake/m", "--free", "--input-usd-per-mtok", "1"], "not both"),
        (["fake/m", "--input-usd-per-mtok", "x", "--output-usd-per-mtok", "1"], "no amount"),
        (["fake/m", "--input-usd-per-mtok=-1", "--output-usd-per-mtok", "1"], "negative"),
    ],
)
def test_a_price_that_cannot_be_set_says_why(
    store: Store, arguments: list[str], message: str
) -> None:
    rows.deployment("http://x/v1", "m")

    with pytest.raises(CommandError, match=message):
        run("set_price", *arguments)


def test_limits_are_set_for_one_and_for_all_and_reach_the_running_day(store: Store) -> None:
    anna = rows.namespace("anna")
    from plumbmark.common import clock
    from plumbmark.gateway.budget import ledger

    ledger.open_budgets(payer_id=anna.pk, grant_id=0, cap=None, day=clock.today())

    run("set_quota", "anna", "--day-usd", "2.50", "--month-usd", "20", "--note", "guest")
    run("set_quota", "--default", "--day-usd", "1", "--month-usd", "2")

    status = queries.quota_status(anna)
    assert (status.day.cap, status.month.cap) == (2_500_000_000, 20_000_000_000)
    assert QuotaPolicy.objects.get(namespace=None).day_cap == 10**9
    with pytest.raises(CommandError, match="nobody"):
        run("set_quota", "nobody", "--day-usd", "1", "--month-usd", "2")


def test_the_default_limits_change_for_those_without_their_own(store: Store) -> None:
    own, other = rows.namespace("anna", day_cap=7), rows.namespace("bert")
    other.quota_policy.delete()
    from plumbmark.common import clock
    from plumbmark.gateway.budget import ledger

    for payer in (own, other):
        ledger.open_budgets(payer_id=payer.pk, grant_id=0, cap=None, day=clock.today())

    actions.set_quota(namespace=None, day_cap=3, month_cap=4, by=None)

    assert queries.quota_status(own).day.cap == 7
    assert queries.quota_status(other).day.cap == 3
    assert queries.quota_status(other).left == 3
    assert not queries.has_balance(other, 4)


def test_only_administrators_change_prices_and_limits(store: Store) -> None:
    from plumbmark.common.errors import NotAllowed

    anna = rows.namespace("anna")
    deployment = rows.deployment("http://x/v1")
    assert anna.user is not None

    changes: list[Any] = [
        lambda: actions.set_quota(namespace=anna, day_cap=1, month_cap=1, by=anna.user),
        lambda: actions.set_price(
            deployment=deployment, input_per_mtok=1, output_per_mtok=1, by=anna.user
        ),
    ]
    for change in changes:
        with pytest.raises(NotAllowed):
            change()
