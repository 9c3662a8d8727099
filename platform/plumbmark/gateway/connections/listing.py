"""The list of models that a provider publishes, asked for with limits and read with suspicion."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from plumbmark.common.errors import DomainError
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.catalogue.base_urls import address_rules
from plumbmark.gateway.providers.failures import clean
from plumbmark.gateway.providers.http import BrokenExchange, HttpClient, HttpReply

MAX_LIST_BYTES = 2 * 1024 * 1024
MAX_LISTED_MODELS = 5000
MAX_UPSTREAM_ID = 150
DEADLINE_SECONDS = 15.0
_MAX_QUOTED = 200
_MAX_CONTEXT_TOKENS = 2**31 - 1
_CONTEXT_FIELDS = (
    *("context_length", "context_window", "max_context_length", "max_model_len"),
    *("inputTokenLimit", "max_input_tokens"),
)
"""Where hosts say how much a model reads: OpenRouter and Together, Groq, Mistral, vLLM, Gemini and
Anthropic.
"""


class ProviderUnreadable(DomainError):
    """The provider's list of models could not be had; the message says why."""

    status = 502
    code = "provider-unreadable"


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as its provider lists it."""

    id: str
    context_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ProviderAddress:
    """The address at which a provider is asked for its list, and in which format."""

    base_url: str
    wire_format: str
    is_guarded: bool
    """It belongs to a person or team: private addresses are refused."""
    key_path: str = ""
    """Asked first, where the list is given out without a key."""


def list_models(at: ProviderAddress, secret: str) -> list[ListedModel]:
    """Return the models of a provider, sorted by id; raise `ProviderUnreadable`.

    Waits for at most `DEADLINE_SECONDS` for each of at most two answers, reads at most
    `MAX_LIST_BYTES` of each, and follows no redirect.
    """
    return runtime.run(_list_models(at, secret))


async def _list_models(at: ProviderAddress, secret: str) -> list[ListedModel]:
    client = HttpClient(address_rules())
    try:
        if at.key_path and secret:
            await _ask(client, at, secret, f"{at.base_url}{at.key_path}")
        url = f"{at.base_url}/models"
        if at.wire_format == "anthropic":
            url += "?limit=1000"
        elif at.wire_format == "gemini":
            url += "?pageSize=1000"
        return _read(await _ask(client, at, secret, url), at)
    finally:
        await client.close()


async def _ask(client: HttpClient, at: ProviderAddress, secret: str, url: str) -> HttpReply:
    reply = await client.get(
        url,
        headers=_headers(at.wire_format, secret),
        deadline_seconds=DEADLINE_SECONDS,
        secret=secret,
        is_guarded=at.is_guarded,
        max_bytes=MAX_LIST_BYTES,
    )
    if isinstance(reply, BrokenExchange):
        raise ProviderUnreadable(f"{_host(at)} {_words_of(reply)}", code=reply.code)
    if reply.status != 200:
        raise ProviderUnreadable(_refusal(reply, at), code=f"http-{reply.status}")
    if reply.payload is None:
        raise ProviderUnreadable(
            f"{_host(at)} did not answer with JSON. Is this the base URL? {_usual(at)}",
            code="not-json",
        )
    return reply


def _headers(wire_format: str, secret: str) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if wire_format == "anthropic":
        headers["anthropic-version"] = "2023-06-01"
        if secret:
            headers["x-api-key"] = secret
    elif secret and wire_format == "gemini":
        headers["x-goog-api-key"] = secret
    elif secret:
        headers["Authorization"] = f"Bearer {secret}"
    return headers


def _host(at: ProviderAddress) -> str:
    return urlsplit(at.base_url).netloc


def _usual(at: ProviderAddress) -> str:
    ending = "/v1beta" if at.wire_format == "gemini" else "/v1"
    return f"It usually ends in {ending}."


def _words_of(broken: BrokenExchange) -> str:
    if broken.code == "private-address":
        return "leads into a private network, which is not allowed here."
    if broken.code == "deadline":
        return f"did not answer in full within {DEADLINE_SECONDS:.0f} seconds."
    if broken.code == "answer-too-large":
        return f"answered with more than {MAX_LIST_BYTES // 1024**2} MB, so it was not read on."
    if broken.code == "unreachable":
        return "cannot be reached. Check the address, and that the server is running."
    if broken.code == "truncated":
        return "broke off in the middle of its answer. Try again."
    return "closed the connection, or did not answer in HTTP. Check the address and the port."


def _refusal(reply: HttpReply, at: ProviderAddress) -> str:
    """Return what a status other than 200 means, in words."""
    host, status = _host(at), reply.status
    if 300 <= status < 400:
        where = urlsplit(reply.headers.get("Location", "")[:500])
        target = f" to {clean(where.netloc)[:100]}" if where.netloc else ""
        return (
            f"{host} redirects{target} (HTTP {status}). Redirects are not followed, because the "
            "key would go along; enter the final address."
        )
    if status in {401, 403}:
        return f"{host} refuses the key (HTTP {status}).{_quote(reply)}"
    if status in {404, 405}:
        return (
            f"{host} has no list of models at this address (HTTP {status}). Is this the base URL? "
            f"{_usual(at)}"
        )
    if status == 429:
        return f"{host} takes no more requests now (HTTP 429). Try again later.{_quote(reply)}"
    if status >= 500:
        return f"{host} has a fault of its own (HTTP {status}). Try again later.{_quote(reply)}"
    return f"{host} answered HTTP {status}.{_quote(reply)}"


def _quote(reply: HttpReply) -> str:
    """Return the provider's message, shortened; the key was struck out of it."""
    error = reply.payload
    for name in ("error", "message", "detail"):
        if isinstance(error, dict) and error.get(name):
            error = error[name]
    if isinstance(error, dict):
        error = error.get("message")
    text = clean(error)[:_MAX_QUOTED] if isinstance(error, str) else ""
    return f" It says: {text}" if text else ""


def _read(reply: HttpReply, at: ProviderAddress) -> list[ListedModel]:
    """Read the models of a list; entries that cannot be read are left out."""
    payload = reply.payload
    entries = payload
    if isinstance(payload, dict):
        # Together sends the bare list, Gemini and some servers `models`.
        entries = payload.get("data") if "data" in payload else payload.get("models")
    if not isinstance(entries, list):
        raise ProviderUnreadable(
            f"{_host(at)} answered with JSON that is no list of models in this format. "
            f"Is this the base URL? {_usual(at)}",
            code="no-list",
        )
    found: dict[str, ListedModel] = {}
    for entry in entries[:MAX_LISTED_MODELS]:
        model = _read_entry(entry)
        if model is not None:
            found[model.id] = model
    if entries and not found:
        raise ProviderUnreadable(
            f"{_host(at)} answered with a list without names of models.", code="no-list"
        )
    return sorted(found.values(), key=lambda model: model.id)


def _read_entry(entry: Any) -> ListedModel | None:
    if not isinstance(entry, dict):
        return None
    name = entry.get("id") or entry.get("name")
    if not isinstance(name, str):
        return None
    name = name.removeprefix("models/")
    if not is_upstream_id(name):
        return None
    for field in _CONTEXT_FIELDS:
        tokens = entry.get(field)
        if type(tokens) is int and 0 < tokens <= _MAX_CONTEXT_TOKENS:
            return ListedModel(name, tokens)
    return ListedModel(name)


def is_upstream_id(name: str) -> bool:
    """Return whether this can be the name of a model at a provider."""
    return 0 < len(name) <= MAX_UPSTREAM_ID and name.isprintable() and not name.isspace()
