"""Recorded calls with their exchanges, for those who may see them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import Http404
from django.utils.translation import gettext as _

from plumbmark.common.retention import withheld_note
from plumbmark.engine.ports import ModelResponse
from plumbmark.gateway.models import Call, Exchange
from plumbmark.gateway.permissions import Visitor, can_view_call, can_view_exchange
from plumbmark.gateway.providers import provider_named
from plumbmark.gateway.storage.exchanges import ExchangesAway, read_bodies
from plumbmark.gateway.storage.records import decompress_body

_ID_PREFIX = "chatcmpl-"
"""Of the ids of answers in OpenAI's format; the call's id follows."""


@dataclass(frozen=True)
class RecordedCall:
    """A call with its exchange. `request` and `response` are None where they are withheld, not
    written yet or cannot be read now; `note` then says which.
    """

    role: str
    call: Call
    request: Any
    response: Any
    note: str
    hash: str = ""
    """Of the exchange, also where it is withheld; empty where the reader may not know it."""
    is_away: bool = False
    """Whether it can be read later."""

    @cached_property
    def answer(self) -> ModelResponse | None:
        """The response as the answer that it was; None where it was none or is not here."""
        return None if self.note else parse_recorded(self.call, self.response)


@dataclass(frozen=True, slots=True)
class LinkedCall:
    """A call with the row of its exchange, if it has one, and its role for whoever links to it."""

    role: str
    call: Call
    exchange: Exchange | None


def read_exchanges(linked: Sequence[LinkedCall]) -> list[RecordedCall]:
    """Return calls with their exchanges, whoever asks; one that is not shown has a note instead."""
    shown = [one.exchange for one in linked if one.exchange and not one.exchange.is_withheld]
    try:
        bodies = read_bodies(shown)
    except ExchangesAway as away:
        note = str(away.message)
        return [
            RecordedCall(one.role, one.call, None, None, note, is_away=True)
            if one.exchange in shown
            else _recorded(one, b"")
            for one in linked
        ]
    return [_recorded(one, bodies.get(one.call.pk, b"")) for one in linked]


def _recorded(linked: LinkedCall, packed: bytes) -> RecordedCall:
    role, call, exchange = linked.role, linked.call, linked.exchange
    if exchange is None:
        return RecordedCall(role, call, None, None, _("The exchange was not stored."))
    if exchange.is_withheld:
        return RecordedCall(role, call, None, None, withheld_note(exchange), exchange.hash)
    body = json.loads(decompress_body(packed))
    return RecordedCall(role, call, body["request"], body["response"], "", exchange.hash)


def parse_recorded(call: Call, response: Any) -> ModelResponse | None:
    """Return a recorded response as the answer that it was; None where it was none."""
    if call.status != Call.Status.ANSWERED:
        return None
    provider = provider_named(call.deployment.provider)
    parsed = None if provider is None else provider.parse(response, call.deployment.options)
    return parsed if isinstance(parsed, ModelResponse) else None


def parse_call_id(text: str) -> UUID | None:
    """Return the id of a call, also from the id of an answer; None if it is neither."""
    try:
        return UUID(text.strip().removeprefix(_ID_PREFIX))
    except ValueError:
        return None


def recorded_call_at(call_id: str, *, to: Visitor) -> RecordedCall:
    """Return a call by its id; 404 for those who do not see the ledger that it was charged to."""
    found = parse_call_id(call_id)
    call = (
        Call.objects.select_related("deployment", "exchange", "grant__payer__user", "ledger_line")
        .filter(pk=found)
        .first()
        if found
        else None
    )
    if call is None or not can_view_call(to, call):
        raise Http404
    if call.is_private:
        note = _(
            "This call carries a private item. Its request and response are on the sample's page, "
            "for those who may see the item."
        )
    elif not can_view_exchange(to, call):
        note = _("Only those who may spend for %(payer)s see the request and the response.") % {
            "payer": call.grant.payer.handle
        }
    else:
        linked = LinkedCall(call.role, call, getattr(call, "exchange", None))
        return read_exchanges([linked])[0]
    return RecordedCall(call.role, call, None, None, note)


def viewable_calls(calls: Iterable[Call], *, to: Visitor) -> set[UUID]:
    """Return the ids of those calls that the visitor may open; one check for each payer."""
    verdicts: dict[int, bool] = {}
    found = set()
    for call in calls:
        payer_id = call.grant.payer_id
        if payer_id not in verdicts:
            verdicts[payer_id] = can_view_call(to, call)
        if verdicts[payer_id]:
            found.add(call.pk)
    return found
