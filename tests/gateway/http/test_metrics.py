"""What a gateway's process counts, scraped over HTTP."""

from pathlib import Path

from plumbmark.accounts.models import Namespace
from tests.exposition import Exposition
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.http.servers import Server, ask, serving, token_of

TOKEN = "a-token-of-the-metrics"


def scrape(server: Server) -> Exposition:
    answer = ask(f"{server.url}/metrics", token=TOKEN)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Exposition(answer.body.decode())


def test_calls_are_counted_by_deployment_and_outcome(
    store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    payer: Namespace = rows.namespace("hidden-anna")
    poor = token_of(rows.namespace("hidden-bert", day_cap=1))
    token = token_of(payer)
    rows.deployment(fake_provider.url)
    rows.deployment(fake_provider.url, "words:30")
    rows.deployment(fake_provider.url, "echo", slug="hidden-anna/mine", owner=payer)
    messages = [{"role": "user", "content": "What is 2+3?"}]
    with serving(store, tmp_path, metrics_token=TOKEN, allow_private_providers="1") as server:

        def call(model: str, by: str = token, **more: object) -> int:
            body = {"model": model, "messages": messages, **more}
            return ask(f"{server.url}/v1/chat/completions", body, by).status

        assert [call("fake/arithmetic") for _ in range(3)] == [200] * 3
        assert call("fake/words:30", stream=True) == 200
        assert call("hidden-anna/mine") == 200
        assert call("fake/arithmetic", poor) == 402
        assert ask(f"{server.url}/hidden/path").status == 404
        fake_provider.configure(faults={"500": 1.0})
        assert call("fake/arithmetic") == 502
        found = scrape(server)
        attempts = fake_provider.stats()["total"]

        assert ask(f"{server.url}/metrics").status == 401
        assert ask(f"{server.url}/metrics", token=token).status == 401

    mine = {"provider": "openai", "deployment": "fake/arithmetic"}
    calls = "plumbmark_calls_total"
    assert found.sum(calls) == 6
    assert found.sum(calls, **mine, outcome="answered") == 3
    assert found.sum(calls, **mine, outcome="provider_error") == 1
    assert found.sum(calls, deployment="(people's own)", outcome="answered") == 1
    assert found.sum("plumbmark_calls_refused_total", reason="quota") == 1
    assert found.sum("plumbmark_call_retries_total", **mine) == attempts - 1 > 0
    assert found.sum("plumbmark_call_duration_seconds_count", **mine) == 4
    first = "plumbmark_call_first_chunk_seconds_count"
    assert found.sum(first, deployment="fake/words:30") == found.sum(first) == 1
    assert found.sum("plumbmark_call_slots", **mine) >= 1
    assert found.sum("plumbmark_call_slots_used") == found.sum("plumbmark_calls_in_flight") == 0
    requests = "plumbmark_http_requests_total"
    assert found.sum(requests, route="/v1/chat/completions", method="POST", status="200") == 5
    assert found.sum(requests, route="(none)", status="404") == 1
    assert {one.labels["process"].split(":")[1] for one in found.samples} == {"gateway-1"}
    assert not [value for value in found.label_values if "hidden" in value or "pm" in value]


def test_calls_in_flight_are_seen(
    store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    from tests.gateway.http.test_serving import Crowd

    fake_provider.configure(hold=0)
    token = token_of(rows.namespace())
    rows.deployment(fake_provider.url)
    with serving(store, tmp_path, metrics_token=TOKEN) as server:
        crowd = Crowd(server, token, 6)
        fake_provider.wait_for_calls(4)

        busy = scrape(server)
        fake_provider.go_on()
        assert crowd.result() == [200] * 6

    # Four slots to begin with.
    assert busy.sum("plumbmark_call_slots_used", deployment="fake/arithmetic") == 4
    assert busy.sum("plumbmark_calls_in_flight") >= 4


def test_without_the_setting_there_are_no_metrics(store: Store, tmp_path: Path) -> None:
    with serving(store, tmp_path, metrics_token="") as server:
        assert ask(f"{server.url}/metrics", token=TOKEN).status == 404
