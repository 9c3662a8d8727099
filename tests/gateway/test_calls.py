"""The way of a call through the gateway, from the hold to the stored exchange."""

import asyncio
import json
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from plumbmark.engine.ports import CallFailure, FailureKind, FinishReason
from plumbmark.gateway import actions, queries
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.catalogue.credentials import put_secret
from plumbmark.gateway.models import (
    BudgetLease,
    Call,
    Credential,
    Exchange,
    LedgerLine,
)
from plumbmark.gateway.storage.records import decompress
from plumbmark.manifests import content_hash
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store

SECRET = "sk-live-9876543210fedcba"  # not a credential of anything


def failure_of(result: Any) -> CallFailure:
    assert result.failure is not None, result
    assert result.response is None
    failure: CallFailure = result.failure
    return failure


def test_an_answered_call_is_recorded_and_charged(
    any_store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment, rows.ask("What is 2+3?", temperature=0.0))

    assert result.response is not None
    assert result.response.text == "5"
    assert result.attempts == 1
    call = Call.objects.select_related("exchange", "ledger_line").get()
    assert call.pk == result.call_id
    assert (call.status, call.key, call.role) == ("answered", "run:1:0", "candidate")
    assert call.upstream_model == "arithmetic-2026-01-01"
    assert call.finish_reason == "stop"
    # 7 tokens in at 0.5, 1 out at 3 USD per million.
    assert (call.input_tokens, call.output_tokens) == (7, 1)
    assert call.charged == call.provider_cost == result.charged == 6500
    assert call.attempts[0]["status"] == 200
    assert call.ledger_line is not None
    assert call.ledger_line.reason == "run:1: 1 call answered"
    exchange = decompress(bytes(call.exchange.body))
    assert exchange["request"]["messages"][0]["content"] == "What is 2+3?"
    assert exchange["response"]["choices"][0]["message"]["content"] == "5"
    assert call.exchange.hash == content_hash(exchange)
    assert rows.assert_books_agree().spent == 6500


def test_no_statement_is_made_per_call(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    statements = 0

    async def count(run: Any) -> int:
        """Count the statements that the gateway's database thread makes meanwhile."""
        made: list[str] = []

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            made.append(sql)
            return execute(sql, params, many, context)

        database = runtime.gateway().database
        await database.run(lambda: connection.execute_wrappers.append(note))
        await run()
        await database.run(lambda: connection.execute_wrappers.remove(note))
        return len(made)

    async def work() -> int:
        caller = await runtime.gateway().caller(grant_id=grant.pk, deployment_id=deployment.pk)
        await asyncio.gather(
            *(caller.call(rows.ask(), key=f"warm{n}", role="candidate") for n in range(64))
        )
        await caller.flush()

        async def run() -> None:
            # Well under a flush's half second, so that what is counted is the hot path alone.
            for n in range(20):
                result = await caller.call(rows.ask(), key=f"hot{n}", role="candidate")
                assert result.response is not None

        return await count(run)

    statements = runtime.run(work())

    # One flush may fall in between: a handful of statements, not one per call.
    assert statements <= 14


@pytest.mark.parametrize("fault", ["429", "500", "drop", "truncate", "break-off"])
def test_a_fault_is_retried_until_the_answer_comes(
    store: Store, fake_provider: FakeProvider, fault: str
) -> None:
    fake_provider.configure(faults={fault: 0.5}, retry_after=0.02, seed=3)
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    asked = [rows.ask(f"What is {n}+{n}?") for n in range(12)]

    results = rows.call_all(grant, deployment, asked)

    for n, result in enumerate(results):
        assert result.response is not None, result
        assert result.response.text == str(2 * n)
    stats = fake_provider.stats()
    assert stats["total"] == sum(result.attempts for result in results) > 12
    assert stats["answered"] == 12
    retried = Call.objects.filter(charged__gt=0).exclude(attempts__1=None).first()
    assert retried is not None
    first = retried.attempts[0]
    assert first.get("status") == int(fault) if fault.isdigit() else first["error"]
    assert rows.assert_books_agree().spent == sum(result.charged for result in results)


def test_a_rate_limit_pauses_the_calls_of_its_own_credential_alone(
    store: Store, fake_provider: FakeProvider
) -> None:
    anna = rows.namespace()
    deployments = []
    for name in ("first", "second"):
        credential = Credential(name=name)
        put_secret(credential, f"{SECRET}-{name}")
        credential.save()
        deployments.append(
            rows.deployment(
                fake_provider.url, slug=f"fake/{name}", credential=credential, deadline_seconds=1
            )
        )
    first, second = deployments
    fake_provider.configure(faults={"429": 1.0}, retry_after=30)
    limited = rows.call_one(rows.grant(anna, first), first)
    fake_provider.configure(faults={})

    answered = rows.call_one(rows.grant(anna, second), second)

    assert failure_of(limited).kind is FailureKind.RATE_LIMITED
    assert answered.response is not None
    assert Call.objects.get(pk=answered.call_id).attempts[0]["waited_ms"] < 10_000


def test_a_stalled_attempt_ends_at_its_deadline_and_is_not_charged(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url, "always-stall", deadline_seconds=0.5)
    grant = rows.grant(rows.namespace(), deployment)

    failure = failure_of(result := rows.call_one(grant, deployment))

    assert (failure.kind, failure.code) == (FailureKind.DEADLINE, "deadline")
    assert result.charged == 0
    assert Call.objects.get().status == Call.Status.FAILED
    assert rows.assert_books_agree().spent == 0


def test_a_fatal_failure_is_not_retried(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(fake_provider.url, "never-heard-of")
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment)

    assert failure_of(result).fatal
    assert result.attempts == fake_provider.stats()["total"] == 1
    call = Call.objects.select_related("exchange").get()
    assert (call.status, call.error_code, call.charged) == ("failed", "unknown-model", 0)
    assert "does not exist" in json.dumps(decompress(bytes(call.exchange.body)))


def test_a_credential_is_sent_but_never_kept(
    store: Store, fake_provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    fake_provider.configure(key=SECRET)
    credential = Credential(name="key")
    put_secret(credential, SECRET)
    credential.save()
    deployment = rows.deployment(fake_provider.url, "echo-key", credential=credential)
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment)

    assert result.response is not None
    assert result.response.text == "you said [credential]"
    spooled = b"".join(path.read_bytes() for path in store.spool.iterdir())
    stored = repr(list(Call.objects.values())) + repr(
        [decompress(bytes(exchange.body)) for exchange in Exchange.objects.all()]
    )
    assert SECRET.encode() not in spooled
    assert SECRET not in stored + caplog.text + repr(result)
    assert SECRET.encode() not in bytes(credential.encrypted_secret or b"")


def test_a_platform_deployment_without_a_price_refuses(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url, priced=False)
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment)

    failure = failure_of(result)
    assert (failure.code, failure.fatal, result.attempts) == ("no-price", True, 0)
    assert fake_provider.stats()["total"] == 0
    assert not Call.objects.exists()


