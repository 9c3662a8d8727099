"""A call opened by its id: on its page and in the API, by who paid for it."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from plumbmark.accounts.models import Membership, Namespace
from plumbmark.gateway import actions
from plumbmark.gateway.catalogue.credentials import put_secret
from plumbmark.gateway.models import Call, Credential, Deployment, Exchange
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.http.inside import ask
from tests.gateway.http.servers import Reply, token_of
from tests.gateway.test_pages import administrator, client_of, page

CHAT = "/v1/chat/completions"
GENAI = "/compat/kaggle/models/genai/v1/models/fake/arithmetic"
NOT_SHOWN = ("What is 2+3?", "Raw request")


def question(**more: Any) -> Any:
    messages = [{"role": "user", "content": "What is 2+3?"}]
    return {"model": "fake/arithmetic", "messages": messages, **more}


def contents() -> Any:
    return {"contents": [{"role": "user", "parts": [{"text": "What is 2+3?"}]}]}


def in_api(who: Namespace, call_id: object, *scopes: str) -> Any:
    token = token_of(who, *(scopes or ("read",)))
    return Client().get(f"/api/v1/calls/{call_id}", HTTP_AUTHORIZATION=f"Bearer {token}")


def make_call(payer: Namespace, deployment: Deployment) -> Call:
    rows.call_one(rows.grant(payer, deployment), deployment, rows.ask("What is 2+3?"))
    return Call.objects.get()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, question()),
        (CHAT, question(stream=True)),
        ("/compat/kaggle/models/openapi/chat/completions", question()),
        (f"{GENAI}:generateContent", contents()),
        (f"{GENAI}:streamGenerateContent?alt=sse", contents()),
    ],
)
def test_every_answer_leads_to_its_call(
    store: Store, fake_provider: FakeProvider, path: str, body: Any
) -> None:
    anna = rows.namespace()
    rows.deployment(fake_provider.url)
    token = token_of(anna)

    first = ask(path, body, token)
    again = ask(path, body, token, x_request_id="mine")

    def ids_in(reply: Reply) -> set[str]:
        """Return the ids that the body has: each of them opens the call."""
        found = set()
        for document in reply.events or [reply.json]:
            found |= {document.get("id"), document.get("responseId")}
            found.add((document.get("plumbmark") or {}).get("call"))
        return found - {None}

    for reply in (first, again):
        call = Call.objects.get(pk=reply.headers["x-plumbmark-call"])
        assert reply.status == 200
        opened = [in_api(anna, one).json()["call"]["id"] for one in ids_in(reply)]
        assert opened
        assert set(opened) == {str(call.pk)}
    # The gateway's own request id is the call's; a client's may come twice, and is not.
    assert in_api(anna, first.headers["x-request-id"]).status_code == 200
    assert first.headers["x-request-id"] == Call.objects.earliest("started_at").pk.hex
    assert again.headers["x-request-id"] == "mine"


def test_a_failed_call_is_named_and_one_that_was_not_sent_is_not(
    store: Store, fake_provider: FakeProvider
) -> None:
    anna = rows.namespace()
    rows.deployment(fake_provider.url, "bad-request", slug="fake/arithmetic")
    token = token_of(anna)

    failed = ask(CHAT, question(), token)
    refused = ask(CHAT, question(n=2), token)

    found = in_api(anna, failed.headers["x-request-id"]).json()
    assert (found["call"]["status"], found["call"]["error_code"]) == ("failed", "bad-request")
    assert found["call"]["id"] == failed.headers["x-plumbmark-call"]
    assert "x-plumbmark-call" not in refused.headers
    assert in_api(anna, refused.headers["x-request-id"]).status_code == 404


def test_the_payer_sees_the_call_with_its_exchange(
    store: Store, fake_provider: FakeProvider
) -> None:
    anna = rows.namespace()
    call = make_call(anna, rows.deployment(fake_provider.url))
    client = client_of(anna)

    shown = page(client, f"/calls/{call.pk}/")
    found = in_api(anna, call.pk).json()
    file = client.get(f"/calls/{call.pk}/exchange/")

    for text in ("What is 2+3?", "fake/arithmetic", "1 attempt", 'href="/quota/anna/"'):
        assert text in shown
    assert f'href="/quota/anna/lines/{call.ledger_line_id}/"' in shown
    assert f'href="/calls/{call.pk}/"' in page(client, f"/quota/anna/lines/{call.ledger_line_id}/")
    assert found["request"]["messages"] == [{"role": "user", "content": "What is 2+3?"}]
    assert found["response"]["choices"][0]["message"]["content"] == "5"
    assert (found["note"], found["call"]["payer"]) == ("", "anna")
    assert found["call"]["charged_nanodollars"] == call.charged > 0
    assert json.loads(file.content) == {
        "request": found["request"],
        "response": found["response"],
    }
    assert file["Content-Disposition"].startswith("attachment")


def test_nobody_else_opens_a_call(store: Store, fake_provider: FakeProvider) -> None:
    anna, bert = rows.namespace("anna"), rows.namespace("bert")
    call = make_call(anna, rows.deployment(fake_provider.url))

    for path in (f"/calls/{call.pk}/", f"/calls/{call.pk}/exchange/"):
        assert client_of(bert).get(path).status_code == 404
        assert Client().get(path).status_code == 302
    assert in_api(bert, call.pk).status_code == 404
    assert in_api(bert, call.pk).json() == in_api(bert, uuid4()).json()
    assert in_api(anna, "nonsense").status_code == 404
    assert in_api(anna, call.pk, "gateway").status_code == 403
    assert Client().get(f"/api/v1/calls/{call.pk}").status_code == 401


@pytest.mark.parametrize(
    ("role", "sees_exchange"), [("owner", True), ("maintainer", True), ("member", False)]
)
def test_of_a_team_those_who_may_spend_see_the_exchange(
    store: Store, fake_provider: FakeProvider, role: str, sees_exchange: bool
) -> None:
    anna = rows.namespace()
    team = Namespace.objects.create(handle="team", kind="team")
    actions.set_quota(namespace=team, day_cap=10**12, month_cap=10**12, by=None)
    Membership.objects.create(namespace=team, user=anna.user, role=role)
    call = make_call(team, rows.deployment(fake_provider.url))

    shown = page(client_of(anna), f"/calls/{call.pk}/")

    assert ("What is 2+3?" in shown) is sees_exchange
    assert ("Only those who may spend for team" in shown) is not sees_exchange
    assert (in_api(anna, call.pk).json()["request"] is None) is not sees_exchange
    file = client_of(anna).get(f"/calls/{call.pk}/exchange/")
    assert file.status_code == (200 if sees_exchange else 404)


def test_private_and_withheld_exchanges_stay_so_and_staff_see_no_words(
    store: Store, fake_provider: FakeProvider
) -> None:
    anna = rows.namespace()
    call = make_call(anna, rows.deployment(fake_provider.url))
    path = f"/calls/{call.pk}/"

    def assert_hidden(client: Client, note: str) -> None:
        shown = page(client, path)
        assert note in shown
        assert not [text for text in NOT_SHOWN if text in shown]
        assert client.get(f"{path}exchange/").status_code == 404

    assert_hidden(administrator(), "Only those who may spend for anna")
    Call.objects.update(is_private=True)
    assert_hidden(client_of(anna), "This call carries a private item.")
    assert in_api(anna, call.pk).json()["response"] is None
    Call.objects.update(is_private=False)
    Exchange.objects.update(withheld_at=timezone.now(), withheld_reason="A court's order.")
    assert_hidden(client_of(anna), "Withheld: A court&#x27;s order.")
    Exchange.objects.all().delete()
    assert_hidden(client_of(anna), "The exchange was not stored.")


def test_no_credential_is_shown(store: Store, fake_provider: FakeProvider) -> None:
    secret = "sk-" + "a" * 20  # not a credential of anything
    fake_provider.configure(key=secret)
    anna = rows.namespace()
    credential = Credential(name="mine")
    put_secret(credential, secret)
    credential.save()
    deployment = rows.deployment(
        fake_provider.url,
        options={"headers": {"X-Team": "header-of-the-operator"}},
        credential=credential,
    )
    call = make_call(anna, deployment)

    told = page(client_of(anna), f"/calls/{call.pk}/") + in_api(anna, call.pk).content.decode()

    assert call.status == "answered"
    assert secret not in told
    assert "header-of-the-operator" not in told
    assert fake_provider.url not in told


def test_the_form_finds_a_call_by_any_of_its_ids(store: Store, fake_provider: FakeProvider) -> None:
    anna = rows.namespace()
    call = make_call(anna, rows.deployment(fake_provider.url))
    client = client_of(anna)

    assert 'action="/calls/"' in page(client, "/quota/")
    for text in (str(call.pk), call.pk.hex, f" chatcmpl-{call.pk.hex}\n"):
        answer = client.get("/calls/", {"id": text})
        assert (answer.status_code, answer["Location"]) == (302, f"/calls/{call.pk}/")
    for text in ("", "5", "chatcmpl-x"):
        assert client.get("/calls/", {"id": text}).status_code == 404


def test_a_call_takes_few_queries(store: Store, fake_provider: FakeProvider) -> None:
    anna = rows.namespace()
    call = make_call(anna, rows.deployment(fake_provider.url))
    client = client_of(anna)
    page(client, f"/calls/{call.pk}/")

    with CaptureQueriesContext(connection) as captured:
        page(client, f"/calls/{call.pk}/")

    # Session, user and the handle in the head; the call with all that belongs to it, and its run.
    assert len(captured) <= 5, [one["sql"] for one in captured]
