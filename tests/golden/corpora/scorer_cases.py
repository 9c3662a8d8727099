"""Outputs and targets for every scorer: (options, [(output, target)], what it knows of the item)."""

# ruff: noqa: E501 - a line is a case

from typing import Any

CHOICES = ["London", "Paris", "Rome", "Paris, Texas"]
LONG = "word " * 5000

Case = tuple[dict[str, Any], list[tuple[str, Any]], dict[str, Any]]

EXACT: list[tuple[str, Any]] = [
    ("Paris", "Paris"), (" paris. ", "Paris"), ("**Paris**", "Paris"), ("The Paris", "Paris"), ("Paris!", "Paris"), ("Pärïs", "Paris"),
    ("", "Paris"), ("Paris", ["London", "Paris"]), ("5", 5), ("5", 5.0), ("5.0", 5), ("true", True), ("True", True), ("x", [str(n) for n in range(8)]),
    ("Ｐａｒｉｓ", "Paris"), ("Pa ris", "Paris"), ("e\u0301", "é"), ("so\nParis", "Paris"), ("Answer: Paris", "Paris"), ("Answer: x Answer: Paris", "Paris"), (LONG, "word"),
]  # fmt: skip
NUMBERS: list[tuple[str, Any]] = [
    ("The answer is 5.", 5), ("5", "5"), ("five", 5), ("", 5), ("1,000", 1000), ("1.000", 1000), ("1 000", 1000), ("1'000", 1000), ("5 or 6", 6), ("5 or 6", 5),
    ("3/4", 0.75), ("1 1/2", 1.5), ("5/0", 5), ("50%", 0.5), ("50 %", 50), ("-5", -5), ("−5", -5), ("1e3", 1000), ("1.5e-3", 0.0015), ("$5.00", 5), ("5.004", 5), ("5.2", 5),
    ("0.30000000000000004", 0.3), ("= 7", 7), ("x = 3, y = 4", 4), ("9" * 40, "9" * 40), ("1e400", 5), ("12.", 12), (".5", 0.5), ("٣", 3), ("1,5", 1.5), ("5", ["4", 5]), ("2^10", 1024), (LONG + "5", 5),
]  # fmt: skip
OPTIONS: list[tuple[str, Any]] = [
    ("B", "B"), ("b", "B"), ("(B)", "B"), ("**B**", "B"), ("B. Paris", "B"), ("B) Paris\nbecause", "B"), ("Paris", "B"), ("The answer is B.", "B"), ("answer: (c)", "C"),
    (r"\boxed{B}", "B"), (r"\boxed{\text{(C)}}", "B"), ("Option A is wrong. The answer is B", "B"), ("A or B", "B"), ("I think Rome.", "C"), ("Paris, Texas", "D"),
    ("It is a good idea", "A"), ("The answer is A good idea", "A"), ("(A) no (A)", "A"), ("(A) or (B)", "A"), ("", "B"), ("E", "B"), ("Die Antwort ist B", "B"), ("La réponse : C", "C"),
    ("x\n\nB.", "B"), ("B: x\nC", "C"), ("neither", "B"), (LONG + "\nB", "B"), ("B", ["A", "B"]), ("Paris.", "Paris"), ("paris", "Paris"),
]  # fmt: skip
JSONS: list[tuple[str, Any]] = [
    ('{"a": "x"}', "x"), ('{"a": {"b": [1, {"c": "x"}]}}', "x"), ('```json\n{"a": "x"}\n```', "x"), ('Here: ```\n{"a": 5}\n```', 5), ('{"a": 5.0}', 5), ('{"a": "5"}', 5), ('{"a": true}', True),
    ('{"a": null}', "null"), ('{"a": [1]}', "[1]"), ('{"b": 1}', 1), ("no JSON", 1), ("", 1), ('{"a": NaN}', 1), ('{"a": 1,}', 1), ("[" * 5000, 1), ('["x"]', "x"), ('"x"', "x"), ('{"a": "X."}', "x"),
    ('{"a": 1, "a": 2}', 2), ('{"a": 9007199254740993}', "9007199254740993"), ('{"a": 1e999}', 1), ('```json\n{"a": "x"', "x"), ('{"a": ' + "1" * 5000 + "}", 1),
]  # fmt: skip

