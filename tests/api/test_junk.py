"""Requests that nobody means, to every address of pages, endpoints, procedures and the gateway, as
six people: never a 500, nothing of others in an answer, nothing changed by who may not.

`PLUMBMARK_FUZZ_EXAMPLES` makes more requests than the usual few.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from html.parser import HTMLParser
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver

from plumbmark.compat.kaggle.rpc.procedures import PROCEDURES
from tests.api.fuzz_values import JUNK, JUNK_CONTENTS, JUNK_HEADERS, JUNK_TEXTS, mutate
from tests.api.fuzz_world import OUTSIDE, ROLES, TEAM, FuzzWorld, Person
from tests.gateway.http.inside import ask

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROUNDS = int(os.environ.get("PLUMBMARK_FUZZ_EXAMPLES", 1))
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO")
MAY_BE_WRITTEN = {
    *("common_cache", "common_failedattempt", "django_session"),
    *("accounts_apitoken", "accounts_signin"),
}
"""By requests of anybody: counters, sessions, and when a token or a session was last used."""
MAY_STAY = {"common_cache", "accounts_apitoken"}
"""Tables whose changes nobody is shown: undoing them takes longer than the requests."""


# --- Addresses ------------------------------------------------------------------------------------


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """Return every address, with the names of what varies in braces."""
    for one in resolver.url_patterns:
        text = str(one.pattern)
        text = re.sub(r"<(?:\w+:)?(\w+)>(?![^()]*\))", r"{\1}", text)
        text = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"{\1}", text)
        text = re.sub(r"\(\?:api/\)\?", "api/", text)
        path = prefix + text.replace("\\", "").lstrip("^").rstrip("$").removesuffix("Z")
        if isinstance(one, URLPattern):
            yield path
        else:
            yield from routes(one, path)


def address(route: str, world: FuzzWorld, luck: Random, junk: bool = False) -> str:
    """Lead a route to something real; with `junk`, one of its parts is not."""
    names = re.findall(r"{(\w+)}", route)
    wrong = luck.choice(names) if junk and names else ""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == wrong:
            return luck.choice(JUNK_TEXTS)
        if name == "handle" and luck.random() < 0.8:
            return TEAM
        folder = next((one for one in world.places if f"{one}/{{{name}}}" in route), name)
        return quote(luck.choice(world.places.get(folder) or world.places.get(name) or ["1"]))

    return "/" + re.sub(r"{(\w+)}", value, route)


def junk_query(luck: Random) -> str:
    names = ("q", "page", "sort", "cursor", "limit", "tag", "start", "next", "split", "state", "p")
    chosen = [f"{luck.choice(names)}={luck.choice(JUNK_TEXTS)}" for _ in range(3)]
    return "&".join((*chosen, luck.choice(JUNK_TEXTS)))


class Forms(HTMLParser):
    """The forms of a page: where they are sent to, and their fields as they are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str]]]] = []
        self._name = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            sent = given.get("action", "") if given.get("method", "").lower() == "post" else "GET"
            self.found.append((sent, []))
        elif not self.found:
            return
        elif tag in {"input", "button", "textarea"} and name:
            self.found[-1][1].append((name, given.get("value", "")))
        elif tag == "select":
            self._name = name
        elif tag == "option" and self._name and "value" in given:
            self.found[-1][1].append((self._name, given["value"]))


# --- Asking ---------------------------------------------------------------------------------------


