"""What of a definition concerns the asking and does not stand in the first items' messages."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.web.long_text import cap_text
from tasks_app.authoring.preview import tool_contexts, tool_schemas
from tasks_app.definitions import Definition

_MAX_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class RequestFacts:
    facts: list[dict[str, Any]] = field(default_factory=list)
    tools: list[dict[str, str]] = field(default_factory=list)
    instructions: str = ""
    """Of the simulated user."""
    output_schema: str = ""


def request_facts(definition: Definition) -> RequestFacts:
    prompt = definition.prompt
    user = prompt.simulated_user
    facts = [
        {"key": _("Sampling"), "value": _sampling(definition)},
        {"key": _("Limits of a sample"), "value": _limits(definition)},
    ]
    if user is not None:
        text = _("played by %(model)s, for at most %(n)d answers, until it says %(stop)s")
        value = text % {"model": user.model, "n": user.max_turns, "stop": user.stop}
        facts.append({"key": _("The user"), "value": value})
    if prompt.scored == "conversation":
        facts.append({"key": _("What is scored"), "value": _("the whole conversation")})
    if not prompt.separates_reasoning:
        value = _("with the reasoning between tags such as <think>")
        facts.append({"key": _("Scorers see answers"), "value": value})
    schema = prompt.output_schema
    return RequestFacts(
        facts=[fact for fact in facts if fact["value"]],
        tools=tool_contexts(tool_schemas(definition)),
        instructions="" if user is None else cap_text(user.instructions, _MAX_LENGTH).text,
        output_schema=""
        if schema is None
        else cap_text(json.dumps(schema, indent=2, ensure_ascii=False), _MAX_LENGTH).text,
    )


def _sampling(definition: Definition) -> str:
    sampling = definition.sampling
    facts = [_("at most %(n)s output tokens") % {"n": f"{sampling.max_output_tokens:,}"}]
    for name, value in (
        (_("temperature"), sampling.temperature),
        ("top-p", sampling.top_p),
        (_("seed"), sampling.seed),
    ):
        if value is not None:
            facts.append(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}")
    if sampling.stop:
        facts.append(_("stops at %(marks)s") % {"marks": ", ".join(map(repr, sampling.stop))})
    return ", ".join(facts)


def _limits(definition: Definition) -> str:
    limits = definition.limits
    if limits is None:
        return ""
    facts = [_("%(n)d calls of the model") % {"n": limits.max_steps}]
    if definition.tools:
        facts.append(_("%(n)d calls of tools") % {"n": limits.max_tool_calls})
    if limits.max_output_tokens_total is not None:
        facts.append(
            _("%(n)s output tokens in total") % {"n": f"{limits.max_output_tokens_total:,}"}
        )
    if limits.max_cost_usd is not None:
        facts.append(f"{limits.max_cost_usd} USD")
    return ", ".join(facts)
