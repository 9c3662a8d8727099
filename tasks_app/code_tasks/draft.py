"""The draft of a code task: how it is built, previewed and checked."""

from typing import Any

from django.db import transaction

from plumbmark.accounts.models import User
from plumbmark.common.errors import InvalidInput
from plumbmark.manifests import content_hash
from tasks_app.authoring.preview import Preview, place_problems
from tasks_app.authoring.versions import metric_columns, version_built_of
from tasks_app.code_tasks.actions import check_code, problems_of
from tasks_app.code_tasks.findings import Severity
from tasks_app.code_tasks.source.notebook import finding_document
from tasks_app.models import AttachedFile, Item, TaskDraft, TaskVersion


class CodeDraft:
    """A Python file or notebook, with settings and attached files."""

    name = TaskVersion.Kind.CODE.value
    edit_url = "tasks:edit-code"

    def build(self, draft: TaskDraft, *, by: User) -> TaskVersion:
        task = draft.task
        checked = check_code(draft)
        definition = checked.definition
        if definition is None:
            raise InvalidInput(problems_of(checked))
        assert draft.code_file is not None
        document = definition.as_document()
        digest = content_hash({"code": content_hash(document), "file": checked.source_digest})
        known = version_built_of(task, digest)
        if known is not None:
            return known
        with transaction.atomic():
            version = TaskVersion(
                task=task,
                kind=TaskVersion.Kind.CODE,
                definition=document,
                definition_text=draft.code_settings,
                definition_format="yaml",
                code_file=draft.code_file,
                source_digest=digest,
                **metric_columns(definition.metric),
                item_count=len(definition.counted),
                private_item_count=len(definition.counted) if definition.is_private else 0,
                created_by=by,
            )
            version.question_hash = definition.question_hash(salt=version.salt)
            version.marking_hash = definition.marking_hash()
            version.state = TaskVersion.State.READY
            version.save()
            split = Item.Split.PRIVATE if definition.is_private else Item.Split.PUBLIC
            Item.objects.bulk_create(
                Item(
                    version=version,
                    position=position,
                    key=one.key,
                    split=split,
                    input={"task": one.task or one.key, "file": definition.file_name},
                    target=None,
                    hash=content_hash(
                        {"key": one.key, "question": version.question_hash},
                        salt=version.salt if definition.is_private else None,
                    ),
                )
                for position, one in enumerate(definition.counted)
            )
            AttachedFile.objects.bulk_create(
                AttachedFile(version=version, data_file=row.data_file)
                for row in draft.attached_files.select_related("data_file")
            )
        return version

    def preview(
        self, draft: TaskDraft, *, text: str | None, rows: int | None, item: str
    ) -> Preview:
        try:
            checked = check_code(draft)
        except InvalidInput as error:
            return Preview(problems=place_problems(error.problems, ""))
        if checked.definition is None:
            return Preview(problems=place_problems(problems_of(checked), checked.script.code))
        items = len(checked.definition.counted)
        return Preview(
            warnings=[str(one) for one in checked.findings if one.severity is Severity.WARNING],
            items=items,
            private_items=items if checked.definition.is_private else 0,
        )

    def check(self, draft: TaskDraft, *, text: str | None = None) -> dict[str, Any]:
        checked = check_code(draft)
        if checked.definition is None:
            raise InvalidInput(problems_of(checked))
        items = len(checked.definition.counted)
        return {
            "items": items,
            "private_items": items if checked.definition.is_private else 0,
            "warnings": [],
            "first": [],
            "tools": [],
            "findings": [finding_document(one, checked.script) for one in checked.findings],
        }
