"""Task definitions that are taken: together they use every key of the published schema."""

# ruff: noqa: E501 - a line is a case

import json


def definition(**parts: str | None) -> str:
    """Return a definition of a line for each part, in YAML's flow style; None leaves a part out."""
    given: dict[str, str | None] = {
        "data": "{id: id, target: answer}",
        "prompt": '{messages: [{role: user, content: "{question}"}]}',
        "scorers": "[{type: exact}]",
        **parts,
    }
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\n".join(["plumbmark: 1", *lines, ""])


def prompt(content: str = '"{question}"', **more: str) -> str:
    rest = "".join(f", {name}: {value}" for name, value in more.items())
    return f"{{messages: [{{role: user, content: {content}}}]{rest}}}"


def scored(*scorers: str, **parts: str | None) -> str:
    return definition(scorers=f"[{', '.join(f'{{{one}}}' for one in scorers)}]", **parts)


CHOICES = "{id: id, target: letter, choices: options}"
LOOK = (
    "{type: function, name: look, description: Looks it up., "
    "parameters: {type: object, properties: {b: {type: string}, a: {type: number}}, "
    'required: [b]}, answers: [{when: {b: "{topic}"}, return: "{question}"}, '
    "{return: {found: 1.50, in: [a, null, true]}}]}"
)
SCRIPT = (
    "{type: function, name: run, description: Runs., script: "
    "\"def call(arguments, item):\\n    return item['topic']\\n\", columns: [topic], "
    "timeout_seconds: 2}"
)

