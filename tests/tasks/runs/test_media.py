"""Images and audio on their way to a real provider: the exact bytes, the bound, the refusals."""

import base64
import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from plumbmark.common.errors import Conflict
from plumbmark.gateway.models import CatalogueModel, Deployment
from tasks_app.authoring import drafts, publication
from tasks_app.datasets import actions as attaching
from tasks_app.models import Attachment, Run, Sample, TaskVersion
from tasks_app.runs.cost import cost_bound
from tasks_app.runs.transcripts import transcript_of
from tests.media_files import data_url, image, mp3, wav

pytestmark = pytest.mark.django_db(transaction=True)

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  few_shot:
    - user: [{text: "Which colour?"}, {image: example.png}]
      assistant: white
  messages:
    - role: user
      content:
        - text: "{question}"
        - image: "{photo}"
        - {audio: "{sound}", optional: true}
repeats: 2
sampling: {max_output_tokens: 64}
scorers: [{type: includes}]
"""
FILES = {
    "example.png": image(colour="white"),
    "red.png": image(colour="red"),
    "blue.jpg": image("JPEG", "blue"),
    "beep.wav": wav(),
    "quiet.mp3": mp3(),
}
ROWS = [
    {"id": "a", "question": "red?", "photo": "red.png", "sound": "beep.wav", "answer": "red"},
    {"id": "b", "question": "blue?", "photo": "blue.jpg", "sound": "quiet.mp3", "answer": "blue"},
    {
        "id": "c",
        "question": "green?",
        "photo": data_url(image("WEBP", "green"), "image/webp"),
        "sound": "",
        "answer": "green",
    },
]


def published(
    world: Any, definition: str = DEFINITION, rows: list[dict[str, Any]] = ROWS
) -> TaskVersion:
    task = world.task("Colours")
    attaching.attach_media(
        task=task,
        uploads=[SimpleUploadedFile(name, data) for name, data in FILES.items()],
        by=world.ada,
    )
    drafts.save_draft(
        task=task,
        definition_text=definition,
        upload=SimpleUploadedFile("items.jsonl", "\n".join(map(json.dumps, rows)).encode()),
        by=world.ada,
    )
    return publication.publish_task(task=task, visibility="public", by=world.ada)


def url_of(name: str, media_type: str) -> str:
    return data_url(FILES[name], media_type)


def test_the_provider_is_sent_the_exact_bytes(world: Any, check: Any) -> None:
    version = published(world)
    contender = world.contender_of(world.add_deployment("echo"))
    bound = cost_bound(version=version, contender=contender)
    run = world.start(version, contender)
    world.work()
    run = check(run)

    assert run.state == Run.State.COMPLETED
    assert world.provider.stats()["total"] == 6
    transcript = transcript_of(run=run, ordinal=0, to=world.ada)
    assert transcript.calls[0].request["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Which colour?"},
                {"type": "image_url", "image_url": {"url": url_of("example.png", "image/png")}},
            ],
        },
        {"role": "assistant", "content": "white"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "red?"},
                {"type": "image_url", "image_url": {"url": url_of("red.png", "image/png")}},
                {
                    "type": "input_audio",
                    "input_audio": {
                        "data": base64.b64encode(FILES["beep.wav"]).decode(),
                        "format": "wav",
                    },
                },
            ],
        },
    ]
    body = json.dumps(transcript_of(run=run, ordinal=3, to=world.ada).calls[0].request)
    assert base64.b64encode(FILES["quiet.mp3"]).decode() in body
    assert url_of("blue.jpg", "image/jpeg") in body
    last = transcript_of(run=run, ordinal=5, to=world.ada).calls[0].request["messages"][-1]
    assert [part["type"] for part in last["content"]] == ["text", "image_url"]
    assert last["content"][1]["image_url"]["url"] == ROWS[2]["photo"]
    # What is stored of a sample names the file; its bytes stand in the exchange.
    shown = transcript.messages[-1]["content"][1]
    assert shown["name"] == "red.png"
    assert "base64" not in json.dumps(list(transcript.messages))
    assert 0 < run.charged <= bound.total


def test_audio_is_bounded_before_the_start_as_when_it_is_sent(world: Any) -> None:
    with_audio = published(world)
    contender = world.contender_of(world.add_deployment("echo"))
    bound = cost_bound(version=with_audio, contender=contender, item_count=1)
    run = world.start(with_audio, contender, purpose="try", spend_limit=bound.total * 3)
    world.work()
    run.refresh_from_db()

    # No call was refused for being dearer than what was said before the start.
    assert run.state == Run.State.COMPLETED


def test_a_model_that_sees_no_images_is_refused_at_the_start(world: Any) -> None:
    version = published(world)
    CatalogueModel.objects.update(modalities=["text", "audio"])

    with pytest.raises(Conflict, match=r"hold images, and .* takes in text, audio alone"):
        world.start(version, world.contender_of(Deployment.objects.get(slug="fake/arithmetic")))


def test_a_file_that_is_gone_leaves_the_sample_unscored_with_the_reason(world: Any) -> None:
    version = published(world)
    red = Attachment.objects.get(pk=_used(version, "red.png"))
    red.file.storage.delete(red.file.name)
    run = world.start(version, world.contender_of(world.add_deployment("echo")))
    world.work()
    run.refresh_from_db()

    assert run.state == Run.State.COMPLETED
    unscored = Sample.objects.filter(run=run, is_scored=False)
    assert [one.item.key for one in unscored] == ["a", "a"]
    assert "file of the item is gone" in unscored[0].error
    assert world.provider.stats()["total"] == 4


def _used(version: TaskVersion, name: str) -> int:
    return int(version.attachment_uses.get(name=name).attachment_id)


def test_a_conversation_shows_files_to_the_candidate_alone(world: Any, check: Any) -> None:
    world.add_deployment("echo")
    definition = DEFINITION.replace(
        "repeats: 2",
        """\
  scored: conversation
  simulated_user:
    model: fake/echo
    instructions: Ask about the picture.
    max_turns: 2
    max_output_tokens: 64
