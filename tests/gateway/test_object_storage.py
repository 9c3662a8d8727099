"""Exchanges in an object storage: a real server, both databases, and what fails."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from plumbmark.common.clock import shift_clock
from plumbmark.config import env
from plumbmark.gateway import actions, queries
from plumbmark.gateway.budget import ledger
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Call, Deployment, Exchange, ExchangeObject, Grant
from plumbmark.gateway.storage import exchanges, recovery
from plumbmark.gateway.storage.exchanges import ExchangesAway, StorageAway
from plumbmark.gateway.storage.records import decompress
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.http.inside import ask as ask_route
from tests.gateway.http.servers import token_of
from tests.gateway.processes import Worker
from tests.gateway.test_pages import client_of, page
from tests.object_server import BUCKET, KEY_ID, SECRET, ObjectServer

PREFIX = "bench/exchanges"
AWAY = "cannot be read at the moment"
LATER = exchanges.SWEEP_AGE + timedelta(minutes=1)
MUCH_LATER = exchanges.ORPHAN_AGE + timedelta(minutes=1)


@pytest.fixture(scope="module")
def server_process() -> Iterator[ObjectServer]:
    with ObjectServer() as server:
        yield server


@pytest.fixture
def server(
    server_process: ObjectServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ObjectServer]:
    for name, value in server_process.environment(PREFIX).items():
        monkeypatch.setenv(name, value)
    settings.STORAGES = {
        **settings.STORAGES,
        "exchanges": {
            "BACKEND": "plumbmark.gateway.storage.object_storage.ObjectStorage",
            "OPTIONS": env.object_storage(
                "PLUMBMARK_EXCHANGE_STORAGE",
                endpoint=server_process.endpoint,
                region="us-east-1",
                key_id=KEY_ID,
                secret_key=SECRET,
            ),
        },
    }
    monkeypatch.setattr(exchanges, "health", exchanges._Health())
    monkeypatch.setattr(exchanges, "WRITE_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(exchanges, "READ_PAUSE_SECONDS", 0.0)
    yield server_process
    server_process.stop()
    server_process.start()
    server_process.empty()


@pytest.fixture(autouse=True)
def quick_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plumbmark.gateway.storage.recorder.FLUSH_SECONDS", 0.05)


def make_calls(
    provider: FakeProvider, texts: list[str], *, handle: str = "anna"
) -> tuple[Grant, Deployment]:
    payer = rows.namespace(handle)
    deployment = Deployment.objects.first() or rows.deployment(provider.url)
    grant = rows.grant(payer, deployment)
    rows.call_all(grant, deployment, [rows.ask(text) for text in texts])
    return grant, deployment


def asked(exchange: Exchange) -> str:
    document = decompress(exchanges.read_body(exchange))
    return str(document["request"]["messages"][-1]["content"])


def texts() -> set[str]:
    return {asked(exchange) for exchange in Exchange.objects.filter(withheld_at=None)}


def move(*arguments: str) -> str:
    out = StringIO()
    call_command("move_exchanges", *arguments, stdout=out)
    return out.getvalue()


def sweep(*arguments: str) -> str:
    out = StringIO()
    call_command("sweep_exchange_objects", *arguments, stdout=out)
    return out.getvalue()


def test_a_batch_of_exchanges_is_one_private_object(
    any_store: Store, fake_provider: FakeProvider, server: ObjectServer
) -> None:
    wanted = [f"What is {n}+{n}? {'x' * 40 * n}" for n in range(40)]
    make_calls(fake_provider, wanted)

    assert texts() == set(wanted)
    stored = Exchange.objects.all()
    assert all(bytes(one.body) == b"" and one.hash.startswith("h1:") for one in stored)
    keys = server.keys()
    assert len(keys) == ExchangeObject.objects.count() < 10
    assert all(key.startswith(f"{PREFIX}/") for key in keys)
    # Each byte of an object is exactly one call's.
    assert len(server.content()) == sum(one.length or 0 for one in stored)
    grants = server.client.get_object_acl(Bucket=BUCKET, Key=keys[0])["Grants"]
    assert [one["Grantee"]["Type"] for one in grants] == ["CanonicalUser"]


def test_many_are_read_with_few_requests(
    store: Store, fake_provider: FakeProvider, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_calls(fake_provider, [f"{n}+{n}" for n in range(60)])
    reads = []
    storage: Any = storages["exchanges"]
    read = storage.get_range
    monkeypatch.setattr(
        storage, "get_range", lambda key, *span: reads.append(key) or read(key, *span)
    )

    found = list(Exchange.objects.all())
    with CaptureQueriesContext(connection) as asked_for:
        exchanges.read_bodies(found)

    assert len(reads) == ExchangeObject.objects.count()
    assert len(asked_for) == 1


def test_a_flush_that_is_tried_again_writes_no_second_object(
    any_store: Store,
    fake_provider: FakeProvider,
    server: ObjectServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle = ledger.settle
    breaks = iter([True, True])

    def break_twice(**arguments: Any) -> Any:
        if arguments["records"] and next(breaks, False):
            raise OperationalError("the server closed the connection")
        return settle(**arguments)

    monkeypatch.setattr(ledger, "settle", break_twice)

    make_calls(fake_provider, ["1+1"])

    assert Exchange.objects.count() == len(server.keys()) == 1
    assert texts() == {"1+1"}


def test_calls_are_answered_and_stored_while_the_storage_is_away(
    any_store: Store,
    fake_provider: FakeProvider,
    server: ObjectServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    grant, deployment = make_calls(fake_provider, ["1+1"])
    server.stop()
    rows.call_all(grant, deployment, [rows.ask("2+2"), rows.ask("3+3")], keys=["a", "b"])

    inside = Exchange.objects.filter(stored_in=None)
    assert {asked(one) for one in inside} == {"2+2", "3+3"}
    assert rows.assert_books_agree().spent > 0
    assert "the storage of exchanges does not answer" in caplog.text
    ready = ask_route("/readyz")
    assert (ready.status, ready.json) == (
        200,
        {"status": "ready", "impaired": ["exchange-storage"]},
    )

    server.start()
    rows.call_all(grant, deployment, [rows.ask("4+4")], keys=["c"])

    assert "answers again; `manage.py move_exchanges --since" in caplog.text
    assert ask_route("/readyz").json == {"status": "ready"}
    assert "2 exchanges moved" in move("--since", "2020-01-01")
    assert not Exchange.objects.filter(stored_in=None).exists()
    assert texts() == {"1+1", "2+2", "3+3", "4+4"}


def test_readers_are_told_while_the_storage_is_away(
    store: Store, fake_provider: FakeProvider, server: ObjectServer
) -> None:
    grant, _ = make_calls(fake_provider, ["1+1"])
    call = Call.objects.get()
    client = client_of(grant.payer)
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {token_of(grant.payer, 'read')}"}
    assert json.loads(client.get(f"/calls/{call.pk}/exchange/").content)["request"]
    server.stop()

    assert AWAY in page(client, f"/calls/{call.pk}/")
    file = client.get(f"/calls/{call.pk}/exchange/")
    assert file.status_code == 503
    assert AWAY in file.content.decode()
    told = Client().get(f"/api/v1/calls/{call.pk}", **bearer)
    assert told.status_code == 200
    assert told.json()["request"] is None
    assert AWAY in told.json()["note"]
    # To ask a model again for what is recorded would be to pay for it again.
    with pytest.raises(ExchangesAway):
        queries.recorded_answers(grant_id=grant.pk, keys=["run:1:0"])

    server.start()
    assert queries.recorded_answers(grant_id=grant.pk, keys=["run:1:0"]).keys() == {"run:1:0"}
    assert AWAY not in page(client, f"/calls/{call.pk}/")


def test_readers_do_not_wait_one_after_another_for_a_storage_that_is_away(
    store: Store, fake_provider: FakeProvider, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_calls(fake_provider, ["1+1"])
    server.stop()
    exchange = Exchange.objects.get()
    with pytest.raises(ExchangesAway):
        exchanges.read_body(exchange)
    server.start()
    monkeypatch.setattr(exchanges, "READ_PAUSE_SECONDS", 3600.0)

    # It would answer, and is not asked.
    with pytest.raises(ExchangesAway):
        exchanges.read_body(exchange)

    monkeypatch.setattr(exchanges, "READ_PAUSE_SECONDS", 0.0)
    assert asked(exchange) == "1+1"


def test_an_object_that_is_gone_or_cut_short_is_no_exchange(
    store: Store,
    fake_provider: FakeProvider,
    server: ObjectServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_calls(fake_provider, ["1+1"])
    (key,) = server.keys()
    server.client.put_object(Bucket=BUCKET, Key=key, Body=server.content()[:-5])

    with pytest.raises(ExchangesAway):
        exchanges.read_body(Exchange.objects.get())

    server.client.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ExchangesAway):
        exchanges.read_body(Exchange.objects.get())
    # Others can be read, and are.
    assert not exchanges.health.is_away
    assert caplog.text.count("is not in the storage that has it") == 2


def test_what_is_erased_leaves_the_storage_and_the_rest_stays(
    any_store: Store, fake_provider: FakeProvider, server: ObjectServer
) -> None:
    deployment = rows.deployment(fake_provider.url)
    kept, erased = (rows.grant(rows.namespace(who), deployment) for who in ("anna", "bert"))
    rows.call_all(kept, deployment, [rows.ask("1+1 kept")], keys=["a"], flush=False)
    rows.call_all(erased, deployment, [rows.ask("2+2 erased")], keys=["b"])
    # In one object, as calls of the same half second are.
    exchanges.move(list(Exchange.objects.order_by("pk")))
    before = ExchangeObject.objects.get(exchanges__call__grant=kept)
    hashes = set(Exchange.objects.values_list("hash", flat=True))

    assert actions.withhold_exchanges(grant_ids=[erased.pk], reason="A court's order.") == 1

    assert texts() == {"1+1 kept"}
    assert set(Exchange.objects.values_list("hash", flat=True)) == hashes
    # A flush that is tried again might still name the object.
    sweep()
    assert b"2+2 erased" in server.content()
    with shift_clock(LATER):
        sweep()
    assert b"2+2 erased" not in server.content()
    assert texts() == {"1+1 kept"}
    assert not ExchangeObject.objects.filter(pk=before.pk).exists()
    assert len(server.keys()) == ExchangeObject.objects.count() == 1

    actions.withhold_exchanges(grant_ids=[kept.pk], reason="A court's order.")
    with shift_clock(2 * LATER):
        assert sweep().startswith("1 objects removed")
    assert server.keys() == []


def test_a_sweep_that_breaks_off_is_finished_by_the_next(
    store: Store, fake_provider: FakeProvider, server: ObjectServer
) -> None:
    grant, _ = make_calls(fake_provider, ["1+1"])
    actions.withhold_exchanges(grant_ids=[grant.pk], reason="Old.")
    server.stop()
    with shift_clock(LATER), pytest.raises(CommandError, match="does not answer"):
        sweep()
    server.start()

    with shift_clock(LATER):
        sweep()

    assert server.keys() == []
    assert not ExchangeObject.objects.exists()


def test_a_killed_process_leaves_every_exchange_readable(
    any_store: Store, fake_provider: FakeProvider, server: ObjectServer
) -> None:
    fake_provider.configure(latency_ms=20)
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    environment = {**any_store.environment, **server.environment(PREFIX)}
    store = Store(any_store.kind, any_store.config, environment, any_store.spool)
    worker = Worker(store, grant, deployment, calls=0)
    worker.start()
    worker.wait_for_answers(600)
    worker.kill()

    answers = worker.answers()
    recovery.recover(any_store.spool)

    stored = {call.key: call for call in Call.objects.filter(status="answered")}
    assert answers.keys() <= stored.keys()
    bodies = exchanges.read_bodies(list(Exchange.objects.filter(call__status="answered")))
    for key, call in stored.items():
        number = key.split(":")[1]
        wanted = f"What is {number}+{number}?"
        assert decompress(bodies[call.pk])["request"]["messages"][0]["content"] == wanted
    assert not Exchange.objects.filter(call__status="answered", stored_in=None).exists()
    rows.assert_books_agree()


def test_what_a_crash_left_is_found_and_nothing_that_is_needed(
    any_store: Store, fake_provider: FakeProvider, server: ObjectServer
) -> None:
    make_calls(fake_provider, ["1+1"])
    known = server.keys()
    server.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/2026/01/01/left", Body=b"by a crash")
    server.client.put_object(Bucket=BUCKET, Key="somebody/elses", Body=b"never touched")

    # Perhaps its transaction is still to come.
    assert list(exchanges.orphans()) == []
    with shift_clock(MUCH_LATER):
        assert list(exchanges.orphans()) == ["2026/01/01/left"]
        assert "1 unknown left" in sweep()
        assert "1 unknown deleted" in sweep("--delete-unknown")

    assert sorted(server.keys()) == sorted([*known, "somebody/elses"])
    assert texts() == {"1+1"}


def test_rows_that_are_deleted_in_another_way_leave_no_object(
    store: Store, fake_provider: FakeProvider, server: ObjectServer
) -> None:
    make_calls(fake_provider, ["1+1"])
    Exchange.objects.all().delete()

    with shift_clock(MUCH_LATER):
        sweep()

    assert server.keys() == []


def test_a_call_that_waited_long_for_the_database_is_written_anew(
    store: Store, fake_provider: FakeProvider, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a sweep might have taken its object for one that nobody needs."""
    settle = ledger.settle
    is_away = True

    def maybe_away(**arguments: Any) -> Any:
        if is_away and arguments["records"]:
            raise OperationalError("away")
        return settle(**arguments)

    monkeypatch.setattr(ledger, "settle", maybe_away)
    monkeypatch.setattr(exchanges, "_PLACE_SECONDS", 0.0)
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    rows.call_all(grant, deployment, [rows.ask("1+1")], flush=False)
    while len(server.keys()) < 2:
        pass
    is_away = False
    runtime.shutdown()

    named = ExchangeObject.objects.get().key
    written = server.keys()
    assert f"{PREFIX}/{named}" in written
    assert len(written) >= 2
    assert texts() == {"1+1"}


