"""Models that call tools: a real provider, the real sandbox, paid for like all else."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import Client

from plumbmark.common.errors import Conflict
from plumbmark.gateway.models import Call, Deployment, LedgerLine
from tasks_app.authoring import drafts, publication
from tasks_app.models import Run, Sample, SampleCall, Scoring, Task, TaskVersion
from tasks_app.runs.cost import cost_bound
from tasks_app.runs.transcripts import transcript_of
from tasks_app.workers import sandbox as sandboxing

pytestmark = pytest.mark.django_db(transaction=True)
in_the_sandbox = pytest.mark.skipif(
    not sandboxing.is_here(), reason="no sandbox holds on this machine"
)

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
    "answers": [{"when": {"city": "{city}"}, "return": {"degrees": "{degrees}"}}],
    "otherwise": "No such city.",
}
ROW = {"id": "a", "city": "Paris", "degrees": 21, "answer": "21"}


def published(
    world: Any, text: str, tools: list[dict[str, Any]], *, rows: Any = (ROW,), **more: Any
) -> TaskVersion:
    definition = {
        "plumbmark": 1,
        "data": {"id": "id", "target": "answer"},
        "prompt": {"messages": [{"role": "user", "content": text}], **more.pop("prompt", {})},
        "tools": tools,
        "sampling": {"max_output_tokens": 64},
        "scorers": [{"type": "includes"}],
        **more,
    }
    task = world.task(f"Tools {Task.objects.count()}")
    drafts.save_draft(
        task=task,
        definition_text=json.dumps(definition),
        upload=SimpleUploadedFile("items.jsonl", "\n".join(map(json.dumps, rows)).encode()),
        by=world.ada,
    )
    return publication.publish_task(task=task, visibility="public", by=world.ada)


def ran(world: Any, check: Any, version: TaskVersion, model: str = "calls") -> tuple[Run, Sample]:
    """Return a run by a model that calls what the prompt's lines say; its first sample."""
    contender = world.contender_of(world.add_deployment(model))
    bound = cost_bound(version=version, contender=contender)
    run = world.start(version, contender)
    world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED, run.failure
    assert run.charged <= bound.total
    return run, Sample.objects.get(run=run, ordinal=0)


def spoken(sample: Sample) -> list[Any]:
    """Return the transcript in short: the text of each message, or its calls."""
    return [
        [(call["function"]["name"], call["function"]["arguments"]) for call in one["tool_calls"]]
        if "tool_calls" in one
        else one["content"]
        for one in sample.messages or ()
    ]


def test_a_model_calls_tools_until_it_answers(world: Any, check: Any) -> None:
    version = published(
        world,
        'CALL calculator {{"expression": "0.1+0.2"}}\nCALL get_weather {{"city": "{city}"}}',
        [{"type": "calculator"}, WEATHER],
    )
    run, sample = ran(world, check, version)

    assert sample.outcome == "answered"
    assert sample.output == 'The tool says: {"degrees": 21}'
    assert Scoring.objects.get(run=run).value == 1.0
    assert spoken(sample)[1:] == [
        [("calculator", '{"expression": "0.1+0.2"}')],
        "0.3",
        [("get_weather", '{"city": "Paris"}')],
        '{"degrees": 21}',
    ]
    calls = Call.objects.filter(grant=run.grant).order_by("key")
    assert list(calls.values_list("key", flat=True)) == ["0/0", "0/1", "0/2"]
    assert SampleCall.objects.filter(sample=sample).count() == 3
    assert sample.input_tokens == sum(calls.values_list("input_tokens", flat=True))
    settled = LedgerLine.objects.filter(grant=run.grant, kind=LedgerLine.Kind.SETTLE)
    assert sum(settled.values_list("charged", flat=True)) == run.charged > 0
    sent = world.provider.last()["body"]
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["calculator", "get_weather"]
    # Of two calls with one id each has its own, so that every provider tells them apart.
    ids = [one["tool_call_id"] for one in sent["messages"] if one["role"] == "tool"]
    assert len(set(ids)) == 2


