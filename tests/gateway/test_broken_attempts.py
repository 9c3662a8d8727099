"""What attempts cost that a provider broke off, and who pays for them."""

from typing import Any

import pytest

from plumbmark.engine.ports import CallResult, ModelRequest
from plumbmark.gateway import queries
from plumbmark.gateway.call_display import call_context
from plumbmark.gateway.catalogue import prices
from plumbmark.gateway.models import Call, Deployment, Grant, LedgerLine
from plumbmark.gateway.recorded_calls import RecordedCall
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.test_streams import FORMATS, stream

TEXT = "one two three four"
INPUT_TOKENS, OUTPUT_TOKENS = len(TEXT) // 4 + 4, len(TEXT) // 4 + 1
ANSWER_COST = INPUT_TOKENS * 500 + OUTPUT_TOKENS * 3000
"""In nanodollars; a broken-off answer of the fake provider costs the same."""


def ask(
    grant: Grant, deployment: Deployment, request: ModelRequest, *, streams: bool
) -> CallResult:
    if not streams:
        return rows.call_one(grant, deployment, request)
    ending = stream(grant, deployment, request)[1]
    assert ending is not None
    return ending


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("wire_format", FORMATS)
def test_the_bill_has_every_attempt_and_the_payer_pays_the_answer(
    store: Store, fake_provider: FakeProvider, wire_format: str, streams: bool
) -> None:
    fake_provider.configure(first_faults=["break-off", "break-off"])
    deployment = rows.deployment(fake_provider.url, "echo", provider=wire_format)
    grant = rows.grant(rows.namespace(), deployment)

    result = ask(grant, deployment, rows.ask(TEXT), streams=streams)

    assert result.response is not None
    assert (result.attempts, result.charged) == (3, ANSWER_COST)
    assert result.provider_cost == 3 * ANSWER_COST
    assert result.cost_before_answer == 2 * ANSWER_COST
    call = Call.objects.get()
    assert [one["cost_nanodollars"] for one in call.attempts] == [ANSWER_COST] * 3
    tokens = [(one["input_tokens"], one["output_tokens"]) for one in call.attempts[:2]]
    assert tokens == [(INPUT_TOKENS, OUTPUT_TOKENS)] * 2
    assert (call.charged, call.provider_cost) == (ANSWER_COST, 3 * ANSWER_COST)
    assert (call.input_tokens, call.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)
    settled = LedgerLine.objects.get(kind="settle")
    assert (settled.charged, settled.provider_cost) == (ANSWER_COST, ANSWER_COST)
    borne = LedgerLine.objects.get(kind="overrun")
    assert (borne.charged, borne.provider_cost) == (0, 2 * ANSWER_COST)
    assert "attempts that broke off before the answers of 1 call" in borne.reason
    assert rows.assert_books_agree().spent == ANSWER_COST


def test_an_answer_without_broken_attempts_says_nothing_by_attempt(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(first_faults=["500"])
    deployment = rows.deployment(fake_provider.url, "echo")
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment, rows.ask(TEXT))

    # What a provider refuses is not billed.
    assert (result.attempts, result.charged, result.provider_cost) == (2, ANSWER_COST, ANSWER_COST)
    assert "usage" not in Call.objects.get().attempts[0]
    assert not LedgerLine.objects.filter(kind="overrun").exists()


