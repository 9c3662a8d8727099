"""Replies of judges to one output, beside the verdicts that were read from them."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.gateway.recorded_calls import RecordedCall
from plumbmark.web.long_text import cap_text


def judge_replies(
    calls: Sequence[RecordedCall], details: dict[str, Any], *, most: int
) -> list[dict[str, str]]:
    """Return the replies behind a score as `components/message.html` shows them, in their order.

    `details` are the score's. An output that was scored again has calls of earlier scorings too:
    the last ones count. A reply that is withheld or was reused from before has no text here.
    """
    recorded = details.get("judges")
    recorded = recorded if isinstance(recorded, list) else []
    replies = [one for one in calls if one.role == "judge" and not one.note][-len(recorded) :]
    # Where one of the judges did not answer, it is not known which call belongs to which verdict.
    is_complete = [one.call.deployment.slug for one in replies] == [
        str(one.get("judge")) for one in recorded
    ]
    shown = []
    for number, reply in enumerate(replies if recorded else ()):
        answer = reply.answer
        if answer is None:
            continue
        text = cap_text(answer.text, most)
        notes = [_verdict(recorded[number])] if is_complete else []
        notes += [_("shortened here")] if text.is_cut else []
        shown.append(
            {
                "label": reply.call.deployment.slug,
                "text": text.text,
                "note": ", ".join(notes),
            }
        )
    return shown


def _verdict(reply: dict[str, Any]) -> str:
    value = reply.get("value")
    words = _("no verdict") if value is None else _("verdict %(value)s") % {"value": f"{value:g}"}
    return _("%(verdict)s, order swapped") % {"verdict": words} if reply.get("swapped") else words