DEFINITIONS: dict[str, str] = {
    "the least": 'plumbmark: 1\nprompt: {messages: [{role: user, content: "?"}]}\n'
    "scorers: [{type: python, source: 'def score(output, target, item): return 1'}]\n",
    "plain": definition(),
    "block style": """\
# A comment
plumbmark: 1
description: |
  What it *is*.

  In two paragraphs.
language: de-CH
data:
  format: jsonl
  id: id
  target:
    column: answer
    after: "####"
    strip: false
  cluster: group
  slices:
    - level
    - topic
  split:
    column: split
    private:
      - held
      - secret
prompt:
  system: >
    Be brief about
    {topic}.
  messages:
    - role: user
      content: 'Say "{question}".'
    - role: assistant
      content: "Yes: {{ok}}"
    - role: user
      content: |-
        {question}
        again
scorers:
  - type: exact
    name: first
    metric:
      name: right
      direction: higher
      unit: points
      bounds: [0, 1]
main: first
repeats: 3
""",
    "as JSON": json.dumps(
        {
            "plumbmark": 1,
            "data": {"id": "id", "target": {"columns": ["answer", "other"], "pattern": "(\\d+)"}},
            "prompt": {
                "messages": [{"role": "user", "content": "{question} \u00e9 \ud83d\ude00"}],
                "system": "S",
            },
            "scorers": [{"type": "numeric", "absolute_tolerance": 0.5}],
        },
        indent=2,
    ),
    "as JSON with a mark in front": "\ufeff"
    + json.dumps(
        {
            "plumbmark": 1,
            "prompt": {"messages": [{"role": "user", "content": "{question}"}]},
            "scorers": [{"type": "regex", "pattern": "x", "compare": "pattern"}],
        }
    ),
    "words that YAML 1.1 changes": definition(
        description="no", language="on", data="{id: id, target: answer, slices: [yes, 1_000, 0o7]}"
    ).replace("[yes, 1_000, 0o7]", "[topic, level]"),
    "windows line ends": definition().replace("\n", "\r\n"),
    "numbers in many forms": definition(
        sampling="{temperature: 1e0, top_p: 0.90, seed: 0, max_output_tokens: 1}", repeats="100"
    ),
    "negative zero": definition(sampling="{temperature: -0.0}"),
    "every sampling option": definition(
        sampling='{temperature: 0.7, top_p: 1, seed: 2147483648, stop: ["\\n", END], '
        "max_output_tokens: 1000000}"
    ),
    "target with columns": definition(data="{target: {columns: [answer, other]}}"),
    "target with a pattern": definition(data="{target: {column: answer, pattern: '[a-z]+'}}"),
    "target without strip": definition(data="{id: id, target: {column: answer, strip: false}}"),
    "csv": definition(data="{format: csv, id: id, target: answer}"),
    "cluster and slices": definition(
        data="{id: id, target: answer, cluster: group, slices: [level]}"
    ),
    "split": definition(data="{id: id, target: answer, split: {column: split, private: [held]}}"),
    "choices in a list": scored("type: multiple_choice", data=CHOICES),
    "choices in columns": scored(
        "type: multiple_choice, target_is: letter",
        data="{id: id, target: letter, choices: [opt_a, opt_b]}",
        prompt=prompt('"{question}\\n{choices}"'),
    ),
    "choices shuffled": scored(
        "type: multiple_choice, accept_text: false, after: [X, 'Y:'], without_marker: anywhere",
        data=CHOICES,
        prompt=prompt('"{question}\\n{choices}"', choice_order="shuffled", choice_seed="7"),
    ),
    "choices with labels": scored("type: multiple_choice, labels: [Odgovor, 答]", data=CHOICES),
    "choices shuffled by another seed": scored(
        "type: multiple_choice",
        data=CHOICES,
        prompt=prompt('"{choices}"', choice_order="shuffled"),
    ),
    "target as index": scored(
        "type: multiple_choice, target_is: index", data="{target: number, choices: options}"
    ),
    "target as number": scored(
        "type: multiple_choice, target_is: number", data="{target: number, choices: options}"
    ),
    "target as text": scored(
        "type: multiple_choice, target_is: text", data="{target: text, choices: options}"
    ),
    "target told by itself": scored(
        "type: multiple_choice, target_is: auto", data="{target: letter, choices: options}"
    ),
    "few-shot": definition(
        prompt=prompt(
            few_shot='[{user: "{as it is}", assistant: "B {"}, {user: two, assistant: "2"}]'
        )
    ),
    "few-shot with parts": definition(
        prompt=prompt(
            few_shot="[{user: [{text: Look}, {image: red.png}, {audio: beep.wav}], assistant: red}]"
        )
    ),
    "system in the messages": definition(
        prompt="{messages: [{role: system, content: S}, {role: user, content: '{question}'}]}"
    ),
    "braces": definition(prompt=prompt('"{{ {question} }} {{{topic}}}"')),
    "a column with spaces": definition(prompt=prompt('"{ question }{two words}"')),
    "one text part": definition(prompt=prompt('[{text: "{question}"}]')),
    "two text parts": definition(prompt=prompt('[{text: "{question}"}, {text: "{topic}"}]')),
    "media": definition(
        prompt=prompt('[{text: "{question}"}, {image: "{photo}"}, {audio: "{sound}"}]')
    ),
    "media by a fixed name": definition(
        prompt=prompt('[{image: "red.png", optional: false}, {text: "{question}"}]')
    ),
    "optional media": definition(
        prompt=prompt(
            '[{text: "{question}"}, {image: "{photo}"}, {audio: "{none}", optional: true}]'
        )
    ),
    "follow-ups": definition(
        prompt=prompt(follow_ups='["And {topic}?", "Sure?"]', scored="conversation")
    ),
    "follow-ups, the last answer scored": definition(
        prompt=prompt(follow_ups='["Sure?"]', scored="last")
    ),
    "follow-ups with limits": definition(
        prompt=prompt(follow_ups='["One?", "Two?"]'), limits="{max_steps: 3}"
    ),
    "reasoning kept": definition(prompt=prompt(reasoning="keep")),
    "reasoning separated, which is the default": definition(prompt=prompt(reasoning="separate")),
    "simulated user": definition(
        prompt=prompt(simulated_user='{model: a/b, instructions: "You want {answer}."}')
    ),
    "simulated user with every option": definition(
        prompt=prompt(
            simulated_user='{model: a/b, instructions: "{topic}", stop: "[STOP]", max_turns: 30, '
            "max_output_tokens: 16}",
            scored="conversation",
        ),
        limits="{max_output_tokens_total: 10000000, max_cost_usd: 0.050}",
    ),
    "output schema": scored(
        "type: json, field: result.0.value, normalise: [trim, nfkc, case]",
        prompt=prompt(
            output_schema="{type: object, properties: {z: {type: string}, a: {type: number}}, "
            "required: [z]}"
        ),
    ),
    "json without a field": scored("type: json", data=None),
    "json with its own schema": scored(
        "type: json, field: a, schema: {type: object, properties: {a: {enum: [1, '1', null]}}}",
        prompt=prompt(output_schema="{type: object}"),
    ),
    "exact with every option": scored(
        "type: exact, name: e-1_x, after: 'Answer:', without_marker: anywhere, "
        "normalise: [punctuation, case, trim, articles]"
    ),
    "exact without normalisation": scored("type: exact, normalise: []"),
    "every normalisation": scored(
        "type: exact, normalise: [trim, nfc, nfkc, case, accents, markup, final_stop, "
        "punctuation, articles, whitespace, no_whitespace]"
    ),
    "includes": scored("type: includes, whole_words: true, after: [A, B], normalise: [case]"),
    "includes plain": scored("type: includes"),
    "regex": scored(
        "type: regex, pattern: '(?P<n>[0-9]+) x', group: n, take: first, ignore_case: true, "
        "dot_all: true, normalise: [trim]"
    ),
    "regex with a numbered group": scored("type: regex, pattern: '(a)(b)', group: 2"),
    "regex that only matches": scored(
        "type: regex, pattern: a, compare: pattern, full_match: true, take: last", data="{id: id}"
    ),
    "numeric": scored("type: numeric"),
    "numeric with every option": scored(
        "type: numeric, after: '=', without_marker: wrong, take: first, decimal_sign: comma, "
        "thousands_separator: apostrophe, fractions: false, percent: hundredth, "
        "absolute_tolerance: '0.10', relative_tolerance: 1e-3"
    ),
    "numeric with a whole tolerance": scored(
        "type: numeric, absolute_tolerance: 1, thousands_separator: none"
    ),
    "model judge": scored(
        "type: model_judge, judges: [a/b], rubric: 'Is it {target}? {output} {topic}'"
    ),
    "model judge with a scale": scored(
        "type: model_judge, judges: [a/b, c/d], rubric: '{output}', scale: [1, 5], combine: mean, "
        "mode: grade, max_output_tokens: 32768, metric: {bounds: [1, 5]}"
    ),
    "model judge with its scale as bounds": scored(
        "type: model_judge, judges: [a/b], rubric: '{output}', scale: [-1, 1.5]"
    ),
    "pairwise judges": scored(
        "type: model_judge, judges: [a/b, c/d, e/f], rubric: 'Which?', mode: pairwise, combine: vote"
    ),
    "python": scored(
        "type: python, source: 'def score(output, target, item):\n\n  return 1', "
        "columns: [topic, level], timeout_seconds: 0.1, metric: {bounds: [null, null]}"
    ).replace("\n\n  return 1", " return 1"),
    "code execution": scored(
        "type: code_execution, program: '{output}; assert {topic}', take: whole, "
        "timeout_seconds: 120"
    ),
    "code execution plain": scored("type: code_execution, program: '{output}'", data="{id: id}"),
    "calculator": definition(tools="[{type: calculator}]"),
    "calculator by another name": definition(
        tools="[{type: calculator, name: calc, description: Adds.}]", limits="{max_tool_calls: 1}"
    ),
    "python tool": definition(
        tools="[{type: python, timeout_seconds: 60, memory_mib: 2048, description: Runs.}]"
    ),
    "function with answers": definition(tools=f"[{LOOK}]"),
    "function with an answer for the rest": definition(
        tools="[{type: function, name: f, description: F., otherwise: null}]"
    ),
    "function with a script": definition(tools=f"[{SCRIPT}]"),
    "several tools": definition(
        tools=f"[{LOOK}, {SCRIPT}, {{type: calculator}}, {{type: python}}]",
        limits="{max_steps: 200, max_tool_calls: 1000, max_tool_result_bytes: 65536, "
        "max_output_tokens_total: 1, max_cost_usd: '0.000000001'}",
    ),
    "tool use": scored(
        "type: tool_use, required: [{tool: look, arguments: {b: '{topic}', n: [1, null, {c: 2.0}]}, "
        "times: 2}, {tool: look, times: [0, null]}, {tool: look, times: [1, 3]}], "
        "forbidden: [{tool: look, arguments: {b: x}}], order: strict, max_calls: 9, partial: true",
        tools=f"[{LOOK}]",
    ),
    "set match": scored("type: set_match, separators: ['|', ','], credit: f1"),
    "several options": scored("type: multiple_select, target_is: letter, credit: partial"),
    "math": scored("type: math, timeout_seconds: 2, after: 'Answer:'"),
    "quantity": scored("type: quantity, relative_tolerance: 0.1, absolute_tolerance: 1"),
    "date": scored("type: date, order: month-day-year, tolerance_days: 3"),
    "token F1": scored("type: token_f1, tokens: characters"),
    "ROUGE-L": scored("type: rouge_l, measure: recall"),
    "edit distance": scored("type: edit_distance, tokens: words, normalise: [case]"),
    "BLEU": scored("type: bleu, tokenize: intl, lowercase: true"),
    "chrF": scored("type: chrf, word_order: 2, lowercase: true"),
    "tool use, calls counted": scored("type: tool_use, max_calls: 0", tools="[{type: calculator}]"),
    "tool use, one required": scored(
        "type: tool_use, required: [{tool: calculator}], order: any", tools="[{type: calculator}]"
    ),
    "several scorers": scored(
        "type: exact",
        "type: includes, metric: {name: share, direction: lower, unit: x, bounds: [0, 1]}",
        "type: python, name: third, metric: {bounds: [null, 5.5]}, "
        "source: 'def score(output, target, item): return 1'",
        main="third",
    ),
    "metric of default bounds": scored("type: exact, metric: {name: n}"),
    "shows its answer": definition(prompt=prompt('"{question} {answer}"')),
    "shows an option alone": scored(
        "type: multiple_choice",
        data="{target: letter, choices: [opt_a, opt_b]}",
        prompt=prompt('"{opt_a}"'),
    ),
    "invisible characters": definition(prompt=prompt('"{question}\u200b\u2066"')),
    "braces for choices without options": definition(prompt=prompt('"{choices}"')),
    "unicode": definition(
        prompt=prompt('"Ä\u0308 \U0001f600 \u0000"'.replace("\u0000", "\\u00e9\\U0001F600"))
    ),
    "metrics of the run": scored(
        "type: exact",
        "type: numeric",
        metrics="[{type: macro_f1}, {type: spearman, name: rho, scorer: numeric}, {type: brier, confidence: '([0-9]+)%'}]",
    ),
    "keys in quotes": definition().replace("plumbmark: 1", '"plumbmark": 1'),
    "an explicit document": "%YAML 1.2\n---\n" + definition() + "...\n",
    "descriptions in every place": definition(description="'*Bold*, <b>'", language="en"),
}
