"""Tools and limits of a definition: what is taken, and what is refused with its place."""

from typing import Any

import pytest

from plumbmark.common.errors import InvalidInput
from plumbmark.engine.tools import TOOL_TYPES
from tasks_app.definitions import Definition, parse_definition
from tasks_app.definitions.rendering import columns_used, tools_of
from tasks_app.definitions.warnings import definition_warnings
from tests.tasks.definitions.published import TOOL_SCHEMAS

TEXT = """\
plumbmark: 1
data: {target: answer}
prompt:
  messages: [{role: user, content: "{question}"}]
tools:
  - type: function
    name: get_weather
    description: The weather.
    parameters: {type: object, properties: {city: {type: string}}}
    answers:
      - {when: {city: "{place}"}, return: {degrees: "{degrees}"}}
    otherwise: unknown
  - type: python
limits: {max_steps: 7}
scorers: [{type: exact}]
"""
SCRIPT = 'script: "def call(arguments, item): return 1"'


def refused(text: str) -> str:
    with pytest.raises(InvalidInput) as error:
        parse_definition(text)
    return str(error.value)


def test_every_type_of_tool_has_a_schema_and_no_other() -> None:
    assert set(TOOL_SCHEMAS) == set(TOOL_TYPES)


def test_a_definition_with_tools_reads_back_to_an_equal_one() -> None:
    definition = parse_definition(TEXT)
    assert Definition.from_document(definition.as_document()) == definition
    assert [tool.name for tool in tools_of(definition)] == ["get_weather", "python"]
    assert columns_used(definition) == {
        "question": "prompt.messages[0].content",
        "place": "tools[0].answers[0]",
        "degrees": "tools[0].answers[0]",
    }


def test_a_tool_may_know_the_right_answer_without_a_warning() -> None:
    text = TEXT.replace("{degrees}", "{answer}")
    assert definition_warnings(parse_definition(text)) == []
    shown = definition_warnings(parse_definition(text.replace("{question}", "{answer}")))
    assert "the prompt shows the column 'answer'" in shown[0]


def test_steps_are_ten_and_one_for_each_further_turn() -> None:
    without = TEXT.replace("limits: {max_steps: 7}\n", "")
    assert parse_definition(without).limits == parse_definition(TEXT.replace("7", "10")).limits
    turns = without.replace("tools:", '  follow_ups: ["a", "b"]\ntools:')
    limits = parse_definition(turns).limits
    assert limits is not None
    assert limits.max_steps == 12


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("type: python", "type: pyton", "did you mean 'python'?"),
        ("type: python", "type: python\n    timeout: 3", "line 14, tools[1].timeout"),
        ("type: python", "type: python\n    timeout_seconds: 600", "at most 60"),
        ("type: python", "type: python\n    name: get_weather", "the name 'get_weather' is taken"),
        ("name: get_weather", "name: get weather", "1 to 64 letters, digits, - and _"),
        ("    description: The weather.\n", "", "the key 'description' is missing"),
        ("{city: {type: string}}", "{city: {type: 3}}", "is no JSON Schema"),
        ("{city: {type: string}}", "{city: {pattern: a}}", "may not use pattern"),
        ("parameters: {type: object,", "parameters: {type: array,", "must be of type object"),
        ('{city: "{place}"}', '{town: "x"}', "none of the parameters: city"),
        ("{place}", "{", "a single { is alone"),
        ("{place}", "{ \u200b}", "invisible character"),
        ("otherwise: unknown", SCRIPT, "either answers"),
        ("otherwise: unknown", "columns: [a]", "goes with a script alone"),
        ("limits: {max_steps: 7}", "limits: {max_steps: 0}", "at least 1"),
        ("limits: {max_steps: 7}", "limits: {max_cost_usd: 0}", "more than 0"),
        ("limits: {max_steps: 7}", "limits: {max_cost_usd: cheap}", "amount of US dollars"),
        ("limits: {max_steps: 7}", "limits: {max_cost_usd: 1e-20}", "at least 0.000000001"),
        ("limits: {max_steps: 7}", "limits: {max_stpes: 7}", "did you mean 'max_steps'?"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, says: str) -> None:
    text = TEXT.replace(old, new)
    assert text != TEXT
    assert says in refused(text)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("def call(arguments item): pass", "is no Python"),
        ("def answer(arguments, item): pass", "must define the function call(arguments, item)"),
        ("def call(arguments): pass", "must take 2 arguments"),
        ("def call(arguments, item, *, more): pass", "no further arguments"),
        ("a = " + "(" * 300, "is no Python"),
    ],
)
def test_a_script_is_looked_at_without_being_run(script: str, says: str) -> None:
    tool: dict[str, Any] = {"name": "f", "description": "d", "script": script}
    start, end = TEXT.index("  - type: function"), TEXT.index("  - type: python")
    entry = f"  - {{type: function, name: f, description: d, script: {script!r}}}\n"
    assert tool["script"] == script
    said = refused(TEXT[:start] + entry + TEXT[end:])
    assert says in said
    assert "tools[0].script" in said


def test_limits_without_several_calls_say_nothing_and_are_refused() -> None:
    start, end = TEXT.index("tools:"), TEXT.index("limits:")
    assert "they need tools, follow_ups" in refused(TEXT[:start] + TEXT[end:])


def test_fewer_steps_than_turns_are_refused() -> None:
    turns = TEXT.replace("tools:", '  follow_ups: ["a", "b"]\ntools:').replace("7", "2")
    assert "at least 3, one step for each turn" in refused(turns)


@pytest.mark.parametrize(
    ("scorer", "says"),
    [
        ("required: [{tool: get_wether}]", "did you mean 'get_weather'?"),
        ("required: []", "say what to check"),
        ("forbidden: [{tool: shell}]", "no tool is called 'shell'; there is get_weather, python"),
        ("order: strict, required: [{tool: python}]", "two required calls"),
        ('required: [{tool: python, arguments: {code: "{"}}]', "a single { is alone"),
        ("required: [{tool: python, times: [3, 1]}]", "the fewest and the most"),
        ("required: [{tool: python, time: 1}]", "did you mean 'times'?"),
        ("max_calls: -1", "at least 0"),
    ],
)
def test_a_check_of_tools_that_cannot_be_is_refused(scorer: str, says: str) -> None:
    text = TEXT.replace("{type: exact}", f"{{type: tool_use, {scorer}}}")
    assert says in refused(text)


def test_a_check_of_tools_needs_tools() -> None:
    start, end = TEXT.index("tools:"), TEXT.index("scorers:")
    text = TEXT[:start] + TEXT[end:].replace("{type: exact}", "{type: tool_use, max_calls: 1}")
    assert "the task has none" in refused(text)