def test_an_explicit_price_of_zero_is_free(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(fake_provider.url, priced=False)
    rows.price(deployment, 0, 0)
    grant = rows.grant(rows.namespace(day_cap=0, month_cap=0), deployment)

    result = rows.call_one(grant, deployment)

    assert result.response is not None
    assert result.charged == 0


def test_a_users_own_deployment_runs_unmetered(
    store: Store, fake_provider: FakeProvider, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_PROVIDERS = True
    payer = rows.namespace(day_cap=0, month_cap=0)
    deployment = rows.deployment(fake_provider.url, owner=payer)
    grant = rows.grant(payer, deployment)

    result = rows.call_one(grant, deployment)

    assert result.response is not None
    assert (result.charged, result.provider_cost) == (0, 6500)
    assert rows.books().spent == 0


def test_a_users_deployment_in_a_private_network_is_refused(
    store: Store, fake_provider: FakeProvider
) -> None:
    payer = rows.namespace()
    deployment = rows.deployment(fake_provider.url, owner=payer)

    failure = failure_of(rows.call_one(rows.grant(payer, deployment), deployment))

    assert (failure.code, failure.fatal) == ("private-address", True)
    assert fake_provider.stats()["total"] == 0


@pytest.mark.parametrize("case", ["closed", "expired", "other", "off"])
def test_a_grant_serves_only_what_it_names_and_while_it_holds(store: Store, case: str) -> None:
    deployment = rows.deployment("", "echo", slug="baseline/echo")
    other = rows.deployment("", "constant", slug="baseline/constant")
    grant = rows.grant(rows.namespace(), deployment)
    if case == "closed":
        actions.close_grant(grant=grant)
    elif case == "expired":
        grant.expires_at = timezone.now() - timedelta(seconds=1)
        grant.save()
    elif case == "off":
        deployment.is_active = False
        deployment.save()

    failure = failure_of(rows.call_one(grant, other if case == "other" else deployment))

    assert failure.fatal
    assert failure.code in {
        "grant-closed",
        "grant-expired",
        "deployment-not-granted",
        "deployment-off",
    }


def test_a_cost_above_the_hold_is_the_platforms(store: Store, fake_provider: FakeProvider) -> None:
    # 200 hidden reasoning tokens where at most 8 were asked for.
    deployment = rows.deployment(fake_provider.url, "hidden-reasoning")
    grant = rows.grant(rows.namespace(), deployment)
    request = rows.ask("hi", tokens=8)
    card = deployment.price_cards.get()

    result = rows.call_one(grant, deployment, request)

    bound = queries.request_bound(request, card, deployment)
    assert result.charged == bound < result.provider_cost
    overrun = LedgerLine.objects.get(kind="overrun")
    assert (overrun.charged, overrun.provider_cost) == (0, result.provider_cost - bound)
    assert sum(LedgerLine.objects.values_list("provider_cost", flat=True)) == result.provider_cost
    rows.assert_books_agree()


def test_a_model_that_bills_more_than_asked_has_its_own_bound(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(
        fake_provider.url, "hidden-reasoning", max_billed_output_tokens=1000
    )
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment, rows.ask("hi", tokens=8))

    assert result.charged == result.provider_cost
    assert not LedgerLine.objects.filter(kind="overrun").exists()


def test_missing_usage_is_estimated_and_flagged(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(fake_provider.url, "no-usage")
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment, rows.ask("x" * 400, tokens=64))

    call = Call.objects.get()
    assert call.usage_estimated
    assert (call.input_tokens, call.output_tokens) == (105, 64)
    assert result.charged > 0


def test_a_second_answer_to_a_key_is_charged_once(
    any_store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)

    rows.call_all(grant, deployment, [rows.ask()] * 3, keys=["same", "same", "other"])
    rows.call_all(grant, deployment, [rows.ask()] * 2, keys=["same", "other"])

    calls = Call.objects.values_list("key", "is_duplicate", "charged")
    assert sorted(calls) == [
        ("other", False, 6500),
        ("other", True, 0),
        ("same", False, 6500),
        ("same", True, 0),
        ("same", True, 0),
    ]
    assert rows.assert_books_agree().spent == 13_000
    assert sum(line.calls for line in LedgerLine.objects.filter(kind="loss")) == 3


def test_recorded_answers_are_found_again_by_key(
    any_store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url, "reasoning")
    grant = rows.grant(rows.namespace(), deployment)
    results = rows.call_all(grant, deployment, [rows.ask("a"), rows.ask("b")], keys=["a", "b"])

    found = queries.recorded_answers(grant_id=grant.pk, keys=["a", "b", "c"])

    assert set(found) == {"a", "b"}
    assert found["a"] == results[0]
    assert found["b"] == results[1]


def test_a_withheld_exchange_brings_no_answer_back(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    rows.call_one(grant, deployment)
    Exchange.objects.update(body=b"", withheld_at=timezone.now(), withheld_reason="erased")

    assert queries.recorded_answers(grant_id=grant.pk, keys=["run:1:0"]) == {}


def test_an_exhausted_limit_says_which_and_when_it_renews(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plumbmark.gateway.budget.leases.PATIENCE_SECONDS", 0.2)
    deployment = rows.deployment(fake_provider.url)
    payer = rows.namespace(day_cap=1000, month_cap=10**12)
    grant = rows.grant(payer, deployment)

    result = rows.call_one(grant, deployment)

    failure = failure_of(result)
    assert (failure.kind, failure.code, failure.fatal) == (
        FailureKind.QUOTA,
        "quota-exhausted",
        False,
    )
    assert "limit of the UTC day" in failure.message
    assert "renews on" in failure.message
    assert result.attempts == 0


def test_a_grants_cap_holds_beside_the_payers_limits(
    any_store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url)
    request = rows.ask(tokens=1)
    bound = queries.request_bound(request, deployment.price_cards.get(), deployment)
    grant = rows.grant(rows.namespace(), deployment, cap=bound + 6500)

    results = rows.call_all(grant, deployment, [request] * 5)

    # A second hold fits once the first has settled at its true cost; a third does not.
    assert sum(result.response is not None for result in results) == 2
    assert rows.books("grant").spent == 13_000
    refused = next(result for result in results if result.failure)
    assert failure_of(refused).code == "grant-exhausted"
    assert "cap of this grant" in failure_of(refused).message
    rows.assert_books_agree()


def test_a_cancelled_call_settles_and_its_cost_is_the_platforms(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(hold=0)
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)

    async def work() -> None:
        caller = await runtime.gateway().caller(grant_id=grant.pk, deployment_id=deployment.pk)
        task = asyncio.create_task(caller.call(rows.ask(), key="k", role="candidate"))
        await asyncio.to_thread(fake_provider.wait_for_calls, 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await caller.flush()
        await caller.release()

    runtime.run(work())

    call = Call.objects.get()
    assert (call.status, call.error_code, call.charged) == ("lost", "cancelled", 0)
    assert call.provider_cost > 0
    assert LedgerLine.objects.get(kind="loss").provider_cost == call.provider_cost
    day = rows.assert_books_agree()
    assert (day.spent, day.reserved) == (0, 0)


def test_an_answer_that_has_come_is_kept_though_its_caller_leaves(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(hold=0)
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)

    async def work() -> bool:
        gateway = runtime.gateway()
        caller = await gateway.caller(grant_id=grant.pk, deployment_id=deployment.pk)
        task = asyncio.create_task(caller.call(rows.ask(), key="k", role="candidate"))
        await asyncio.to_thread(fake_provider.wait_for_calls, 1)
        # So many go before it that it still waits for its turn when its caller leaves.
        assert gateway.turns is not None
        crowd = [asyncio.ensure_future(gateway.turns.mine()) for _ in range(50_000)]
        await asyncio.to_thread(fake_provider.go_on)
        (limit,) = gateway._limits.values()
        while limit.in_flight:  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for one in crowd:
            one.cancel()
        await caller.flush()
        await caller.release()
        return task.cancelled()

    assert runtime.run(work())

    call = Call.objects.get()
    assert (call.status, call.error_code) == ("answered", "")
    assert call.charged > 0
    rows.assert_books_agree()


def test_release_gives_the_rest_of_the_lease_back(
    any_store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)

    rows.release(grant, deployment)

    assert rows.assert_books_agree().reserved == 0
    assert LedgerLine.objects.filter(kind="release").exists()


def test_an_idle_lease_goes_back_by_itself(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plumbmark.gateway.budget.leases.IDLE_SECONDS", 0.1)
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    rows.call_one(grant, deployment)

    ends = time.monotonic() + 300
    while BudgetLease.objects.exists() and time.monotonic() < ends:
        time.sleep(0.02)

    assert rows.assert_books_agree().reserved == 0


def test_concurrency_stays_below_the_deployments_ceiling(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(hold=0)
    deployment = rows.deployment(fake_provider.url, max_concurrency=3)
    grant = rows.grant(rows.namespace(), deployment)

    def let_go() -> None:
        fake_provider.wait_for_calls(3)
        fake_provider.go_on()

    letting_go = threading.Thread(target=let_go)
    letting_go.start()
    rows.call_all(grant, deployment, [rows.ask(str(n)) for n in range(40)], window=40)
    letting_go.join()

    stats = fake_provider.stats()
    assert stats["max_in_flight"] == 3
    assert stats["connections"] == 3


def test_a_baseline_is_free_and_recorded(any_store: Store) -> None:
    payer = rows.namespace(day_cap=0, month_cap=0)
    deployment = actions.ensure_baselines()[1]
    grant = rows.grant(payer, deployment)

    result = rows.call_one(grant, deployment, rows.ask("Pick", extra={"choices": ["x", "y"]}))

    assert result.response is not None
    assert (result.response.text, result.response.finish_reason) == ("x", FinishReason.STOP)
    assert (result.charged, result.provider_cost) == (0, 0)
    again = queries.recorded_answers(grant_id=grant.pk, keys=["run:1:0"])
    assert again["run:1:0"].response == result.response


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini"])
def test_a_limit_above_the_models_becomes_the_models(
    store: Store, fake_provider: FakeProvider, name: str
) -> None:
    deployment = rows.deployment(fake_provider.url, "short-answers", provider=name)
    grant = rows.grant(rows.namespace(), deployment)

    first = rows.call_one(grant, deployment, rows.ask(tokens=32))
    again = rows.call_all(grant, deployment, [rows.ask(tokens=32)], keys=["again"])[0]
    below = rows.call_all(grant, deployment, [rows.ask(tokens=8)], keys=["below"])[0]

    assert first.response is not None
    assert first.response.text == "5"
    assert (first.attempts, first.max_output_tokens) == (2, 24)
    # What was learned once is not asked again.
    assert (again.attempts, again.max_output_tokens) == (1, 24)
    assert (below.attempts, below.max_output_tokens) == (1, None)
    assert rows.assert_books_agree().spent == sum(
        result.charged for result in (first, again, below)
    )


def test_a_limit_that_is_no_longer_the_models_is_lowered_again(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url, "short-answers")
    grant = rows.grant(rows.namespace(), deployment)

    async def remember() -> None:
        runtime.gateway().output_limits[(fake_provider.url, "short-answers")] = 30

    runtime.run(remember())
    result = rows.call_one(grant, deployment, rows.ask(tokens=32))

    assert result.response is not None
    assert (result.attempts, result.max_output_tokens) == (2, 24)