def test_several_calls_of_one_answer_are_answered_in_their_order(world: Any, check: Any) -> None:
    prompt = 'CALL get_weather {{"city": "Rome"}} && get_weather {{"city": "Paris"}}'
    _, sample = ran(world, check, published(world, prompt, [WEATHER]))
    assert spoken(sample)[2:] == ["No such city.", '{"degrees": 21}']


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("get_whether {{}}", "there is no tool 'get_whether'; did you mean 'get_weather'?"),
        ("get_weather {{", "the arguments are not JSON"),
        ("get_weather [1]", "not a JSON object"),
        ('get_weather {{"city": 5}}', "city: 5 is not of type 'string'"),
        ("get_weather", "'city' is a required property"),
        ('get_weather {{"city": ' + "[" * 5000, "not JSON"),
        ('get_weather {{"city": "' + "x" * 70_000 + '"}}', "longer than 65,536"),
        ('get_weather {{"city": NaN}}', "NaN is not a number"),
        ('get_weather {{"city": ' + "[" * 101 + "]" * 101 + "}}", "nested deeper than 100 levels"),
        ('get_weather {{"city": 1, "\\ud800\\u0000": "\\udfff"}}', "not of type 'string'"),
        ("rm_-rf_/;`\x07 {{}}", "there is no tool"),
    ],
)
def test_what_is_wrong_with_a_call_is_told_to_the_model_and_it_goes_on(
    world: Any, check: Any, call: str, says: str
) -> None:
    row = {**ROW, "call": call.replace("{{", "{").replace("}}", "}")}
    version = published(world, "CALL {call}", [WEATHER], rows=[row])
    _, sample = ran(world, check, version)
    assert sample.outcome == "answered"
    assert says in sample.output
    *_, asked, answered = sample.messages or ()
    assert answered["is_error"] is True
    assert says in answered["content"]
    # What is sent back can be read by every host.
    for one in asked["tool_calls"]:
        assert isinstance(json.loads(one["function"]["arguments"]), dict)
        assert one["function"]["name"].replace("_", "").replace("-", "").isalnum()
    assert len(json.dumps(sample.messages)) < 80_000
    client = Client()
    client.force_login(world.ada)
    for path in (f"/runs/{sample.run_id}/samples/0/", f"/api/v1/runs/{sample.run_id}/samples/0"):
        assert client.get(path).status_code == 200
    assert "is_error" not in json.dumps(world.provider.last()["body"])


def test_a_call_that_was_cut_off_ends_at_the_limit_of_steps(world: Any, check: Any) -> None:
    version = published(world, "{city}?", [WEATHER], limits={"max_steps": 4})
    run, sample = ran(world, check, version, "half-arguments")
    assert sample.outcome == "own_limit"
    assert sample.is_scored
    assert "4 model calls (max_steps)" in sample.error
    assert world.provider.stats()["total"] == 4
    assert Scoring.objects.get(run=run).value == 0.0


def test_too_many_tool_calls_end_a_sample(world: Any, check: Any) -> None:
    call = 'calculator {{"expression": "1"}}'
    version = published(
        world,
        f"CALL {call} && {call}\nCALL {call} && {call}",
        [{"type": "calculator"}],
        limits={"max_tool_calls": 3},
    )
    _, sample = ran(world, check, version)
    assert sample.outcome == "own_limit"
    assert "3 tool calls" in sample.error
    assert len(spoken(sample)) == 5, "the calls that were not answered are shown"


