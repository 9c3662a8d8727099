"""Messages as pages show them: texts cut where they are long, images and audio in their place."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from plumbmark.engine.media import is_attachment
from plumbmark.scoring.tool_calls import read_arguments
from plumbmark.web.long_text import INLINE_CHARACTERS, CappedText, cap_text
from tasks_app.definitions.rendering import text_of
from tasks_app.models import Item, Run, TaskDraft, TaskVersion

AddressOf = Callable[[Mapping[str, Any]], str]
"""Where the file of a part is shown."""


def label_of(role: str) -> str:
    labels = {
        "system": _("System"),
        "user": _("User"),
        "assistant": _("Assistant"),
        "tool": _("Tool"),
    }
    return labels.get(role, role)


def message_context(
    message: Mapping[str, Any], most: int, address_of: AddressOf
) -> tuple[dict[str, Any], CappedText]:
    """Return the context of `components/message.html`, and the texts as far as they are shown."""
    role = str(message.get("role", ""))
    content = message.get("content")
    if isinstance(content, str) or not isinstance(content, list):
        whole = cap_text(text_of(content), most)
        return {"role": role, "label": label_of(role), "text": whole.text}, whole
    parts: list[dict[str, Any]] = []
    shown_characters = total = 0
    for part in content:
        if is_attachment(part):
            name, url = str(part["name"]), address_of(part)
            parts.append({"kind": part["type"], "name": name, "url": url})
            continue
        text = str(part["text"]) if isinstance(part.get("text"), str) else text_of(part)
        cut = cap_text(text, max(0, most - shown_characters))
        parts.append({"kind": "text", "text": cut.text})
        shown_characters += len(cut.text)
        total += cut.total
    context = {"role": role, "label": label_of(role), "parts": parts}
    return context, CappedText("".join(one.get("text", "") for one in parts), total)


def exchange_context(
    sent: Sequence[Mapping[str, Any]], address_of: AddressOf
) -> list[dict[str, Any]]:
    """Return a conversation for `components/message.html`, long messages cut; each tool call is its
    own message.
    """
    tools: dict[str, str] = {}
    entries = []
    for number, message in enumerate(sent):
        calls = message.get("tool_calls") or ()
        if message.get("content") or not calls:
            entry, text = message_context(message, INLINE_CHARACTERS, address_of)
            if message.get("role") == "tool":
                name = tools.get(str(message.get("tool_call_id")), "")
                label = (
                    _("Error from %(tool)s") if message.get("is_error") else _("%(tool)s answers")
                )
                entry["label"] = label % {"tool": name}
            entries.append({**entry, **_cut_context(text), "number": number})
        for call in calls:
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            tools[str(call["id"])] = name
            text = cap_text(_readable(arguments), INLINE_CHARACTERS)
            label = _("Calls %(tool)s") % {"tool": name}
            entry = {"role": "call", "label": label, "text": text.text}
            entries.append({**entry, **_cut_context(text), "number": number})
    return entries


def _cut_context(text: CappedText) -> dict[str, Any]:
    note = _("first %(shown)s of %(total)s characters")
    figures = {"shown": f"{len(text.text):,}", "total": f"{text.total:,}"}
    return {"note": note % figures if text.is_cut else "", "is_cut": text.is_cut}


def _readable(arguments: str) -> str:
    """Return a call's arguments, one per line; a single text as it is, so that code keeps its
    lines.
    """
    found = read_arguments(arguments)
    if found is None:
        return arguments
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        if not (isinstance(value, str) and "\n" in value)
        else f"{name}:\n{value}"
        for name, value in found.items()
    )


def files_of_item(version: TaskVersion, item: Item) -> AddressOf:
    return lambda part: reverse(
        "tasks:item-file", args=[version.public_id, item.position, part["sha256"]]
    )


def files_of_sample(run: Run, ordinal: int) -> AddressOf:
    return lambda part: reverse("runs:sample_file", args=[run.pk, ordinal, part["sha256"]])


def files_of_draft(draft: TaskDraft, inside: Mapping[str, str]) -> AddressOf:
    """Return where to find a draft's files; `inside`: those that the data file contains as `data:`
    URLs, by their SHA-256.
    """
    task = draft.task
    return lambda part: (
        inside.get(part["sha256"])
        or reverse("tasks:draft-file", args=[task.namespace.handle, task.slug, part["sha256"]])
    )
