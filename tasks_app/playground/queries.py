"""Reads of the playground: only from the recorded calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.accounts.queries import namespaces_acted_for_by
from plumbmark.common.retention import withheld_note
from plumbmark.engine.ports import ModelResponse
from plumbmark.gateway.models import Call, Deployment, Grant
from plumbmark.gateway.providers import provider_named
from plumbmark.gateway.storage.exchanges import read_bodies
from plumbmark.gateway.storage.records import decompress
from tasks_app.playground.actions import SUBJECT, Prompt

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class PlaygroundAnswer:
    """One model's answer, or why there is none."""

    deployment: Deployment
    call: Call
    text: str
    reasoning: str
    note: str
    """Why neither is shown; empty where they are."""


@dataclass(frozen=True, slots=True)
class Playground:
    public_id: str
    payer: Namespace
    prompt: Prompt
    exchanges: Sequence[PlaygroundAnswer]


def playground_at(public_id: str, *, to: User) -> Playground:
    """Return one question with all its answers; 404 for those who may not act for its payer."""
    grant = Grant.objects.select_related("payer").filter(public_id=public_id, subject=SUBJECT)
    found = grant.first()
    if found is None or not can_act_for(to, found.payer):
        raise Http404
    calls = list(
        Call.objects.filter(grant=found)
        .select_related("deployment", "exchange")
        .order_by("deployment__slug")
    )
    bodies = _bodies(calls)
    exchanges = [_exchange(call, body) for call, body in zip(calls, bodies, strict=True)]
    return Playground(found.public_id, found.payer, _prompt(calls, bodies), exchanges)


def playgrounds_of(user: User) -> list[Grant]:
    """Return the newest questions of every namespace that the person acts for."""
    return list(
        Grant.objects.filter(
            subject=SUBJECT, payer__in=namespaces_acted_for_by(user), calls__isnull=False
        )
        .distinct()
        .order_by("-id")[:_SHOWN]
    )


def _bodies(calls: Sequence[Call]) -> list[dict[str, Any]]:
    found = [getattr(call, "exchange", None) for call in calls]
    packed = read_bodies([one for one in found if one is not None and not one.is_withheld])
    return [decompress(packed[call.pk]) if call.pk in packed else {} for call in calls]


def _exchange(call: Call, body: dict[str, Any]) -> PlaygroundAnswer:
    text = reasoning = ""
    provider = provider_named(call.deployment.provider)
    if provider is not None and call.status == Call.Status.ANSWERED and body:
        parsed = provider.parse(body["response"], call.deployment.options)
        if isinstance(parsed, ModelResponse):
            text, reasoning = parsed.text, parsed.reasoning
    exchange = getattr(call, "exchange", None)
    note = withheld_note(exchange) if exchange is not None and exchange.is_withheld else ""
    return PlaygroundAnswer(call.deployment, call, text, reasoning, note)


def _prompt(calls: Sequence[Call], bodies: Sequence[dict[str, Any]]) -> Prompt:
    """Return the prompt as it was asked, whatever each provider's format."""
    # Baselines last: their requests have no sampling.
    pairs = sorted(
        zip(calls, bodies, strict=True),
        key=lambda pair: pair[0].deployment.provider == Deployment.Provider.BASELINE,
    )
    for call, body in pairs:
        request = body.get("request") or {}
        found = _read(call.deployment.provider, request)
        if found is not None:
            return found
    return Prompt("")


def _read(provider: str, request: dict[str, Any]) -> Prompt | None:
    if provider == Deployment.Provider.GEMINI:
        system = _parts(request.get("systemInstruction"))
        contents = request.get("contents") or [{}]
        settings = request.get("generationConfig") or {}
        return Prompt(
            _parts(contents[-1]),
            system,
            settings.get("temperature"),
            settings.get("maxOutputTokens", 1024),
        )
    messages = request.get("messages") or []
    if not messages:
        return None
    texts = {message.get("role"): _text(message.get("content")) for message in messages}
    limit = request.get("max_tokens") or request.get("max_completion_tokens") or 1024
    return Prompt(
        texts.get("user", ""),
        texts.get("system", "") or _text(request.get("system")),
        request.get("temperature"),
        limit,
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _parts(content: Any) -> str:
    return _text(content.get("parts")) if isinstance(content, dict) else ""