@pytest.mark.parametrize("limits", [{"max_output_tokens_total": 2}, {"max_cost_usd": "0.0001"}])
def test_a_sample_that_used_its_tokens_or_money_up_is_asked_no_more(
    world: Any, check: Any, limits: dict[str, Any]
) -> None:
    prompt = "\n".join(['CALL calculator {{"expression": "1"}}'] * 5)
    version = published(world, prompt, [{"type": "calculator"}], limits=limits)
    run, sample = ran(world, check, version)
    assert sample.outcome == "own_limit"
    assert next(iter(limits)) in sample.error
    assert 1 <= world.provider.stats()["total"] < 6
    if "max_cost_usd" in limits:
        # What is over the limit is the last call's alone.
        last = Call.objects.filter(grant=run.grant).latest("started_at")
        assert run.charged - last.charged < 100_000 <= run.charged


def test_the_middle_of_a_long_result_is_left_out(world: Any, check: Any) -> None:
    tool = {**WEATHER, "answers": [{"return": "begin" + "ä" * 5000 + "end"}]}
    version = published(
        world,
        'CALL get_weather {{"city": "x"}}',
        [tool],
        limits={"max_tool_result_bytes": 300},
    )
    _, sample = ran(world, check, version)
    said = (sample.messages or ())[-1]["content"]
    assert said.startswith("begin")
    assert said.endswith("end")
    assert "bytes left out" in said
    assert len(said.encode()) <= 300


def test_tools_in_several_turns(world: Any, check: Any) -> None:
    version = published(
        world,
        'CALL get_weather {{"city": "{city}"}}',
        [WEATHER],
        prompt={"follow_ups": ['And?\nCALL get_weather {{"city": "Rome"}}']},
    )
    _, sample = ran(world, check, version)
    assert sample.output == "The tool says: No such city."
    assert [one["role"] for one in sample.messages or ()] == [
        "user", "assistant", "tool", "assistant", "user", "assistant", "tool",
    ]  # fmt: skip


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("model", ["tools", "half-arguments"])
def test_every_wire_format_carries_calls_and_results(
    world: Any, check: Any, provider: str, model: str
) -> None:
    """The half of a call is sent back in a form that each of them reads."""
    version = published(world, "{city}?", [WEATHER], limits={"max_steps": 3})
    deployment = world.add_deployment(model)
    Deployment.objects.filter(pk=deployment.pk).update(provider=provider)
    deployment.refresh_from_db()
    run = world.start(version, world.contender_of(deployment))
    world.work()
    run = check(run)
    sample = Sample.objects.get(run=run)
    results = [one["content"] for one in sample.messages or () if one["role"] == "tool"]
    if model == "tools":
        assert sample.outcome == "answered", sample.error
        assert results == ['{"degrees": 21}']
        assert "degrees" in sample.output
    else:
        assert sample.outcome == "own_limit", sample.error
        assert len(results) == 3
        # What a format makes of the half differs; it is never taken for the whole.
        assert all("21" not in one for one in results), results


def test_limits_make_the_bound_of_the_cost_smaller(world: Any) -> None:
    contender = world.contender

    def bound(**limits: Any) -> int:
        version = published(world, "{city}?", [WEATHER], limits=limits)
        return cost_bound(version=version, contender=contender).total

    full = bound()
    assert bound(max_steps=1) < bound(max_steps=5) < full
    assert bound(max_steps=10, max_tool_calls=20) == full
    assert bound(max_tool_calls=1) < bound(max_tool_result_bytes=256) < full
    assert bound(max_output_tokens_total=100) < full
    one_call = bound(max_steps=1)
    # No call is made once it is spent; the last one may go beyond.
    assert 1_000_000 + one_call < bound(max_cost_usd="0.001") < full


