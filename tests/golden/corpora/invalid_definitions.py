"""Definitions that are refused, for every reason there is; YAML first, then JSON."""

import json

from tests.golden.corpora.valid_definitions import LOOK, definition, prompt, scored

DEEP = 25
FIRST_LINE = "plumbmark: 1\n"


def tools(*entries: str, **parts: str) -> str:
    return definition(tools=f"[{', '.join(entries)}]", **parts)


def function(**options: str) -> str:
    given = {"type": "function", "name": "f", "description": "d", **options}
    return "{" + ", ".join(f"{key}: {value}" for key, value in given.items()) + "}"


def judged(options: str, **parts: str | None) -> str:
    return scored(f"type: model_judge, {options}", **parts)


def used(options: str) -> str:
    return scored(f"type: tool_use, {options}", tools=f"[{LOOK}]")


_TEXTS: dict[str, str] = {
    # What is no text to read at all.
    "empty": "",
    "only spaces": " \n\t\n",
    "only a comment": "# nothing\n",
    "only a mark in front": "\ufeff",
    "a null character": definition() + "x: \x00\n",
    "a control character": definition() + "x: \x07\n",
    "a control character of Latin-1": "a: \x85\n",
    "delete": "a: \x7f\n",
    "a surrogate": 'a: "\ud800"\n',
    "not a character": 'a: "\ufffe"\n',
    "a line separator": 'a: "\u2028"\n',
    "too large": definition(description='"' + "x" * (128 * 1024) + '"'),
    "too large in bytes": definition(description='"' + "é" * (65 * 1024) + '"'),
    "a list": "- a\n- b\n",
    "a word": "plumbmark\n",
    "a number": "42\n",
    "null": "null\n",
    # YAML itself.
    "an open bracket": FIRST_LINE + "prompt: [\n",
    "an open brace": FIRST_LINE + "prompt: {a: b\nscorers: []\n",
    "an open quote": FIRST_LINE + 'prompt: "a\n',
    "a tab for indentation": FIRST_LINE + "prompt:\n\tmessages: []\n",
    "wrong indentation": FIRST_LINE + "prompt:\n    a: 1\n  b: 2\n",
    "a colon too much": FIRST_LINE + "description: a: b\n",
    "an unknown escape": FIRST_LINE + 'description: "\\q"\n',
    "an escape of no character": FIRST_LINE + 'a: 1\ndescription: "\\U00110000"\n',
    "an escape far beyond": FIRST_LINE + 'description: "\\UFFFFFFFF"\n',
    "a reserved character": FIRST_LINE + "description: @a\n",
    "a percent sign": FIRST_LINE + "description: %a\n",
    "a backtick": FIRST_LINE + "description: `a`\n",
    "no key": FIRST_LINE + "description\n",
    "a bad directive": "%TAG ! x\n---\n" + definition(),
    "another YAML": "%YAML 2.0\n---\n" + definition(),
    "an escaped null": FIRST_LINE + 'description: "a\\0"\n',
    "an escaped null in a key": FIRST_LINE + '"a\\0": 1\n',
    "an escaped surrogate": FIRST_LINE + 'description: "\\ud800"\n',
    "an escaped surrogate in a key": FIRST_LINE + '"\\udc00": 1\n',
    "an anchor": FIRST_LINE + "description: &a x\nlanguage: *a\n",
    "an anchor on a list": FIRST_LINE + "scorers: &a []\n",
    "an alias": FIRST_LINE + "description: *a\n",
    "a tag": FIRST_LINE + "description: !!str 1\n",
    "a tag of one's own": FIRST_LINE + "description: !mine 1\n",
    "a tag for Python": FIRST_LINE + "description: !!python/object/apply:os.system [ls]\n",
    "a tag on a mapping": FIRST_LINE + "prompt: !!map {}\n",
    "a merge key": FIRST_LINE + "prompt:\n  <<: {a: 1}\n",
    "a quoted merge key": FIRST_LINE + "prompt:\n  '<<': {a: 1}\n",
    "two documents": definition() + "---\n" + definition(),
    "a key twice": definition() + "repeats: 1\nrepeats: 2\n",
    "a key twice, nested": definition(
        prompt='{messages: [{role: user, role: user, content: "a"}]}'
    ),
    "a key twice with quotes": definition() + "'repeats': 1\n\"repeats\": 2\n",
    "a list as key": FIRST_LINE + "? [a]\n: 1\n",
    "a mapping as key": FIRST_LINE + "prompt: {? {a: b} : 1}\n",
    "a number as key": definition() + "1: 2\n",
    "a null as key": definition() + "~: 2\n",
    "too deep": FIRST_LINE + "prompt: " + "[" * DEEP + "]" * DEEP + "\n",
    "too deep in blocks": FIRST_LINE
    + "".join("  " * level + "a:\n" for level in range(DEEP))
    + "  " * DEEP
    + "b\n",
    "2^53": definition(repeats="9007199254740992"),
    "2^53 + 1": definition(repeats="9007199254740993"),
    "-2^53 - 1": definition(repeats="-9007199254740993"),
    "a very long number": definition(repeats="9" * 400),
    "too large a float": definition(sampling="{temperature: 1e999}"),
    "minus too large a float": definition(sampling="{temperature: -1e999}"),
    "a number that Python knows": definition(repeats="1_000"),
    "an octal number": definition(repeats="0o7"),
    "a number with leading zeros": definition(repeats="007"),
    "a hexadecimal number": definition(repeats="0x10"),
    "a plus sign": definition(repeats="+1"),
    "infinity": definition(sampling="{temperature: .inf}"),
    "not a number": definition(sampling="{temperature: .nan}"),
    "a date": definition(repeats="2026-01-01"),
    "yes for true": definition(data="{target: {column: answer, strip: yes}}"),
    "True for true": definition(data="{target: {column: answer, strip: True}}"),
    "a float for a whole number": definition(repeats="2.0"),
    "an exponent for a whole number": definition(repeats="1e1"),
    # The form.
    "nothing but the version": FIRST_LINE,
    "no version": definition().removeprefix(FIRST_LINE),
    "another version": definition().replace(": 1", ": 2", 1),
    "the version as text": definition().replace(": 1", ': "1"', 1),
    "the version as a float": definition().replace(": 1", ": 1.0", 1),
    "the version as true": definition().replace(": 1", ": true", 1),
    "no prompt": definition(prompt=None),
    "no scorers": definition(scorers=None),
    "an unknown key": definition(nonsense="1"),
    "an unknown key, nearly right": definition(reapeats="1"),
    "an unknown key in another case": definition(Repeats="1"),
    "unknown keys, several": definition(a="1", b="2", scorer="3"),
    "an unknown key of a long name": definition() + "k" * 200 + ": 1\n",
    "an unknown key of a prompt": definition(prompt=prompt(mesages="[]")),
    "an unknown key of a message": definition(
        prompt='{messages: [{role: user, content: "a", name: x}]}'
    ),
    "an unknown key of data": definition(data="{id: id, targets: a}"),
    "an unknown key of the target": definition(data="{target: {colum: a}}"),
    "an unknown key of a part": definition(prompt=prompt("[{texts: a}]")),
    "an unknown key of a scorer": scored("type: exact, normalize: [trim]"),
    "an unknown key of a metric": scored("type: exact, metric: {bound: [0, 1]}"),
    "an unknown key of a tool": tools("{type: calculator, timeout: 1}"),
    "an unknown key of an answer": tools(function(answers="[{if: {}, return: 1}]")),
    "an unknown key of limits": tools("{type: calculator}", limits="{steps: 1}"),
    "an unknown key of sampling": definition(sampling="{temprature: 1}"),
    "an unknown key of the simulated user": definition(
        prompt=prompt(simulated_user="{model: a, instructions: b, turns: 1}")
    ),
    "no messages": definition(prompt="{}"),
    "no message": definition(prompt="{messages: []}"),
    "51 messages": definition(
        prompt=f"{{messages: [{', '.join(['{role: user, content: a}'] * 51)}]}}"
    ),
    "a message without a role": definition(prompt="{messages: [{content: a}]}"),
    "a message of an unknown role": definition(prompt="{messages: [{role: usr, content: a}]}"),
    "empty content": definition(prompt=prompt('""')),
    "content without parts": definition(prompt=prompt("[]")),
    "content of 51 parts": definition(prompt=prompt(f"[{', '.join(['{text: a}'] * 51)}]")),
    "content that is a number": definition(prompt=prompt("5")),
    "content that is a list of texts": definition(prompt=prompt("[a, b]")),
    "content that is a mapping": definition(prompt=prompt("{text: a}")),
    "content of 100,001 characters": definition(prompt=prompt('"' + "a" * 100_001 + '"')),
    "a target of a wrong form": definition(data="{target: 5}"),
    "a target that is a list": definition(data="{target: [a]}"),
    "a target of an empty name": definition(data='{target: ""}'),
    "choices of a wrong form": scored("type: multiple_choice", data="{target: a, choices: {}}"),
    "choices without a column": scored("type: multiple_choice", data="{target: a, choices: []}"),
    "choices twice the same": scored("type: multiple_choice", data="{target: a, choices: [a, a]}"),
    "slices twice the same": definition(data="{target: a, slices: [s, s]}"),
    "a split without private": definition(data="{target: a, split: {column: s}}"),
    "a split without anything": definition(data="{target: a, split: {}}"),
    "an unknown data format": definition(data="{target: a, format: jsnl}"),
    "no scorer": definition(scorers="[]"),
    "eleven scorers": definition(
        scorers=f"[{', '.join(f'{{type: exact, name: n{n}}}' for n in range(11))}]"
    ),
    "a scorer without a type": definition(scorers="[{name: a}]"),
    "a scorer of an unknown type": definition(scorers="[{type: exakt}]"),
    "a scorer of a very unknown type": definition(scorers="[{type: rouge}]"),
    "a scorer that is a word": definition(scorers="[exact]"),
    "scorers that are a word": definition(scorers="exact"),
    "a scorer of a bad name": scored("type: exact, name: 'Big Name'"),
    "a scorer of a long name": scored(f"type: exact, name: {'n' * 41}"),
    "an unknown normalisation": scored("type: exact, normalise: [trim, lower]"),
    "after, empty": scored("type: exact, after: ''"),
    "after, an empty list": scored("type: exact, after: []"),
    "after, a number": scored("type: exact, after: 5"),
    "after, a list with a number": scored("type: exact, after: [a, 5]"),
    "bounds of one": scored("type: exact, metric: {bounds: [0]}"),
    "bounds that a share does not have": scored("type: exact, metric: {bounds: [0, 100]}"),
    "no upper bound of a share": scored("type: includes, metric: {bounds: [0, null]}"),
    "bounds of a share upside down": scored("type: numeric, metric: {bounds: [-1, 0]}"),
    "bounds beyond what is computed": scored(
        "type: python, source: 'def score(output, target, item): return 1', "
        "metric: {bounds: [0, 1.0e+200]}"
    ),
    "bounds too close": scored(
        "type: python, source: 'def score(output, target, item): return 1', "
        "metric: {bounds: [0, 1.0e-200]}"
    ),
    "bounds of three": scored("type: exact, metric: {bounds: [0, 1, 2]}"),
    "bounds of texts": scored("type: exact, metric: {bounds: [a, b]}"),
    "a tool of an unknown type": tools("{type: serch}"),
    "no tools": definition(tools="[]"),
    "33 tools": tools(*(f"{{type: calculator, name: c{n}}}" for n in range(33))),
    "a tool of a bad name": tools("{type: calculator, name: 'a b'}"),
    "a cost of a wrong form": tools("{type: calculator}", limits="{max_cost_usd: '1,5'}"),
    "a cost of nothing": tools("{type: calculator}", limits="{max_cost_usd: 0}"),
    "a cost below a nanodollar": tools("{type: calculator}", limits="{max_cost_usd: 1e-12}"),
    "a cost of a text of nothing": tools("{type: calculator}", limits="{max_cost_usd: '0.0'}"),
    "too high a cost": tools("{type: calculator}", limits="{max_cost_usd: 1000001}"),
    "times of a wrong form": used("required: [{tool: look, times: often}]"),
    "times of three": used("required: [{tool: look, times: [1, 2, 3]}]"),
    "stop with five": definition(sampling="{stop: [a, b, c, d, e]}"),
    "temperature too high": definition(sampling="{temperature: 2.1}"),
    "top_p of nothing": definition(sampling="{top_p: 0}"),
    "101 repeats": definition(repeats="101"),
    "a language too long": definition(language="x" * 36),
    "several problems at once": definition(
        nonsense="1",
        repeats="0",
        prompt="{mesages: []}",
        scorers="[{type: exakt}, {type: numeric, take: lst}]",
        sampling="{temperature: hot}",
    ),
    "more problems than are told": definition(**{f"key{n}": "1" for n in range(30)}),
    # Parts of messages.
    "a part of two kinds": definition(prompt=prompt("[{text: a, image: b}]")),
    "a part of no kind": definition(prompt=prompt("[{text: a}, {optional: true}]")),
    "a part that is optional alone": definition(prompt=prompt("[{image: a, optional: true}]")),
    "text that is optional": definition(prompt=prompt("[{text: a, optional: true}, {text: b}]")),
    "an image of the assistant": definition(
        prompt="{messages: [{role: assistant, content: [{image: a}]}, {role: user, content: b}]}"
    ),
    "an example of no kind": definition(prompt=prompt(few_shot="[{user: [{}], assistant: a}]")),
    # Templates.
    "a brace that is alone": definition(prompt=prompt('"a { b"')),
    "a closing brace that is alone": definition(prompt=prompt('"a } b"')),
    "braces without a name": definition(prompt=prompt('"a {} b"')),
    "braces in braces": definition(prompt=prompt('"a {b{c}} d"')),
    "braces over lines": definition(prompt=prompt('"a\\n{b\\nc}"')),
    "a brace in a later line": definition(
        prompt='{system: "a\\nb\\n  {", messages: [{role: user, content: a}]}'
    ),
    "a brace in a part": definition(prompt=prompt('[{text: a}, {text: "{"}]')),
    "a brace in a follow-up": definition(prompt=prompt(follow_ups='["ok", "}"]')),
    "a brace in instructions": definition(
        prompt=prompt(simulated_user='{model: a, instructions: "{"}')
    ),
    "a column with an invisible character": definition(prompt=prompt('"{a\u200bb}"')),
    "a column with a tab": definition(prompt=prompt('"{a\\tb}"')),
    "a column of a long name": definition(prompt=prompt('"{' + "n" * 201 + '}"')),
    "a column with a filler": definition(prompt=prompt('"{a\u3164}"')),
    "the assistant last": definition(
        prompt="{messages: [{role: user, content: a}, {role: assistant, content: b}]}"
    ),
    "a script and a simulated user": definition(
        prompt=prompt(follow_ups="[a]", simulated_user="{model: a, instructions: b}")
    ),
    # Data.
    "a target without a column": definition(data="{target: {after: '#'}}"),
    "a target with both": definition(data="{target: {column: a, columns: [b]}}"),
    "a target with a bad pattern": definition(data="{target: {column: a, pattern: '('}}"),
    "a target with a look-ahead": definition(data="{target: {column: a, pattern: '(?=a)'}}"),
    "a column of spaces": definition(data="{target: '  '}"),
    "a column with spaces around it": definition(data="{target: ' a'}"),
    "a column with an escape": definition(data='{target: "a\\u200e"}'),
    "a column with a control character": definition(data='{target: "a\\x01"}'),
    "columns of bad names everywhere": definition(
        data='{id: " i", cluster: "c ", slices: ["s\\x01"], target: {columns: ["t\\x01"]}, '
        'split: {column: " ", private: [x]}, choices: ["a\\x02", b]}'
    ),
    "no target for a scorer": definition(data="{id: id}"),
    "no data for a scorer": definition(data=None),
    "no target for one of two scorers": scored(
        "type: python, source: 'def score(a, b, c): pass'", "type: numeric, name: n", data="{id: i}"
    ),
    "no target for pairwise judges": judged(
        "judges: [a], rubric: b, mode: pairwise", data="{id: i}"
    ),
    "no target for a json field": scored("type: json, field: a", data="{id: i}"),
    # Schemas of answers.
    "an output schema of a wrong type": definition(prompt=prompt(output_schema="{type: objekt}")),
    "an output schema of a list": definition(prompt=prompt(output_schema="{type: array}")),
    "an output schema without a type": definition(prompt=prompt(output_schema="{}")),
    "an output schema with a pattern": definition(
        prompt=prompt(output_schema="{type: object, properties: {a: {pattern: b}}}")
    ),
    "an output schema with pattern properties": definition(
        prompt=prompt(output_schema="{type: object, patternProperties: {a: {}}}")
    ),
    "an output schema with a reference": definition(
        prompt=prompt(output_schema="{type: object, allOf: [{$ref: '#'}]}")
    ),
    "an output schema of a wrong keyword value": definition(
        prompt=prompt(output_schema="{type: object, properties: {a: {minimum: low}}}")
    ),
    # Tools.
    "a tool's name twice": tools("{type: calculator}", "{type: python, name: calculator}"),
    "a function without a name": tools("{type: function, description: d, otherwise: 1}"),
    "a function without a description": tools("{type: function, name: f, otherwise: 1}"),
    "a function without answers": tools(function()),
    "a function with both": tools(function(otherwise="1", script="'def call(a, b): pass'")),
    "a function with columns and no script": tools(function(otherwise="1", columns="[a]")),
    "a function with a time and no script": tools(function(otherwise="1", timeout_seconds="1")),
    "a function with a bad schema": tools(function(otherwise="1", parameters="{type: 5}")),
    "a function with a schema of a list": tools(
        function(otherwise="1", parameters="{type: array}")
    ),
    "a function with a pattern in its schema": tools(
        function(otherwise="1", parameters="{type: object, properties: {a: {pattern: x}}}")
    ),
    "a function waiting for nothing it has": tools(
        function(
            parameters="{type: object, properties: {a: {}}}",
            answers="[{when: {a: 1}, return: 1}, {when: {b: 1}, return: 2}]",
        )
    ),
    "a function with a brace in an answer": tools(function(answers='[{return: "{"}]')),
    "a function with a brace in a condition": tools(
        function(answers='[{when: {a: ["}"]}, return: 1}]')
    ),
    "a function with a brace in otherwise": tools(function(otherwise='{a: "{}"}')),
    "a function with a bad column": tools(function(otherwise='"{a\u200b}"')),
    "a function with a bad column in an answer": tools(function(answers='[{return: "{a\u200b}"}]')),
    "a script that is no Python": tools(function(script="'def call(:'")),
    "a script without its function": tools(function(script="'x = 1'")),
    "a script of one argument": tools(function(script="'def call(a): pass'")),
    "a script with a keyword": tools(function(script="'def call(a, b, *, c): pass'")),
    "a script of null characters": tools(function(script='"x = \\"\\\\0\\"; import ("')),
    "a script too deep": tools(function(script="'x = " + "(" * 300 + ")" * 300 + "'")),
    "a script with a bad column": tools(
        function(script="'def call(a, b): pass'", columns='["a\\x01"]')
    ),
    # Limits.
    "limits without calls": definition(limits="{max_steps: 5}"),
    "too few steps": definition(prompt=prompt(follow_ups="[a, b]"), limits="{max_steps: 2}"),
    # Scorers.
    "a scorer's name twice": scored("type: exact", "type: numeric, name: exact"),
    "no such main": scored("type: exact", main="exakt"),
    "no such main at all": scored("type: exact, name: a", "type: exact, name: b", main="zzz"),
    "main of an empty name": scored("type: exact", main='""'),
    "options without choices": scored("type: multiple_choice"),
    "a bad pattern": scored("type: regex, pattern: '['"),
    "a pattern with a back-reference": scored("type: regex, pattern: '(a)\\1'"),
    "a pattern that repeats too often": scored("type: regex, pattern: 'a{2000}'"),
    "a pattern too large": scored("type: regex, pattern: '((a{500}){500}){500}'"),
    "a pattern too long": scored(f"type: regex, pattern: {'a' * 4097}"),
    "no such group": scored("type: regex, pattern: '(a)', group: 2"),
    "a negative group": scored("type: regex, pattern: '(a)', group: -1"),
    "no such named group": scored("type: regex, pattern: '(a)', group: n"),
    "no pattern": scored("type: regex"),
    "one sign for two": scored("type: numeric, decimal_sign: comma, thousands_separator: comma"),
    "points for two": scored("type: numeric, thousands_separator: point"),
    "a tolerance that is no number": scored("type: numeric, absolute_tolerance: some"),
    "a negative tolerance": scored("type: numeric, relative_tolerance: -1"),
    "a tolerance that is true": scored("type: numeric, absolute_tolerance: true"),
    "a tolerance with spaces": scored("type: numeric, absolute_tolerance: ' 1'"),
    "a json scorer with a bad schema": scored("type: json, schema: {type: objekt}"),
    "a json scorer with a reference": scored("type: json, schema: {$ref: '#/x'}"),
    "a judge without a rubric": judged("judges: [a]"),
    "a judge with an empty rubric": judged("judges: [a], rubric: ' '"),
    "a rubric with a brace": judged("judges: [a], rubric: '{output} {'"),
    "a rubric with a brace in a later line": judged('judges: [a], rubric: "{output}\\n\\n}"'),
    "a rubric without the output": judged("judges: [a], rubric: 'b'"),
    "a pairwise rubric with the output": judged("judges: [a], rubric: '{output}', mode: pairwise"),
    "a pairwise rubric with the target": judged("judges: [a], rubric: '{target}', mode: pairwise"),
    "pairwise with a scale": judged("judges: [a], rubric: b, mode: pairwise, scale: [0, 1]"),
    "no judges": judged("judges: [], rubric: b"),
    "eight judges": judged("judges: [a, b, c, d, e, f, g, h], rubric: '{output}'"),
    "a judge twice": judged("judges: [a, a], rubric: '{output}'"),
    "an even number of judges": judged("judges: [a, b], rubric: '{output}'"),
    "a vote on a scale": judged(
        "judges: [a, b, c], rubric: '{output}', scale: [0, 1], combine: vote"
    ),
    "a scale upside down": judged("judges: [a], rubric: '{output}', scale: [5, 1]"),
    "a scale of one point": judged("judges: [a], rubric: '{output}', scale: [1, 1]"),
    "a scale of three": judged("judges: [a], rubric: '{output}', scale: [1, 2, 3]"),
    "a scale of texts": judged("judges: [a], rubric: '{output}', scale: [a, b]"),
    "bounds other than the scale": judged(
        "judges: [a], rubric: '{output}', scale: [1, 5], metric: {bounds: [0, 5]}"
    ),
    "bounds other than right and wrong": judged(
        "judges: [a], rubric: '{output}', metric: {bounds: [0, 5]}"
    ),
    "a target in a rubric that has none": judged(
        "judges: [a], rubric: '{output} {target}'", data="{id: i}"
    ),
    "bounds upside down": scored("type: exact, metric: {bounds: [1, 0]}"),
    "equal bounds": scored("type: exact, metric: {bounds: [1, 1]}"),
    "a program without the output": scored("type: code_execution, program: 'x = {a}'"),
    "a program with a brace": scored("type: code_execution, program: 'x = {output} {'"),
    "an empty program": scored("type: code_execution, program: ' '"),
    "a program given too long": scored(
        "type: code_execution, program: '{output}', timeout_seconds: 121"
    ),
    "a source that is no Python": scored("type: python, source: 'def score('"),
    "a source without its function": scored("type: python, source: 'def scor(a, b, c): pass'"),
    "a source of two arguments": scored("type: python, source: 'def score(a, b): pass'"),
    "a source of a bad column": scored(
        "type: python, source: 'def score(a, b, c): pass', columns: [\"a\\x01\"]"
    ),
    "tool use without tools": scored("type: tool_use, max_calls: 1"),
    "tool use of an unknown tool": used("required: [{tool: lok}]"),
    "tool use of a very unknown tool": used("forbidden: [{tool: zzz}]"),
    "tool use that looks at nothing": used("partial: true"),
    "tool use in an order of one": used("required: [{tool: look}], order: strict"),
    "tool use with a brace": used("required: [{tool: look, arguments: {a: '{'}}]"),
    "tool use of times upside down": used("required: [{tool: look, times: [3, 1]}]"),
    "tool use of times without end": used("required: [{tool: look, times: [1, 5000]}]"),
    "tool use with a forbidden count": used("forbidden: [{tool: look, times: 1}]"),
    "every fault of the meaning at once": definition(
        data="{target: {after: x}}",
        prompt='{messages: [{role: assistant, content: "{"}], output_schema: {type: array}}',
        tools="[{type: calculator}, {type: calculator}]",
        scorers="[{type: regex, pattern: '('}, {type: regex, pattern: a}]",
        main="x",
    ),
}
INVALID = _TEXTS

