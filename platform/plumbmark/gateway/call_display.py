"""A recorded call as pages show it."""

import json
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.gateway.budget.money import dollars
from plumbmark.gateway.recorded_calls import RecordedCall
from plumbmark.gateway.storage.records import ATTEMPT_COST
from plumbmark.scoring.templates import text_of
from plumbmark.web.long_text import cap_text
from plumbmark.web.numbers import format_seconds


def call_context(recorded: RecordedCall) -> dict[str, Any]:
    """Return the context of `gateway/_call.html`."""
    call = recorded.call
    answer = recorded.answer
    facts = [
        {"key": _("Deployment"), "value": call.deployment.slug},
        {"key": _("Model that answered"), "value": call.upstream_model},
        {"key": _("Finish reason"), "value": call.finish_reason},
        {"key": _("Provider's request id"), "value": call.provider_request_id},
        {"key": _("Status"), "value": call.get_status_display()},
        {"key": _("Error"), "value": call.error_message},
        {"key": _("Latency"), "value": format_seconds(call.latency_ms)},
        {
            "key": _("Tokens in and out"),
            "value": f"{call.input_tokens:,} / {call.output_tokens:,}"
            + (f" ({_('estimated')})" if call.usage_estimated else ""),
        },
        {"key": _("Charged"), "value": dollars(call.charged)},
        {"key": _("Provider's bill"), "value": dollars(call.provider_cost)},
        {"key": _("Hash of the exchange"), "value": recorded.hash},
    ]
    return {
        "role": recorded.role,
        "call": call,
        "facts": [fact for fact in facts if fact["value"]],
        "attempts": [_attempt(attempt) for attempt in call.attempts if isinstance(attempt, dict)],
        "note": recorded.note,
        "answer": cap_text("" if answer is None else answer.text),
        "reasoning": cap_text("" if answer is None else answer.reasoning),
        "request": None if recorded.note else cap_text(pretty_json(recorded.request)),
        "response": None if recorded.note else cap_text(pretty_json(recorded.response)),
    }


def _attempt(attempt: dict[str, Any]) -> list[dict[str, str]]:
    """Return an attempt's facts, whatever the gateway recorded of it."""
    return [
        {"key": _("Provider's bill"), "value": dollars(value)}
        if key == ATTEMPT_COST and isinstance(value, int)
        else {"key": str(key).replace("_", " "), "value": cap_text(text_of(value), 300).text}
        for key, value in attempt.items()
        if value not in (None, "")
    ]


def pretty_json(body: Any) -> str:
    """Return JSON with indentation; text stays as it is."""
    return body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
