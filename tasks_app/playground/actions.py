"""The playground: one prompt to several models side by side, recorded and paid for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.common.errors import InvalidInput, NotAllowed, Problem
from plumbmark.engine.ports import CallResult, ModelRequest
from plumbmark.gateway.actions import close_grant, open_grant
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Deployment, Grant
from plumbmark.manifests import canonical_json
from tasks_app.authoring.actions import TaskFacts, create_task
from tasks_app.authoring.drafts import save_draft
from tasks_app.models import Task

SUBJECT = "playground"
ROLE = "playground"
MAX_MODELS = 6
MAX_PROMPT = 100_000
_FLUSH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt for the playground."""

    text: str
    system: str = ""
    temperature: float | None = None
    max_output_tokens: int = 1024

    @property
    def request(self) -> ModelRequest:
        messages = [{"role": "user", "content": self.text}]
        if self.system:
            messages.insert(0, {"role": "system", "content": self.system})
        return ModelRequest(
            messages=messages,
            max_output_tokens=self.max_output_tokens,
            temperature=self.temperature,
        )


def ask_side_by_side(
    *, prompt: Prompt, deployments: Sequence[Deployment], namespace: Namespace, by: User
) -> tuple[Grant, list[CallResult]]:
    """Ask every deployment at once, at the namespace's expense; results in their order.

    Waits for the slowest, at most its deadline. The calls are on record when it returns.
    """
    if not can_act_for(by, namespace):
        raise NotAllowed(f"You may not ask models on behalf of {namespace.handle}.")
    if not 1 <= len(deployments) <= MAX_MODELS:
        raise InvalidInput([Problem(f"choose one to {MAX_MODELS} models", "models")])
    if not prompt.text.strip():
        raise InvalidInput([Problem("write what to ask", "prompt")])
    if len(prompt.text) + len(prompt.system) > MAX_PROMPT:
        raise InvalidInput(
            [Problem(f"prompt and system have at most {MAX_PROMPT:,} characters", "prompt")]
        )
    with transaction.atomic():
        grant = open_grant(payer=namespace, subject=SUBJECT, deployments=deployments)
    try:
        results = runtime.run(_ask(grant.pk, [one.pk for one in deployments], prompt.request))
    finally:
        close_grant(grant=grant)
    return grant, results


async def _ask(grant_id: int, ids: Sequence[int], request: ModelRequest) -> list[CallResult]:
    gateway = runtime.gateway()
    callers = [await gateway.caller(grant_id=grant_id, deployment_id=one) for one in ids]
    try:
        results = await asyncio.gather(
            *(
                caller.call(request, key=str(deployment_id), role=ROLE)
                for caller, deployment_id in zip(callers, ids, strict=True)
            )
        )
        await callers[0].flush(timeout_seconds=_FLUSH_SECONDS)
    finally:
        for caller in callers:
            await caller.release()
    return list(results)


_DEFINITION = """\
plumbmark: 1
description: |
  Started in the playground. Add more rows to the data file, and say what a good answer is.
data:
  id: id
  target: answer
prompt:
{system}  messages:
    - role: user
      content: "{{question}}"
scorers:
  - type: includes   # or exact, numeric, regex, model_judge …
sampling:
  max_output_tokens: {tokens}
"""


def task_from_exchange(
    *, title: str, prompt: Prompt, answer: str, namespace: Namespace, by: User
) -> Task:
    """Create a private task whose first item is the question, with an answer as its target."""
    row = {"id": "q1", "question": prompt.text, "answer": answer.strip() or "?"}
    if prompt.system:
        row["instructions"] = prompt.system
    data = ContentFile(canonical_json(row) + b"\n", name="items.jsonl")
    with transaction.atomic():
        task = create_task(namespace=namespace, facts=TaskFacts(title=title), by=by)
        save_draft(
            task=task,
            definition_text=_DEFINITION.format(
                system='  system: "{instructions}"\n' if prompt.system else "",
                tokens=prompt.max_output_tokens,
            ),
            upload=UploadedFile(data, name="items.jsonl", size=data.size),
            by=by,
        )
    return task