def test_a_simulated_user_does_not_see_the_tools(world: Any, check: Any) -> None:
    world.add_deployment("constant:Thank you.")
    version = published(
        world,
        'CALL get_weather {{"city": "{city}"}}',
        [WEATHER],
        prompt={
            "simulated_user": {
                "model": "fake/constant:Thank you.",
                "instructions": "You want to know the weather in {city}.",
                "max_turns": 2,
            },
            "scored": "conversation",
        },
    )
    _, sample = ran(world, check, version)
    calls = {one.role: one for one in SampleCall.objects.filter(sample=sample)}
    assert set(calls) == {"candidate", "simulated_user"}
    keys = Call.objects.order_by("started_at").values_list("key", flat=True)
    assert list(keys) == ["0/0", "0/1", "0/u0", "0/2"]
    user = transcript_of(run=sample.run, ordinal=0, to=world.ada).calls[2]
    assert [one["role"] for one in user.request["messages"]] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
    assert "tools" not in user.request
    assert '[calls get_weather with {"city": "Paris"}]' in sample.output
    assert 'Tool: {"degrees": 21}' in sample.output
    assert sample.output.endswith("Assistant: The tool says: None")


def test_what_a_dead_worker_was_answered_is_not_asked_again(world: Any, check: Any) -> None:
    """Two steps are on record with their calls, the sample is not: the third alone is asked."""
    version = published(
        world,
        'CALL get_weather {{"city": "{city}"}}\nCALL calculator {{"expression": "2*3"}}',
        [WEATHER, {"type": "calculator"}],
    )
    run, before = ran(world, check, version)
    Sample.objects.filter(run=run).delete()
    last = Call.objects.filter(grant=run.grant, key__endswith="/2")
    last.update(key=Concat(Value("gone "), "key"))
    Scoring.objects.filter(run=run).update(state="running", samples_done=0)
    Run.objects.filter(pk=run.pk).update(
        state="queued", samples_done=0, charged=0, provider_cost=0, finished_at=None
    )
    type(run.grant).objects.filter(pk=run.grant_id).update(revoked_at=None)
    run.shards.update(state="queued")
    world.provider.reset()
    world.work()
    check(run)
    assert world.provider.stats()["total"] == 1
    after = Sample.objects.get(run=run)
    assert (after.messages, after.output) == (before.messages, before.output)


@in_the_sandbox
def test_python_runs_in_the_sandbox(world: Any, check: Any) -> None:
    programs = [
        "print(6 * 7, {chr(n) for n in range(97, 105)})",
        "import socket; socket.create_connection(('1.1.1.1', 80), 1)",
        "x = 1",
        "while True: pass",
    ]
    row = {**ROW, **{f"p{n}": json.dumps({"code": code}) for n, code in enumerate(programs)}}
    prompt = "\n".join(f"CALL python {{p{n}}}" for n in range(len(programs)))
    version = published(
        world, prompt, [{"type": "python", "timeout_seconds": 3}], rows=[row, {**row, "id": "b"}]
    )
    run, sample = ran(world, check, version)
    assert run.needs_sandbox
    results = [one for one in sample.messages or () if one["role"] == "tool"]
    assert results[0]["content"].startswith("42 {")
    assert "is_error" not in results[0]
    assert "exit code 1" in results[1]["content"]
    assert "Network is unreachable" in results[1]["content"]
    assert results[2]["content"] == "(The program printed nothing.)"
    assert "did not end within 3 s" in results[3]["content"]
    assert results[3]["is_error"]
    # The same programs print the same, sets too.
    other = Sample.objects.get(run=run, ordinal=1)
    assert spoken(other)[2] == results[0]["content"]


SCRIPT = """\
def call(arguments, item):
    if arguments["code"] == "boom":
        raise ValueError("no such code")
    if arguments["code"] == "flood":
        print("x" * 10_000_000)
        return "y" * 100_000
    return {"is": arguments["code"] == item["secret"], "knows": sorted(item)}
"""