_FULL = json.dumps(
    {
        "plumbmark": 1,
        "data": {"target": "a"},
        "prompt": {"messages": [{"role": "user", "content": "{q}"}]},
        "scorers": [{"type": "exact"}],
    },
    indent=1,
)
INVALID_JSON: dict[str, str] = {
    "empty": "",
    "a brace alone": "{",
    "a bracket alone": "[",
    "a list": "[]",
    "a word": "true",
    "a text": '"x"',
    "nothing after a key": '{"a"',
    "nothing after a colon": '{"a":',
    "a comma at the end": '{"a": 1,}',
    "a comma at the end of a list": '{"a": [1,]}',
    "two commas": '{"a": 1,, "b": 2}',
    "no comma": '{"a": 1 "b": 2}',
    "no comma in a list": '{"a": [1 2]}',
    "no colon": '{"a" 1}',
    "single quotes": "{'a': 1}",
    "a key without quotes": "{a: 1}",
    "a number as key": "{1: 1}",
    "a comment": '{"a": 1 /* x */}',
    "more after the end": _FULL + "\n{}",
    "a word after the end": _FULL + " x",
    "a key twice": '{"a": 1,\n "b": 2,\n "a": 3}',
    "a key twice, nested": '{"a": {"b": 1,\n "b": 2}}',
    "an escaped key twice": '{"a": 1, "\\u0061": 2}',
    "NaN": '{"a": NaN}',
    "Infinity": '{"a": Infinity}',
    "-Infinity": '{"a": -Infinity}',
    "a number too large": '{"a": 1e999}',
    "2^53 + 1": '{"a": 9007199254740993}',
    "-2^53 - 1": '{"a": [0, -9007199254740993]}',
    "a very long number": '{"a": ' + "9" * 5000 + "}",
    "a leading zero": '{"a": 01}',
    "a plus sign": '{"a": +1}',
    "a point without digits": '{"a": 1.}',
    "a point in front": '{"a": .5}',
    "a hexadecimal number": '{"a": 0x1}',
    "an open string": '{"a": "x',
    "a line end in a string": '{"a": "x\ny"}',
    "a tab in a string": '{"a": "x\ty"}',
    "an unknown escape": '{"a": "\\x"}',
    "a short escape": '{"a": "\\u12"}',
    "a lone surrogate": '{"a": "\\ud800"}',
    "a lone low surrogate": '{"a": "\\udc00x"}',
    "a lone surrogate in a key": '{"\\ud800": 1}',
    "a null character": '{"a": "\\u0000"}',
    "a null character in a key": '{"\\u0000": 1}',
    "a raw null character": '{"a": "\x00"}',
    "a raw surrogate": '{"a": "\ud800"}',
    "too deep": '{"a": ' + "[" * DEEP + "]" * DEEP + "}",
    "very deep": "[" * 60_000,
    "true in capitals": '{"a": True}',
    "a word cut off": '{"a": tru}',
    "a word too long": '{"a": nullx}',
    "two marks in front": "\ufeff\ufeff{}",
    "an unknown key": '{"plumbmark": 1, "x": 1}',
    "YAML": definition(),
    "a wrong value deep inside": _FULL.replace('"exact"', '"exakt"'),
    "a fault of meaning": _FULL.replace('"{q}"', '"{q"'),
    "a fault in a key with a dot": _FULL.replace('"target": "a"', '"a.b": 1'),
    "a float for the version": _FULL.replace('"plumbmark": 1', '"plumbmark": 1.0'),
}