CASES: dict[str, list[Case]] = {
    "exact": [
        ({}, EXACT, {}),
        ({"normalise": []}, EXACT, {}),
        (
            {
                "normalise": [
                    "trim",
                    "nfkc",
                    "case",
                    "accents",
                    "markup",
                    "final_stop",
                    "punctuation",
                    "articles",
                    "no_whitespace",
                ]
            },
            EXACT,
            {},
        ),
        ({"after": "Answer:"}, EXACT, {}),
        ({"after": ["Answer:", "so"], "without_marker": "anywhere"}, EXACT, {}),
    ],
    "includes": [
        ({}, EXACT, {}),
        (
            {"whole_words": True},
            [*EXACT, ("Parisian", "Paris"), ("in Paris, France", "Paris"), ("x", "")],
            {},
        ),
        ({"after": "Answer:", "normalise": []}, EXACT, {}),
    ],
    "regex": [
        ({"pattern": r"(\w+)\s*$"}, EXACT, {}),
        ({"pattern": r"(?P<n>[0-9.]+)", "group": "n", "take": "first"}, NUMBERS, {}),
        ({"pattern": "paris", "compare": "pattern", "ignore_case": True}, EXACT, {}),
        (
            {"pattern": "a(b)?", "group": 1},
            [("a", "b"), ("ab", "b"), ("a ab a", "b"), ("x", "b")],
            {},
        ),
        (
            {"pattern": "a.b", "dot_all": True, "full_match": True, "compare": "pattern"},
            [("a\nb", None), ("xa\nb", None)],
            {},
        ),
        (
            {"pattern": "x*"},
            [("", ""), ("xx", "xx"), ("axxb", "xx"), ("x" * 30_000 + "y", "x" * 30_000)],
            {},
        ),
    ],
    "numeric": [
        ({}, NUMBERS, {}),
        ({"take": "first", "absolute_tolerance": 0.1}, NUMBERS, {}),
        ({"decimal_sign": "comma", "percent": "hundredth"}, NUMBERS, {}),
        (
            {"thousands_separator": "space", "fractions": False, "relative_tolerance": "0.05"},
            NUMBERS,
            {},
        ),
        ({"after": "=", "thousands_separator": "apostrophe"}, NUMBERS, {}),
    ],
    "multiple_choice": [
        ({}, OPTIONS, {"choices": CHOICES}),
        ({"accept_text": False}, OPTIONS, {"choices": CHOICES}),
        ({"target_is": "letter"}, OPTIONS, {"choices": CHOICES, "choice_seed": 7, "item_key": "k"}),
        (
            {"target_is": "index"},
            [("B", 1), ("B", "1"), ("B", 4), ("B", True)],
            {"choices": CHOICES},
        ),
        ({"target_is": "number"}, [("B", 2), ("B", 0)], {"choices": CHOICES}),
        (
            {"target_is": "text"},
            [("B", "Paris"), ("B", "Berlin"), ("B", None), ("B", [])],
            {"choices": CHOICES},
        ),
        ({}, [("B", 1), ("B", "B"), ("A", "B"), ("A", "A")], {"choices": ["B", "A"]}),
        ({}, [("A", "A")], {"choices": ["one"]}),
        ({"after": "final"}, [("A final B", "B"), ("B", "B")], {"choices": CHOICES}),
    ],
    "json": [
        ({"field": "a"}, JSONS, {}),
        ({}, JSONS, {}),
        ({"field": "a.b.1.c"}, JSONS, {}),
        ({"field": "0"}, JSONS, {}),
        (
            {
                "field": "a",
                "schema": {
                    "type": "object",
                    "properties": {"a": {"type": "string", "maxLength": 1}},
                    "required": ["a"],
                },
            },
            JSONS,
            {},
        ),
    ],
    "code_execution": [({"program": "{output}\nassert {a}"}, [("x", "y")], {})],
    "python": [({"source": "def score(output, target, item): return 1"}, [("x", "y")], {})],
    "model_judge": [
        ({"judges": ["a/b"], "rubric": "{output} {target}"}, [("x", "y"), ("x", None)], {})
    ],
    "tool_use": [({"max_calls": 1}, [("x", "y")], {})],
}
CALLS: list[list[dict[str, Any]]] = [
    [],
    [{"tool": "look", "arguments": {"b": "x", "n": 1}, "result": "r"}],
    [
        {"tool": "look", "arguments": {"b": " x ", "n": "1.0"}, "result": "r"},
        {"tool": "other", "arguments": {}, "result": "r"},
    ],
    [
        {"tool": "other", "arguments": {}, "result": "r"},
        {"tool": "look", "arguments": {"b": "x"}, "result": None},
    ],
    [{"tool": "look", "arguments": {"b": "x"}, "result": "no", "is_error": True}] * 3,
    [{"tool": "look", "arguments": {"b": ["x", {"c": 1, "d": 2}]}, "result": "r"}] * 2,
]
TOOL_USES: list[dict[str, Any]] = [
    {"required": [{"tool": "look"}]},
    {"required": [{"tool": "look", "arguments": {"b": "{a}"}}], "forbidden": [{"tool": "other"}]},
    {"required": [{"tool": "look", "arguments": {"n": 1}, "times": 1}], "partial": True},
    {"required": [{"tool": "look", "arguments": {"b": ["x", {"c": 1.0}]}, "times": [2, None]}]},
    {"required": [{"tool": "look"}, {"tool": "other"}], "order": "strict", "max_calls": 2},
    {"forbidden": [{"tool": "look", "arguments": {"b": "x"}}]},
    {"max_calls": 0},
    {
        "required": [{"tool": "look", "times": [0, 2]}, {"tool": "other", "times": 0}],
        "partial": True,
    },
]
RETURNED: list[Any] = [
    1, 0.5, True, False, None, "1", [1], {}, {"value": 1}, {"value": 2}, {"value": -1}, {"value": 0.5, "answer": 5, "explanation": "so\x00"},
    {"value": 1, "reason": "x"}, {"value": "x"}, float("inf"), 10**400, {"value": 1, "explanation": "x" * 5000},
]  # fmt: skip
JUDGES: list[dict[str, Any]] = [
    {"judges": ["a/b"], "rubric": "Is it {target}? {output}"},
    {"judges": ["a/b", "c/d", "e/f"], "rubric": "{output} {topic}"},
    {"judges": ["a/b", "c/d"], "rubric": "{output}", "scale": [1, 5]},
    {"judges": ["a/b"], "rubric": "Which?", "mode": "pairwise"},
    {"judges": ["a/b", "c/d"], "rubric": "Which?", "mode": "pairwise", "combine": "mean"},
]
REPLIES: list[list[str]] = [
    ["VERDICT-m: correct"], ["VERDICT-m: incorrect"], ["VERDICT-m: **Correct**"], ["verdict-M : correct\nVERDICT-m: incorrect"], ["VERDICT-x: correct"], ["I cannot say."], ["VERDICT-m: 4"],
    ["VERDICT-m: 4.5", "VERDICT-m: 2"], ["VERDICT-m: 9", "VERDICT-m: 1"], ["VERDICT-m: correct", "VERDICT-m: incorrect", "VERDICT-m: correct"], ["VERDICT-m: first"], ["VERDICT-m: first", "VERDICT-m: second"],
    ["VERDICT-m: second", "VERDICT-m: first"], ["VERDICT-m: tie", "VERDICT-m: first"], ["!", "VERDICT-m: correct", "VERDICT-m: correct"], ["", ""],
]  # fmt: skip
RAN: list[dict[str, Any]] = [
    {"exit_code": 0, "output": "hello\nt", "timed_out": False}, {"exit_code": 0, "output": "t", "timed_out": False}, {"exit_code": 0, "output": "hello", "timed_out": False},
    {"exit_code": 1, "output": "Traceback\nAssertionError: x\n", "timed_out": False}, {"exit_code": 1, "output": "", "timed_out": False}, {"exit_code": None, "output": "x", "timed_out": False},
    {"exit_code": None, "output": "x", "timed_out": False, "detail": "Too much memory."}, {"exit_code": None, "output": "y" * 5000, "timed_out": True}, {"exit_code": 0, "output": "", "timed_out": False},
]  # fmt: skip
CODES: list[str] = [
    "x = 1",
    "```python\nx = 1\n```",
    "a\n```\nb\n```\nc\n~~~py\nd\n~~~\n",
    "```py\nx = 1",
    "{output}",
    "",
    "  ```\n  x\n  ```\n",
]
BUILT: list[dict[str, Any]] = [
    {}, {"type": 5}, {"type": "exakt"}, {"type": "exact", "name": ""}, {"type": "exact", "x": 1}, {"type": "exact", "after": 5}, {"type": "exact", "after": [""]}, {"type": "exact", "after": {"a": 1}},
    {"type": "exact", "without_marker": "x"}, {"type": "exact", "normalise": "trim"}, {"type": "exact", "normalise": ["x"]}, {"type": "exact", "normalise": 5}, {"type": "includes", "whole_words": 1},
    {"type": "regex"}, {"type": "regex", "pattern": 5}, {"type": "regex", "pattern": "a" * 5000}, {"type": "regex", "pattern": "(a)", "group": 1.0}, {"type": "numeric", "absolute_tolerance": float("nan")},
    {"type": "numeric", "absolute_tolerance": [1]}, {"type": "numeric", "take": "x"}, {"type": "json", "schema": []}, {"type": "json", "field": 1}, {"type": "code_execution"}, {"type": "code_execution", "program": 1},
    {"type": "code_execution", "program": "{output}", "timeout_seconds": 0}, {"type": "code_execution", "program": "{output}", "timeout_seconds": True}, {"type": "python", "source": "x" * 100_001}, {"type": "python", "source": "def score(a,b,c): 1", "columns": ["a", "a"]},
    {"type": "model_judge", "rubric": "{output}"}, {"type": "model_judge", "judges": ["a"], "rubric": "{output}", "scale": 5}, {"type": "model_judge", "judges": ["a"], "rubric": "{output}", "scale": [True, 1]},
    {"type": "model_judge", "judges": ["a"] * 2, "rubric": "{output}"}, {"type": "model_judge", "judges": ["a"], "rubric": "{output}", "max_output_tokens": 5}, {"type": "model_judge", "judges": ["a"], "rubric": "{output}", "max_output_tokens": 5.5},
    {"type": "tool_use"}, {"type": "tool_use", "required": {}}, {"type": "tool_use", "required": [5]}, {"type": "tool_use", "required": [{}]}, {"type": "tool_use", "required": [{"tool": "a", "arguments": 5}]}, {"type": "tool_use", "required": [{"tool": "a", "x": 1}]},
    {"type": "tool_use", "max_calls": -1}, {"type": "tool_use", "max_calls": True}, {"type": "tool_use", "required": [{"tool": "a", "times": -1}]}, {"type": "tool_use", "required": [{"tool": "a", "times": True}]}, {"type": "tool_use", "forbidden": [{"tool": "a", "arguments": {"b": "{"}}]},
]  # fmt: skip