def test_counts_from_the_head_of_a_stream_that_died_are_billed(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(first_faults=["head-alone"])
    deployment = rows.deployment(fake_provider.url, "echo", provider="anthropic")
    grant = rows.grant(rows.namespace(), deployment)

    result = ask(grant, deployment, rows.ask(TEXT), streams=True)

    first = Call.objects.get().attempts[0]
    assert (first["input_tokens"], first["output_tokens"]) == (INPUT_TOKENS, 1)
    assert first["cost_nanodollars"] == INPUT_TOKENS * 500 + 3000
    assert result.charged == ANSWER_COST
    assert result.provider_cost == ANSWER_COST + INPUT_TOKENS * 500 + 3000


@pytest.mark.parametrize(
    ("fault", "streams"),
    [("head-alone", True), ("truncate", False), ("drop", False), ("drop", True)],
)
def test_an_attempt_that_told_nothing_says_so(
    store: Store, fake_provider: FakeProvider, fault: str, streams: bool
) -> None:
    fake_provider.configure(first_faults=[fault])
    deployment = rows.deployment(fake_provider.url, "echo")
    grant = rows.grant(rows.namespace(), deployment)

    result = ask(grant, deployment, rows.ask(TEXT), streams=streams)

    call = Call.objects.get()
    assert call.attempts[0]["usage"] == "not known"
    assert "cost_nanodollars" not in call.attempts[0]
    assert "usage" not in call.attempts[1]
    assert (result.charged, result.provider_cost) == (ANSWER_COST, ANSWER_COST)


def test_what_is_not_known_and_what_is_billed_stands_on_the_page(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(first_faults=["break-off", "drop"])
    deployment = rows.deployment(fake_provider.url, "echo")
    rows.call_one(rows.grant(rows.namespace(), deployment), deployment, rows.ask(TEXT))

    call = Call.objects.select_related("deployment").get()
    shown: Any = call_context(RecordedCall("candidate", call, None, None, "withheld"))["attempts"]

    values = [{fact["key"]: fact["value"] for fact in attempt} for attempt in shown]
    assert values[0]["Provider's bill"] == "0.000019 USD"
    assert values[1]["usage"] == "not known"


def test_a_call_that_fails_at_last_is_not_charged_and_its_attempts_are_billed(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(first_faults=["break-off"] * 6)
    deployment = rows.deployment(fake_provider.url, "echo", deadline_seconds=1.0)
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment, rows.ask(TEXT))

    call = Call.objects.get()
    told = sum(one.get("cost_nanodollars", 0) for one in call.attempts)
    assert told >= ANSWER_COST
    assert (result.charged, result.provider_cost) == (0, told)
    assert rows.assert_books_agree().spent == 0


def test_on_a_users_own_key_nothing_is_charged_and_all_is_told(
    store: Store, fake_provider: FakeProvider, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_PROVIDERS = True
    fake_provider.configure(first_faults=["break-off"])
    payer = rows.namespace(day_cap=0, month_cap=0)
    deployment = rows.deployment(fake_provider.url, "echo", owner=payer)

    result = rows.call_one(rows.grant(payer, deployment), deployment, rows.ask(TEXT))

    assert (result.charged, result.provider_cost) == (0, 2 * ANSWER_COST)
    assert result.provider_cost - result.cost_before_answer == ANSWER_COST


def test_an_overrun_beside_a_broken_attempt_is_told_apart(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(first_faults=["break-off"])
    deployment = rows.deployment(fake_provider.url, "hidden-reasoning")
    grant = rows.grant(rows.namespace(), deployment)
    request = rows.ask("hi", tokens=8)
    bound = queries.request_bound(request, deployment.price_cards.get(), deployment)

    result = rows.call_one(grant, deployment, request)

    assert result.charged == bound == prices.bound_call_cost(deployment.price_cards.get(), request)
    each = result.provider_cost // 2
    assert result.cost_before_answer == each
    borne = LedgerLine.objects.get(kind="overrun")
    assert borne.provider_cost == result.provider_cost - bound
    assert "the rest above what was reserved" in borne.reason
    assert sum(LedgerLine.objects.values_list("provider_cost", flat=True)) == result.provider_cost
    rows.assert_books_agree()


def test_an_answer_found_again_still_tells_its_broken_attempts(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(first_faults=["break-off"])
    deployment = rows.deployment(fake_provider.url, "echo")
    grant = rows.grant(rows.namespace(), deployment)
    rows.call_one(grant, deployment, rows.ask(TEXT))
    key = Call.objects.get().key

    found = queries.recorded_answers(grant_id=grant.pk, keys=[key])[key]

    assert (found.provider_cost, found.cost_before_answer) == (2 * ANSWER_COST, ANSWER_COST)


@pytest.mark.parametrize("wire_format", FORMATS)
def test_a_stream_that_its_client_cuts_costs_what_was_set_aside_and_the_bill_has_both(
    store: Store, fake_provider: FakeProvider, wire_format: str
) -> None:
    fake_provider.configure(chunk_ms=20, first_faults=["break-off"])
    deployment = rows.deployment(fake_provider.url, "echo", provider=wire_format)
    grant = rows.grant(rows.namespace(), deployment)
    request = rows.ask(TEXT)

    stream(grant, deployment, request, most=1)

    call, bound = Call.objects.get(), rows.bound_of(deployment, request)
    assert (call.status, call.error_code) == ("answered", "reader-left")
    assert (call.charged, call.provider_cost) == (bound, bound + ANSWER_COST)
    assert [one["cost_nanodollars"] for one in call.attempts] == [ANSWER_COST, bound]
    assert LedgerLine.objects.get(kind="overrun").provider_cost == ANSWER_COST
    assert rows.assert_books_agree().spent == bound


def test_a_cut_stream_on_a_users_own_key_has_an_estimate_beside_what_was_told(
    store: Store, fake_provider: FakeProvider, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_PROVIDERS = True
    fake_provider.configure(chunk_ms=20, first_faults=["break-off"])
    payer = rows.namespace(day_cap=0, month_cap=0)
    deployment = rows.deployment(fake_provider.url, "echo", owner=payer)
    request = rows.ask(TEXT)

    pieces, _ = stream(rows.grant(payer, deployment), deployment, request, most=1)

    call = Call.objects.get()
    passed = "".join(piece.text for piece in pieces)
    estimate = prices.cost(deployment.price_cards.get(), prices.estimate_usage(request, passed))
    assert call.charged == 0
    assert call.provider_cost >= ANSWER_COST + estimate > ANSWER_COST
    assert call.attempts[0]["cost_nanodollars"] == ANSWER_COST
    assert sum(one["cost_nanodollars"] for one in call.attempts) == call.provider_cost