def test_moving_continues_after_an_interruption_and_goes_back(
    any_store: Store,
    fake_provider: FakeProvider,
    server: ObjectServer,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = settings.STORAGES
    settings.STORAGES = {name: elsewhere[name] for name in elsewhere if name != "exchanges"}
    wanted = {f"{n}+{n} {'y' * 300}" for n in range(30)}
    make_calls(fake_provider, sorted(wanted))
    before = dict(Exchange.objects.values_list("call_id", "body"))
    with pytest.raises(CommandError, match="names no storage"):
        move()
    settings.STORAGES = elsewhere
    # Batches of about seven, of which the third finds nobody.
    monkeypatch.setattr(exchanges, "MAX_OBJECT_BYTES", 7 * len(next(iter(before.values()))) + 9)
    put = type(storages["exchanges"]).put
    counts = iter(range(100))

    def put_twice(self: Any, key: str, data: bytes) -> None:
        if next(counts) == 2:
            raise StorageAway("gone")
        put(self, key, data)

    monkeypatch.setattr(type(storages["exchanges"]), "put", put_twice)
    with pytest.raises(CommandError, match="are moved; start the command again"):
        move()
    assert 0 < Exchange.objects.filter(stored_in=None).count() < 30
    assert texts() == wanted

    move()

    assert not Exchange.objects.filter(stored_in=None).exists()
    assert texts() == wanted
    assert "30 exchanges moved" in move("--back")
    assert {key: bytes(body) for key, body in before.items()} == {
        one.call_id: bytes(one.body) for one in Exchange.objects.all()
    }
    with shift_clock(LATER):
        sweep()
    assert server.keys() == []


def test_what_is_erased_while_it_is_moved_stays_erased(
    store: Store, fake_provider: FakeProvider, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant, _ = make_calls(fake_provider, ["1+1"])
    write = exchanges._write_object

    def erase_meanwhile(bodies: Any) -> Any:
        places = write(bodies)
        actions.withhold_exchanges(grant_ids=[grant.pk], reason="Old.")
        return places

    monkeypatch.setattr(exchanges, "_write_object", erase_meanwhile)
    assert exchanges.move(list(Exchange.objects.all())) == 0
    monkeypatch.undo()

    assert Exchange.objects.get().is_withheld


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("https://bucket.example/x", "must be s3://bucket"),
        ("s3:///prefix", "must be s3://bucket"),
        ("s3://key:secret@bucket", "must be s3://bucket"),
    ],
)
def test_an_address_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str, problem: str
) -> None:
    monkeypatch.setenv("A_STORAGE", address)

    with pytest.raises(env.BadSetting, match=problem) as refused:
        env.object_storage("A_STORAGE")

    assert "secret@" not in str(refused.value)


def test_half_a_key_is_refused_and_none_is_the_machines_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("A_STORAGE", "s3://bucket")
    options = env.object_storage("A_STORAGE")
    assert options is not None
    assert (options["location"], options["access_key"]) == ("", None)

    with pytest.raises(env.BadSetting, match="must be set together"):
        env.object_storage("A_STORAGE", key_id="me")
