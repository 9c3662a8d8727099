"""Scripts of several turns, and answers of a given form, against a real provider."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import Client

from plumbmark.common.errors import InvalidInput
from plumbmark.gateway.models import Call, Deployment, LedgerLine
from tasks_app.authoring import drafts, publication
from tasks_app.authoring.preview import preview_of
from tasks_app.kinds import kind_of
from tasks_app.models import (
    Run,
    Sample,
    SampleCall,
    SampleScore,
    Scoring,
    Task,
    TaskDraft,
    TaskVersion,
)
from tasks_app.runs.cost import cost_bound
from tasks_app.runs.transcripts import transcript_of

pytestmark = pytest.mark.django_db(transaction=True)

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  system: Be brief.
  messages: [{role: user, content: "First: {question}"}]
  follow_ups: ["Then: {question}", "Last: {answer}"]
sampling: {max_output_tokens: 64}
scorers: [{type: includes}]
"""


def published(world: Any, definition: str, count: int = 3) -> TaskVersion:
    task = world.task(f"Conversations {Task.objects.count()}")
    lines = "\n".join(
        json.dumps({"id": f"i{n}", "question": f"word{n}", "answer": f"end{n}"})
        for n in range(count)
    )
    drafts.save_draft(
        task=task,
        definition_text=definition,
        upload=SimpleUploadedFile("items.jsonl", lines.encode()),
        by=world.ada,
    )
    return publication.publish_task(task=task, visibility="public", by=world.ada)


def test_each_turn_is_said_after_the_answer_before(world: Any, check: Any) -> None:
    version = published(world, DEFINITION)
    contender = world.contender_of(world.add_deployment("echo"))
    bound = cost_bound(version=version, contender=contender)
    run = world.start(version, contender)
    world.work()
    run = check(run)

    assert run.state == Run.State.COMPLETED
    assert Scoring.objects.get(run=run).value == 1.0
    assert world.provider.stats()["total"] == 9
    transcript = transcript_of(run=run, ordinal=1, to=world.ada)
    assert [(one["role"], one["content"]) for one in transcript.messages] == [
        ("system", "Be brief."),
        ("user", "First: word1"),
        ("assistant", "First: word1"),
        ("user", "Then: word1"),
        ("assistant", "Then: word1"),
        ("user", "Last: end1"),
    ]
    assert transcript.sample.output == "Last: end1"
    assert [one.call.key for one in transcript.calls] == ["1/0", "1/1", "1/2"]
    assert transcript.calls[1].request["messages"] == list(transcript.messages)[:4]
    settled = LedgerLine.objects.filter(grant=run.grant, kind=LedgerLine.Kind.SETTLE)
    assert sum(settled.values_list("charged", flat=True)) == run.charged
    assert 0 < run.charged <= bound.total
    sample = Sample.objects.get(run=run, ordinal=1)
    calls = Call.objects.filter(pk__in=SampleCall.objects.filter(sample=sample).values("call"))
    assert sample.input_tokens == sum(calls.values_list("input_tokens", flat=True))


def test_what_a_dead_worker_was_answered_is_not_asked_again(world: Any, check: Any) -> None:
    """Two turns of a sample are on record, the sample is not: the third alone is asked."""
    version = published(world, DEFINITION)
    contender = world.contender_of(world.add_deployment("echo"))
    run = world.start(version, contender)
    world.work()
    Sample.objects.filter(run=run).delete()
    last = Call.objects.filter(grant=run.grant, key__endswith="/2")
    last.update(key=Concat(Value("gone "), "key"))
    Scoring.objects.filter(run=run).update(state="running", samples_done=0)
    Run.objects.filter(pk=run.pk).update(
        state="queued", samples_done=0, charged=0, provider_cost=0, finished_at=None
    )
    run.grant.refresh_from_db()
    type(run.grant).objects.filter(pk=run.grant_id).update(revoked_at=None)
    run.shards.update(state="queued")
    world.provider.reset()
    world.work()
    check(run)
    assert world.provider.stats()["total"] == 3


def test_follow_ups_are_part_of_the_question(world: Any) -> None:
    one = published(world, DEFINITION)
    other = published(world, DEFINITION.replace("Then:", "And then:"))
    assert one.question_hash != other.question_hash
    assert one.marking_hash == other.marking_hash


def test_the_form_of_an_answer_is_asked_of_the_provider(world: Any) -> None:
    schema = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    definition = json.dumps(
        {
            "plumbmark": 1,
            "data": {"id": "id", "target": "answer"},
            "prompt": {
                "messages": [{"role": "user", "content": "{question}"}],
                "output_schema": schema,
            },
            "scorers": [{"type": "json", "field": "word", "schema": schema}],
        }
    )
    version = published(world, definition, 1)
    world.start(version)
    world.work()
    body = world.provider.last()["body"]
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": schema},
    }


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ('follow_ups: ["{nothing}"]', "nothing"),
        ('follow_ups: ["{"]', "a single { is alone"),
        ("follow_ups: []\n  output_schema: {type: array}", "must be of type object"),
        ("follow_ups: []\n  output_schema: {type: 3}", "is no JSON Schema"),
    ],
)
def test_a_bad_script_is_refused_with_its_place(world: Any, changed: str, says: str) -> None:
    definition = DEFINITION.replace('follow_ups: ["Then: {question}", "Last: {answer}"]', changed)
    with pytest.raises(InvalidInput) as error:
        published(world, definition)
    assert says in str(error.value)


