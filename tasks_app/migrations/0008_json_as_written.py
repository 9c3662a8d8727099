"""What may reach a prompt keeps the order of its keys on PostgreSQL too.

There the schemas of answers that were stored before get their order back from the definition's text,
over which their question hashes were made.
"""

import json
from typing import Any

import yaml
from django.db import migrations

from plumbmark.common.fields import KeepAsWritten, WrittenJSONField


def in_written_order(document: dict[str, Any], text: str, format: str) -> dict[str, Any] | None:
    """The document with its schema of answers as the text has it; None: nothing to change."""
    stored = (document.get("prompt") or {}).get("output_schema")
    if not stored:
        return None
    try:
        text = text.removeprefix("\ufeff")
        written = json.loads(text) if format == "json" else yaml.safe_load(text)
        schema = written["prompt"]["output_schema"]
        if schema != stored or json.dumps(schema) == json.dumps(stored):
            return None
    except (ValueError, TypeError, KeyError, RecursionError, yaml.YAMLError):
        return None
    return {**document, "prompt": {**document["prompt"], "output_schema": schema}}


def restore_order(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    versions = apps.get_model("tasks", "TaskVersion").objects.filter(kind="declarative")
    for version in versions.only("definition", "definition_text", "definition_format").iterator():
        document = in_written_order(
            version.definition, version.definition_text, version.definition_format
        )
        if document is not None:
            versions.filter(pk=version.pk).update(definition=document)


class Migration(migrations.Migration):

    dependencies = [("tasks", "0007_attachments_by_content")]

    operations = [
        KeepAsWritten("item", "input", WrittenJSONField()),
        KeepAsWritten("item", "scorer_input", WrittenJSONField(default=dict)),
        KeepAsWritten("item", "slices", WrittenJSONField(default=dict)),
        KeepAsWritten("item", "target", WrittenJSONField(null=True)),
        KeepAsWritten("sample", "messages", WrittenJSONField(null=True)),
        KeepAsWritten("samplescore", "details", WrittenJSONField(default=dict)),
        KeepAsWritten("taskversion", "definition", WrittenJSONField()),
        migrations.RunPython(restore_order, migrations.RunPython.noop, elidable=True),
    ]