@in_the_sandbox
def test_a_script_answers_with_the_items_columns_and_never_the_target(
    world: Any, check: Any
) -> None:
    tool = {
        "type": "function",
        "name": "unlock",
        "description": "Tries a code.",
        "parameters": {"type": "object", "properties": {"code": {"type": "string"}}},
        "script": SCRIPT,
        "columns": ["secret"],
    }
    codes = ["4711", "0000", "boom", "flood"]
    prompt = "\n".join(f'CALL unlock {{{{"code": "{code}"}}}}' for code in codes)
    version = published(world, prompt, [tool], rows=[{**ROW, "secret": "4711"}])
    _, sample = ran(world, check, version)
    results = [one["content"] for one in sample.messages or () if one["role"] == "tool"]
    assert results[:3] == [
        '{"is": true, "knows": ["secret"]}',
        '{"is": false, "knows": ["secret"]}',
        "The tool failed: ValueError: no such code (line 3).",
    ]
    assert results[3].startswith("The tool failed: it returned 100,0")


@in_the_sandbox
def test_runs_with_code_tools_wait_for_a_worker_with_a_sandbox(world: Any, settings: Any) -> None:
    version = published(world, "{city}", [{"type": "python"}])
    run = world.start(version)
    settings.SANDBOX_IS_ON = False
    assert world.work() == ["nothing due"]
    with pytest.raises(Conflict, match=r"tools that run code.*switched the sandbox off"):
        world.start(version)
    settings.SANDBOX_IS_ON = True
    world.work()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED


@in_the_sandbox
def test_a_sandbox_that_fails_leaves_the_sample_unscored(
    world: Any, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plumbmark.sandbox import PythonExecutor, SandboxUnavailable

    async def fail(*_: Any, **__: Any) -> Any:
        raise SandboxUnavailable("It is broken.")

    monkeypatch.setattr(PythonExecutor, "execute", fail)
    version = published(world, 'CALL python {{"code": "1"}}', [{"type": "python"}])
    run, sample = ran(world, check, version)
    assert sample.outcome == "sandbox_infrastructure"
    assert not sample.is_scored
    assert "It is broken" in sample.error
    assert run.samples_unscored == 1


def test_the_api_and_the_page_tell_of_calls_and_results(world: Any, check: Any) -> None:
    version = published(
        world,
        'CALL get_weather {{"city": "{city}"}}\nCALL nothing {{"code": "a\\nb", "n": [1]}}',
        [{**WEATHER, "answers": [{"return": "<b>{degrees}</b>"}]}],
    )
    run, _ = ran(world, check, version)
    client = Client()
    client.force_login(world.ada)
    document = client.get(f"/api/v1/runs/{run.pk}/samples/0").json()
    assert document["tool_calls"][0] == {
        "tool": "get_weather",
        "arguments": {"city": "Paris"},
        "result": "<b>21</b>",
        "is_error": False,
    }
    assert document["tool_calls"][1]["is_error"]
    page = client.get(f"/runs/{run.pk}/samples/0/").content.decode()
    assert "Calls get_weather" in page
    assert "city: Paris" in page
    assert "get_weather answers" in page
    assert "&lt;b&gt;21&lt;/b&gt;" in page
    assert "code:\na\nb\nn: [1]" in page
    assert "Error from nothing" in page
    part = client.get(f"/runs/{run.pk}/samples/0/messages/1/")
    assert json.loads(part.content)["tool_calls"][0]["function"]["name"] == "get_weather"


def test_the_editor_shows_the_tools_as_models_are_told_of_them(world: Any) -> None:
    version = published(world, "{city}", [{"type": "calculator"}, WEATHER])
    client = Client()
    client.force_login(world.ada)
    page = client.get(f"{version.task.get_absolute_url()}edit/").content.decode()
    assert "Tools that the model may call" in page
    assert "The weather in a city." in page
    checked = client.post(f"/api/v1/tasks/{version.task.public_id}/draft/check").json()
    assert [tool["name"] for tool in checked["tools"]] == ["calculator", "get_weather"]
    document = client.get(f"/api/v1/task-versions/{version.public_id}").json()
    assert document["definition"]["tools"][1]["options"]["answers"] == WEATHER["answers"]