SIMULATED = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "Hello: {question}"}]
  scored: conversation
  simulated_user:
    model: fake/USER
    instructions: "Find out {question}. Secret: {answer}."
    max_turns: 3
    max_output_tokens: 64
sampling: {max_output_tokens: 64}
scorers: [{type: includes, normalise: []}]
"""


def test_another_model_plays_the_user_until_the_turns_are_used_up(world: Any, check: Any) -> None:
    world.add_deployment("echo")
    world.add_deployment("constant:Tell me end1, please.")
    version = published(
        world, SIMULATED.replace("fake/USER", '"fake/constant:Tell me end1, please."')
    )
    contender = world.contender_of(Deployment.objects.get(slug="fake/echo"))
    bound = cost_bound(version=version, contender=contender)
    run = world.start(version, contender)
    world.work()
    run = check(run)

    assert run.state == Run.State.COMPLETED
    # Three answers and two turns of the user for each of three items.
    assert world.provider.stats()["total"] == 15
    assert 0 < run.charged <= bound.total
    transcript = transcript_of(run=run, ordinal=1, to=world.ada)
    assert [one["content"] for one in transcript.messages] == [
        "Hello: word1",
        "Hello: word1",
        "Tell me end1, please.",
        "Tell me end1, please.",
        "Tell me end1, please.",
    ]
    assert [one.role for one in transcript.calls] == [
        "candidate",
        "simulated_user",
        "candidate",
        "simulated_user",
        "candidate",
    ]
    asked = transcript.calls[1].request["messages"]
    assert asked[0] == {"role": "system", "content": "Find out word1. Secret: end1."}
    assert [one["role"] for one in asked] == ["system", "user", "assistant", "user"]
    assert transcript.sample.output.startswith("User: Hello: word1\n\nAssistant: Hello: word1")
    assert [score.value for score in SampleScore.objects.order_by("sample__ordinal")] == [0, 1, 0]
    client = Client()
    client.force_login(world.ada)
    page = client.get(f"/runs/{run.pk}/samples/1/").content.decode()
    assert "What is scored: the whole conversation" in page
    assert "Call 2, simulated user" in page
    assert "Latency of the last call" in page
    sample = transcript.sample
    candidate = Call.objects.filter(
        pk__in=SampleCall.objects.filter(sample=sample, role="candidate").values("call")
    )
    assert sample.input_tokens == sum(candidate.values_list("input_tokens", flat=True))


def test_the_user_ends_the_conversation_with_its_word(world: Any, check: Any) -> None:
    world.add_deployment("echo")
    world.add_deployment("constant:All DONE here.")
    version = published(world, SIMULATED.replace("fake/USER", '"fake/constant:All DONE here."'))
    run = world.start(version, world.contender_of(Deployment.objects.get(slug="fake/echo")))
    world.work()
    check(run)
    assert world.provider.stats()["total"] == 6
    assert len(transcript_of(run=run, ordinal=0, to=world.ada).messages) == 1


def test_a_user_that_fails_is_not_the_candidates_fault(world: Any, check: Any) -> None:
    world.add_deployment("echo")
    world.add_deployment("overflow")
    version = published(world, SIMULATED.replace("USER", "overflow"))
    run = world.start(version, world.contender_of(Deployment.objects.get(slug="fake/echo")))
    world.work()
    run = check(run)
    assert run.samples_unscored == 3
    sample = Sample.objects.filter(run=run).earliest("ordinal")
    assert sample.outcome == "provider_error"
    assert "plays the user" in sample.error


def test_a_user_that_is_no_deployment_is_refused(world: Any) -> None:
    with pytest.raises(InvalidInput, match="not a deployment that you may call") as refused:
        published(world, SIMULATED)

    [problem] = refused.value.problems
    assert problem.path == "prompt.simulated_user.model"
    assert problem.line is not None
    assert "model: " in SIMULATED.split("\n")[problem.line - 1]


def test_messages_of_the_data_are_sent_as_messages(world: Any, check: Any) -> None:
    talk = [
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "And {3} + 3?"},
    ]
    rows = [
        {"id": "i0", "question": talk, "answer": "And {3} + 3?"},
        {"id": "i1", "question": "4 + 4?", "answer": "4 + 4?"},
    ]
    task = world.task("Prompts in the data")
    drafts.save_draft(
        task=task,
        definition_text=DEFINITION.replace("First: ", "").replace(
            '  follow_ups: ["Then: {question}", "Last: {answer}"]\n', ""
        ),
        upload=SimpleUploadedFile("items.jsonl", "\n".join(map(json.dumps, rows)).encode()),
        by=world.ada,
    )
    first = preview_of(TaskDraft.objects.get(task=task)).first[0]
    version = publication.publish_task(task=task, visibility="public", by=world.ada)
    run = world.start(version, world.contender_of(world.add_deployment("echo")))
    world.work()

    system = {"role": "system", "content": "Be brief."}
    assert first.messages == [system, *talk]
    samples = Sample.objects.filter(run=run).order_by("ordinal")
    assert [sample.output for sample in samples] == ["And {3} + 3?", "4 + 4?"]
    sent = [kind_of(version).messages_of(sample) for sample in samples]
    assert sent[0] == [system, *talk]
    assert sent[1] == [system, {"role": "user", "content": "4 + 4?"}]
    again = publication.build_version(task=task, by=world.ada)
    assert again.pk == version.pk
    check(run)
