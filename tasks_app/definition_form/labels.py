"""The words of the form: names of fields, and of what their lists hold.

What a field is for comes from the schema; here are only names.
"""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LABELS: Mapping[str, Promise] = {
    "system": _("System prompt"),
    "messages": _("Messages"),
    "few_shot": _("Examples"),
    "follow_ups": _("Further turns"),
    "simulated_user": _("Simulated user"),
    "output_schema": _("Schema of the answer"),
    "choice_order": _("Order of the options"),
    "choice_seed": _("Seed of the order"),
    "max_output_tokens": _("Output tokens at most"),
    "max_output_tokens_total": _("Output tokens in all at most"),
    "max_steps": _("Calls of the model at most"),
    "max_tool_calls": _("Calls of tools at most"),
    "max_tool_result_bytes": _("Bytes of a tool's result at most"),
    "max_cost_usd": _("Cost in US dollars at most"),
    "max_turns": _("Turns at most"),
    "max_calls": _("Calls at most"),
    "top_p": _("Top p"),
    "stop": _("Stop at"),
    "id": _("Id"),
    "target": _("Right answer"),
    "choices": _("Options"),
    "cluster": _("Cluster"),
    "slices": _("Slices"),
    "split": _("Private items"),
    "main": _("The scorer that counts"),
    "user": _("Question"),
    "assistant": _("Answer"),
    "normalise": _("Even out"),
    "after": _("Look only after"),
    "without_marker": _("Without the mark"),
    "judges": _("Models that judge"),
    "combine": _("Several judges"),
    "target_is": _("The target is"),
    "schema": _("JSON Schema"),
    "metric": _("Meaning of the score"),
    "timeout_seconds": _("Seconds at most"),
    "memory_mib": _("MiB at most"),
    "otherwise": _("Answer otherwise"),
    "repeats": _("Times each item is asked"),
}
_TEMPLATE = _("Columns in braces stand for the item's values; `{choices}` is the list of options.")
HELP: Mapping[str, Promise] = {
    "content": _TEMPLATE,
    "user": _("The question of the example, as it is sent."),
    "assistant": _("The answer that it shows."),
}
"""In place of the schema's words, where those are about writing text."""
ADD: Mapping[str, Promise] = {
    "messages": _("Add a message"),
    "few_shot": _("Add an example"),
    "follow_ups": _("Add a turn"),
    "content": _("Add a part"),
    "user": _("Add a part"),
    "tools": _("Add a tool"),
    "scorers": _("Add a scorer"),
}
ENTRIES: Mapping[str, Promise] = {
    "messages": _("Message"),
    "few_shot": _("Example"),
    "follow_ups": _("Turn"),
    "content": _("Part"),
    "user": _("Part"),
    "tools": _("Tool"),
    "scorers": _("Scorer"),
}


def label_of(key: str) -> str:
    found = LABELS.get(key)
    return str(found) if found is not None else key.replace("_", " ").capitalize()
