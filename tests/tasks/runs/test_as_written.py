"""What the author wrote reaches the model in the order it was written in, on every database."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from plumbmark.gateway.models import Exchange
from plumbmark.gateway.storage.records import decompress
from tasks_app.authoring import drafts, publication
from tasks_app.definitions import Definition
from tasks_app.definitions.hashes import VersionHashes
from tasks_app.models import Run, TaskVersion

pytestmark = pytest.mark.django_db(transaction=True)

# Neither sorted nor by length, which is how `jsonb` has them.
DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer, slices: [topic, at]}
prompt:
  messages: [{role: user, content: "{facts} {small}"}]
  output_schema:
    type: object
    properties:
      reasoning: {type: string}
      answer: {type: string, description: The last word}
      by: {type: string}
    required: [reasoning, answer, by]
    additionalProperties: false
tools:
  - type: function
    name: look_up
    description: Looks it up.
    parameters:
      type: object
      properties: {where: {type: string}, at: {type: string}}
    answers: [{when: {at: "{id}"}, return: "{facts}"}]
    otherwise: Nothing there.
sampling: {max_output_tokens: 64}
scorers: [{type: includes}]
"""
ROW = (
    '{"id": "a", "facts": {"zebra": 1.50, "an": {"of": 1, "me": 2}}, "small": 2.5e-9, '
    '"answer": ["no", "yes"], "topic": "t", "at": "u"}'
)
SHOWN = '{"zebra": 1.5, "an": {"of": 1, "me": 2}} 2.5e-09'


def published(world: Any) -> TaskVersion:
    task = world.task("In order")
    drafts.save_draft(
        task=task,
        definition_text=DEFINITION,
        definition_format="yaml",
        upload=SimpleUploadedFile("items.jsonl", ROW.encode()),
        by=world.ada,
    )
    return publication.publish_task(task=task, visibility="public", by=world.ada)


def test_the_model_is_asked_in_the_authors_order_and_so_it_is_recorded(
    world: Any, check: Any
) -> None:
    run = world.start(published(world))
    world.work()
    assert check(run).state == Run.State.COMPLETED, run.failure

    for sent in (
        world.provider.last()["body"],
        decompress(bytes(Exchange.objects.get().body))["request"],
    ):
        assert sent["messages"][-1]["content"] == SHOWN
        schema = sent["response_format"]["json_schema"]["schema"]
        assert list(schema["properties"]) == ["reasoning", "answer", "by"]
        assert list(schema["properties"]["answer"]) == ["type", "description"]
        (tool,) = sent["tools"]
        assert list(tool["function"]["parameters"]["properties"]) == ["where", "at"]
    assert list(run.task_version.items.get().slices) == ["topic", "at"]


def test_the_stored_version_has_the_hash_of_what_was_written(world: Any) -> None:
    version = TaskVersion.objects.get(pk=published(world).pk)
    hashes = VersionHashes(Definition.from_document(version.definition), salt=version.salt)

    found = [hashes.add(item) for item in version.items.order_by("position")]

    assert found == list(version.items.order_by("position").values_list("hash", flat=True))
    assert (hashes.question, hashes.marking) == (version.question_hash, version.marking_hash)


def test_another_order_of_the_schema_is_another_version(world: Any) -> None:
    first = published(world)
    reordered = DEFINITION.replace("      reasoning: {type: string}\n", "", 1).replace(
        "      by: {type: string}\n", "      by: {type: string}\n      reasoning: {type: string}\n"
    )
    drafts.save_draft(
        task=first.task, definition_text=reordered, definition_format="yaml", by=world.ada
    )
    second = publication.publish_task(task=first.task, by=world.ada)

    assert second.pk != first.pk
    assert second.question_hash != first.question_hash
    assert publication.build_version(task=first.task, by=world.ada).pk == second.pk
