"""The author of the demo's tasks and benchmarks, and how it publishes them."""

import json
from typing import Any

from allauth.account.models import EmailAddress
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from plumbmark.accounts.models import Namespace, User
from tasks_app.authoring.actions import TaskFacts, create_task
from tasks_app.authoring.drafts import save_draft
from tasks_app.authoring.publication import publish_task
from tasks_app.models import TaskVersion

HANDLE = "demo"
EMAIL = "demo@demo.invalid"
"""Of an account that nobody can sign in to; no person can have an address of this domain."""


def create_owner() -> User:
    """Create the platform's own author: active, as actions check, but nobody can sign in as it."""
    with transaction.atomic():
        owner = User.objects.create_user(EMAIL, None)
        # Without a confirmed address, people have no page of their own.
        EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
        Namespace.objects.create(
            handle=HANDLE,
            user=owner,
            display_name="Demo",
            bio="Created when this platform was first started.",
        )
    return owner


def publish(
    namespace: Namespace,
    owner: User,
    title: str,
    summary: str,
    tags: list[str],
    definition: str,
    rows: list[dict[str, Any]],
) -> TaskVersion:
    task = create_task(
        namespace=namespace,
        facts=TaskFacts(title=title, summary=summary, licence="CC0-1.0", tags=tags),
        by=owner,
    )
    data = "\n".join(json.dumps(row) for row in rows).encode()
    save_draft(
        task=task,
        definition_text=definition,
        definition_format="yaml",
        upload=SimpleUploadedFile("items.jsonl", data),
        by=owner,
    )
    return publish_task(task=task, visibility="public", by=owner)