""",
    )
    version = published(world, definition, ROWS[:1])
    run = world.start(version, world.contender_of(world.add_deployment("constant:Nice.")))
    world.work()
    run = check(run)

    transcript = transcript_of(run=run, ordinal=0, to=world.ada)
    assert [one.role for one in transcript.calls] == ["candidate", "simulated_user", "candidate"]
    to_user = json.dumps(transcript.calls[1].request)
    assert "base64" not in to_user
    assert "[image: red.png]" in to_user
    assert "[audio: beep.wav]" in transcript.sample.output
    assert "base64" not in json.dumps(transcript.sample.messages)
    assert url_of("red.png", "image/png") in json.dumps(transcript.calls[2].request)


def test_large_images_pass_whole(world: Any, check: Any) -> None:
    target = io.BytesIO()
    Image.effect_noise((3000, 3000), 100).save(target, "PNG")
    large = target.getvalue()
    assert len(large) > 5_000_000
    task = world.task("Large")
    attaching.attach_media(
        task=task, uploads=[SimpleUploadedFile("large.png", large)], by=world.ada
    )
    rows = [{"id": f"i{n}", "question": "?", "photo": "large.png", "answer": "?"} for n in range(4)]
    definition = DEFINITION.replace('        - {audio: "{sound}", optional: true}\n', "")
    start, end = definition.index("  few_shot"), definition.index("  messages")
    drafts.save_draft(
        task=task,
        definition_text=definition[:start] + definition[end:],
        upload=SimpleUploadedFile("items.jsonl", "\n".join(map(json.dumps, rows)).encode()),
        by=world.ada,
    )
    version = publication.publish_task(task=task, visibility="public", by=world.ada)
    run = world.start(version, world.contender_of(world.add_deployment("echo")))
    world.work()
    run = check(run)

    assert run.state == Run.State.COMPLETED
    assert run.samples_unscored == 0
    sent = transcript_of(run=run, ordinal=7, to=world.ada).calls[0].request
    assert sent["messages"][0]["content"][1]["image_url"]["url"] == data_url(large)
