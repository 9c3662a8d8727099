"""The draft of a declarative task: how it is built, previewed and checked."""

import itertools
import json
from typing import Any

from plumbmark.accounts.models import User
from plumbmark.common.errors import InvalidInput
from plumbmark.common.progress import count_progress
from plumbmark.gateway.storage import bulk
from plumbmark.manifests import content_hash
from tasks_app.authoring.drafts import check_draft
from tasks_app.authoring.preview import (
    Preview,
    first_questions,
    place_problems,
    start_of,
    tool_schemas,
)
from tasks_app.authoring.versions import metric_columns, version_built_of
from tasks_app.datasets import ImportResult
from tasks_app.datasets.key_corrections import KeyCorrections, key_corrections_of
from tasks_app.datasets.media import inspect_media
from tasks_app.datasets.media.storage import media_limits, store_media, use_in_version
from tasks_app.definitions import Definition, VersionHashes
from tasks_app.models import Item, TaskDraft, TaskVersion

_CHUNK = 500
_ITEM_FIELDS = (
    "version",
    "position",
    "key",
    "split",
    "input",
    "target",
    "scorer_input",
    "choices",
    "cluster",
    "slices",
    "attachments",
    "hash",
    "withheld_reason",
)


class DeclarativeDraft:
    """A definition with a data file."""

    name = TaskVersion.Kind.DECLARATIVE.value
    edit_url = "tasks:edit"

    def build(self, draft: TaskDraft, *, by: User) -> TaskVersion:
        """Build a version. Items are written in chunks into a version that nobody sees, which then
        becomes ready at once."""
        task = draft.task
        with check_draft(draft) as (definition, imported):
            assert draft.data_file is not None
            document = definition.as_document()
            source = {"definition": content_hash(document), "data": draft.data_file.sha256}
            if imported.files:
                source["files"] = content_hash(
                    {name: file.sha256 for name, file in imported.files.items()}
                )
            if definition.prompt.output_schema is not None:
                # The order of its keys is asked too, and the canonical form has none.
                source["output_schema"] = json.dumps(definition.prompt.output_schema)
            corrections = key_corrections_of(task)
            digest = corrections.digest_of(content_hash(source))
            known = version_built_of(task, digest)
            if known is not None:
                return known
            version = TaskVersion.objects.create(
                task=task,
                definition=document,
                definition_text=draft.definition_text,
                definition_format=draft.definition_format,
                data_file=draft.data_file,
                source_digest=digest,
                repeats=definition.repeats,
                **metric_columns(definition.metric),
                created_by=by,
            )
            try:
                _fill(version, definition, imported, corrections)
            except BaseException:
                version.items.all().delete()
                version.delete()
                raise
        return version

    def preview(
        self, draft: TaskDraft, *, text: str | None, rows: int | None, item: str
    ) -> Preview:
        text = draft.definition_text if text is None else text
        try:
            with check_draft(draft, first=rows, item=item, definition_text=text) as (
                definition,
                imported,
            ):
                start = start_of(imported, item)
                return Preview(
                    warnings=imported.warnings,
                    items=imported.count,
                    private_items=imported.private_count,
                    is_whole=rows is None or imported.count < rows,
                    first=first_questions(definition, imported, start=start or 1),
                    start=start or 1,
                    not_found="" if start else item,
                    tools=tool_schemas(definition),
                )
        except InvalidInput as error:
            return Preview(problems=place_problems(error.problems, text))

    def check(self, draft: TaskDraft, *, text: str | None = None) -> dict[str, Any]:
        with check_draft(draft, definition_text=text) as (definition, imported):
            return {
                "items": imported.count,
                "private_items": imported.private_count,
                "warnings": imported.warnings,
                "first": first_questions(definition, imported),
                "tools": tool_schemas(definition),
                "findings": [],
            }


def _fill(
    version: TaskVersion,
    definition: Definition,
    imported: ImportResult,
    corrections: KeyCorrections,
) -> None:
    hashes = VersionHashes(definition, salt=version.salt)
    corrected = map(corrections.apply, imported)
    items = count_progress("Storing items", corrected, imported.count)
    while chunk := list(itertools.islice(items, _CHUNK)):
        bulk.insert(
            Item,
            _ITEM_FIELDS,
            [
                (
                    version.pk,
                    item.position,
                    item.key,
                    item.split,
                    item.input,
                    item.target,
                    item.scorer_input,
                    item.choices,
                    item.cluster,
                    item.slices,
                    item.attachments,
                    hashes.add(item),
                    "",
                )
                for item in chunk
            ],
        )
    for path in imported.inline_files.values():
        data = path.read_bytes()
        store_media(inspect_media(data, media_limits()), data)
    use_in_version(version.pk, imported.files)
    version.question_hash = hashes.question
    version.marking_hash = hashes.marking
    version.item_count = imported.count
    version.private_item_count = imported.private_count
    version.state = TaskVersion.State.READY
    version.save()