class Written:
    """The tables that statements of this thread write to."""

    def __init__(self) -> None:
        self.tables: set[str] = set()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if found := re.match(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"(\w+)"', sql, re.I):
            self.tables.add(found[1])
        return execute(sql, params, many, context)

    def watched(self) -> AbstractContextManager[None]:
        return connection.execute_wrapper(self)


def send(
    world: FuzzWorld,
    person: Person,
    method: str,
    path: str,
    body: bytes = b"",
    kind: str = "application/octet-stream",
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Send a request, check what holds of every answer, and undo what it changed."""
    client = person.client
    session = dict(client.cookies)
    environ = {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in (headers or {}).items()}
    if path.startswith("/api/") and person.secret:
        environ.setdefault("HTTP_AUTHORIZATION", f"Bearer {person.secret}")
    written = Written()
    try:
        with written.watched():
            answer = client.generic(method, path, body, content_type=kind, **environ)
            content = b"".join(answer) if answer.streaming else answer.content
        shown = content + repr(answer.headers).encode()
        asked = f"{path} {body!r} {headers}"
        assert answer.status_code < 500
        assert world.too_much(person.role, shown, asked) == []
        if person.role in {"anonymous", "suspended"} and not path.startswith("/accounts/"):
            assert written.tables <= MAY_BE_WRITTEN
    except BaseException as error:
        error.add_note(f"as {person.role}: {method} {path} {kind} {body[:500]!r} {headers}")
        raise
    finally:
        client.cookies.clear()
        client.cookies.update(session)
        if written.tables - MAY_STAY:
            world.restore()
    answer.whole = content
    return answer


ADDRESSES = sorted(set(routes(get_resolver())))


def of_part(part: int, parts: int) -> Sequence[str]:
    assert len(ADDRESSES) > 150
    return ADDRESSES[part::parts]


def some_roles(luck: Random) -> Sequence[str]:
    """Return everybody in a long run, else one."""
    return ROLES if ROUNDS > 1 else [luck.choice(ROLES)]


@pytest.mark.parametrize("part", range(2))
def test_no_address_falls_over_what_it_is_asked_with(
    fuzz_world: FuzzWorld, errors: list[str], part: int
) -> None:
    luck = Random(part)
    for route in of_part(part, 2):
        for _ in range(ROUNDS):
            for way in (with_junk_query, with_junk_path, with_junk_headers, with_any_method, sent):
                for role in some_roles(luck):
                    way(fuzz_world, fuzz_world.people[role], route, luck)
        assert errors == [], route


def with_junk_query(world: FuzzWorld, person: Person, route: str, luck: Random) -> None:
    send(world, person, "GET", f"{address(route, world, luck)}?{junk_query(luck)}")


def with_junk_path(world: FuzzWorld, person: Person, route: str, luck: Random) -> None:
    path = address(route, world, luck, junk=True)
    # Without the slash at the end, or with one too many.
    path = luck.choice([path, path, path.rstrip("/"), f"{path}/", path.replace("/", "//", 2)])
    send(world, person, luck.choice(["GET", "POST"]), path)


def with_junk_headers(world: FuzzWorld, person: Person, route: str, luck: Random) -> None:
    method = luck.choice(["GET", "GET", "POST"])
    headers = luck.choice(JUNK_HEADERS)
    send(world, person, method, address(route, world, luck), headers=headers)


def with_any_method(world: FuzzWorld, person: Person, route: str, luck: Random) -> None:
    send(world, person, luck.choice(METHODS), address(route, world, luck))


def sent(world: FuzzWorld, person: Person, route: str, luck: Random) -> None:
    kind, body = luck.choice(JUNK_CONTENTS)
    method = luck.choice(["POST", "POST", "PUT", "PATCH"])
    send(world, person, method, address(route, world, luck), body, kind)


@pytest.mark.parametrize("part", range(2))
def test_no_page_shows_a_person_too_much_or_falls_over_its_own_forms(
    fuzz_world: FuzzWorld, errors: list[str], part: int
) -> None:
    luck = Random(part)
    forms = 0
    for route in of_part(part, 2):
        if route.startswith("api/"):
            continue
        for _ in range(ROUNDS):
            path = address(route, fuzz_world, luck)
            statuses = {}
            for role in ROLES:
                person = fuzz_world.people[role]
                answer = send(fuzz_world, person, "GET", path)
                statuses[role] = answer.status_code
                if role in OUTSIDE[:2] or not answer["Content-Type"].startswith("text/html"):
                    continue
                for action, fields in Forms(answer.whole.decode()).found:
                    forms += 1
                    send_form(fuzz_world, person, path, action, fields, luck)
            assert statuses["suspended"] == statuses["anonymous"], path
        assert errors == [], route
    assert forms > 100
    # Otherwise that others are not shown it would prove nothing.
    assert {"member", "owner"} & fuzz_world.readers


def send_form(
    world: FuzzWorld,
    person: Person,
    path: str,
    action: str,
    fields: Sequence[tuple[str, str]],
    luck: Random,
) -> None:
    """Send a form with some of its fields filled in, wrong, repeated or left out."""
    filled = []
    for name, value in fields:
        if luck.random() < 0.15:
            continue
        given = value
        if luck.random() < 0.3 or not value:
            given = luck.choice(["text", "1", "0.5", str(luck.choice(JUNK)), *JUNK_NAMES])
        filled.append((name, given.encode("utf-8", "surrogatepass")))
        if luck.random() < 0.05:
            filled.append((name, b"\xff\x00"))
    body = urlencode(filled).encode()
    if action == "GET":
        send(world, person, "GET", f"{path}?{body.decode()}")
        return
    target = action if action.startswith("/") else path + action
    send(world, person, "POST", target, body, "application/x-www-form-urlencoded")
    if luck.random() < 0.5:
        # Somebody else's form, sent by who may not even see it.
        other = world.people[luck.choice(OUTSIDE)]
        send(world, other, "POST", target, body, "application/x-www-form-urlencoded")


JUNK_NAMES = ("the-owner", "baseline/echo", TEAM, "public", "2026-01-01", "x" * 300)


# --- Procedures and the gateway -------------------------------------------------------------------


def message_examples(world: FuzzWorld) -> Sequence[Any]:
    """Return messages of which each has something that most procedures read."""
    slugs = [
        {"ownerSlug": TEAM, "taskSlug": slug, "versionNumber": 1} for slug in world.places["slug"]
    ]
    messages: list[Any] = [{}, {"token": world.people["stranger"].secret}]
    for slug in slugs:
        messages += [
            {"slug": slug, "text": "print(1)", "pageSize": 2, "regexFilter": ".*"},
            {"taskSlug": slug, "modelVersionSlugs": ["baseline-echo"], "pageToken": "7"},
            {"taskSlugs": [slug], "modelVersionSlugs": ["baseline-echo"]},
            {"ownerSlug": TEAM, "benchmarkSlug": slug["taskSlug"]},
            {"slug": slug["taskSlug"], "text": '{"cells": [], "nbformat": 4, "nbformat_minor": 5}'},
        ]
    messages += [{"runId": int(run)} for run in world.places["run_id"]]
    return messages


def test_no_procedure_falls_over_its_message(fuzz_world: FuzzWorld, errors: list[str]) -> None:
    luck = Random(1)
    messages = message_examples(fuzz_world)
    for service, method in PROCEDURES:
        path = f"/api/v1/{service}/{method}"
        for number in range(8 * ROUNDS):
            message = mutate(luck.choice(messages), luck, number % 3)
            body = json.dumps(message).encode()
            for role in ROLES:
                person = fuzz_world.people[role]
                answer = send(fuzz_world, person, "POST", path, body, "application/json")
                if role in {"anonymous", "suspended"} and method != "IntrospectToken":
                    assert answer.status_code in {400, 401}
        for role in some_roles(luck):
            kind, content = luck.choice(JUNK_CONTENTS)
            send(fuzz_world, fuzz_world.people[role], "POST", path, content, kind)
        assert errors == [], path


_CHAT = {
    "model": "baseline/echo",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
    ],
    "max_tokens": 16,
    "temperature": 0.5,
    "stop": ["x"],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "a", "schema": {"type": "object", "properties": {}}},
    },
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
    ],
}
_TURNS = {
    "model": "baseline/echo",
    "stream": True,
    "stream_options": {"include_usage": True},
    "messages": [
        {"role": "user", "content": "Hello"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "3"},
    ],
}
_GENAI = {
    "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "generationConfig": {
        "temperature": 0.5,
        "maxOutputTokens": 16,
        "stopSequences": ["x"],
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
    },
}
_PROXY = "/compat/kaggle/models"
GATEWAY = [
    ("/v1/chat/completions", [_CHAT, _TURNS]),
    (f"{_PROXY}/openapi/chat/completions", [_CHAT, _TURNS]),
    (f"{_PROXY}/genai/v1beta/models/baseline/echo:generateContent", [_GENAI]),
    (f"{_PROXY}/genai/v1/models/baseline/echo:streamGenerateContent?alt=sse", [_GENAI]),
    ("/v1/models", [None]),
    ("/v1/models/baseline/echo", [None]),
]


def test_the_gateway_falls_over_no_request(fuzz_world: FuzzWorld, errors: list[str]) -> None:
    luck = Random(2)
    for path, questions in GATEWAY:
        for number in range(12 * ROUNDS):
            question = luck.choice(questions)
            body = question and mutate(question, luck, number % 4)
            content = None if question is None else json.dumps(body).encode()
            if number % 12 == 11:
                content = luck.choice(JUNK_CONTENTS)[1]
            for role in ROLES:
                person = fuzz_world.people[role]
                reply = ask(path, content, person.secret)
                told = f"{role}: {path} {content!r} {reply.status} {reply.body[:500]!r}"
                assert reply.status < 500, told
                shown = reply.body + repr(reply.headers).encode()
                assert fuzz_world.too_much(role, shown, repr(content)) == [], told
                if role in {"anonymous", "suspended"}:
                    assert reply.status in {401, 404, 405}, told
                elif number % 4 == 0 and number % 12 != 11:
                    assert reply.status == 200, told
    assert errors == []
