"""Messages as pages show them: texts cut where they are long, images and audio in their place."""

from collections.abc import Callable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from plumbmark.engine.media import is_attachment
from tasks_app.definitions.render import text_of
from tasks_app.long_text import Capped, capped
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


def shown_message(
    message: Mapping[str, Any], most: int, address_of: AddressOf
) -> tuple[dict[str, Any], Capped]:
    """What `components/message.html` takes of a message, and its texts as far as they are shown."""
    role = str(message.get("role", ""))
    content = message.get("content")
    if isinstance(content, str) or not isinstance(content, list):
        whole = capped(text_of(content), most)
        return {"role": role, "label": label_of(role), "text": whole.text}, whole
    parts: list[dict[str, Any]] = []
    shown = total = 0
    for part in content:
        if is_attachment(part):
            name, url = str(part["name"]), address_of(part)
            parts.append({"kind": part["type"], "name": name, "url": url})
            continue
        text = str(part["text"]) if isinstance(part.get("text"), str) else text_of(part)
        cut = capped(text, max(0, most - shown))
        parts.append({"kind": "text", "text": cut.text})
        shown += len(cut.text)
        total += cut.total
    told = {"role": role, "label": label_of(role), "parts": parts}
    return told, Capped("".join(one.get("text", "") for one in parts), total)


def files_of_item(version: TaskVersion, item: Item) -> AddressOf:
    return lambda part: reverse(
        "tasks:item-file", args=[version.public_id, item.position, part["sha256"]]
    )


def files_of_sample(run: Run, ordinal: int) -> AddressOf:
    return lambda part: reverse("runs:sample_file", args=[run.pk, ordinal, part["sha256"]])


def files_of_draft(draft: TaskDraft, inside: Mapping[str, str]) -> AddressOf:
    """`inside`: files that stand in the data file itself, as `data:` URLs by their SHA-256."""
    task = draft.task
    return lambda part: (
        inside.get(part["sha256"])
        or reverse("tasks:draft-file", args=[task.namespace.handle, task.slug, part["sha256"]])
    )
