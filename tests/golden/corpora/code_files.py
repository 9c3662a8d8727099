"""Settings of code tasks, result files, files of the SDK, notebooks and notebook commands."""

# ruff: noqa: E501 - a line is a case

import json
from typing import Any

SETTINGS: dict[str, str] = {
    "nothing": "",
    "spaces": " \n",
    "a comment": "# nothing\n",
    "null": "~\n",
    "everything": "main: Capitals\ntimeout_minutes: 240\nenvironment: kaggle-benchmarks\nprivate: true\n"
    "metric: {name: n, direction: lower, unit: u, lower: 0, upper: 1}\ndescription: |\n  d\n  e\n"
    "judge: openai/gpt-5\nmodels: [a/b, c]\n",
    "as JSON": '{"main": "x", "metric": {}, "models": []}',
    "a metric of nothing": "metric: {}\n",
    "bounds of null": "metric: {lower: ~, upper: 1}\n",
    "an empty description": 'description: ""\n',
    "a list": "- a\n",
    "a word": "bare\n",
    "no YAML": "main: [\n",
    "no JSON": '{"main": }',
    "a key twice": "main: a\nmain: b\n",
    "a JSON key twice": '{"main": "a", "main": "b"}',
    "an anchor": "main: &a x\n",
    "too deep": "models: " + "[" * 30 + "]" * 30 + "\n",
    "an unknown key": "mian: a\n",
    "an unknown key of the metric": "metric: {bounds: [0, 1]}\n",
    "main empty": 'main: " "\n',
    "main a number": "main: 5\n",
    "main too long": f"main: {'x' * 201}\n",
    "minutes 0": "timeout_minutes: 0\n",
    "minutes 241": "timeout_minutes: 241\n",
    "minutes 1.0": "timeout_minutes: 1.0\n",
    "minutes true": "timeout_minutes: true\n",
    "minutes as text": 'timeout_minutes: "5"\n',
    "minutes null": "timeout_minutes: ~\n",
    "an unknown environment": "environment: conda\n",
    "environment null": "environment: ~\n",
    "private yes": "private: yes\n",
    "private null": "private: ~\n",
    "a description that is a number": "description: 5\n",
    "a description too long": f"description: {'x' * 20_001}\n",
    "a judge with a space": "judge: a b\n",
    "a judge with a comma": "judge: 'a,b'\n",
    "an empty judge": 'judge: ""\n',
    "a judge that is null": "judge: ~\n",
    "models that are a word": "models: a\n",
    "models with a number": "models: [a, 5]\n",
    "models with a bad name": "models: ['a,b']\n",
    "21 models": f"models: [{', '.join(f'm{n}' for n in range(21))}]\n",
    "a model twice": "models: [a, a]\n",
    "metric a word": "metric: accuracy\n",
    "metric null": "metric: ~\n",
    "metric's name too long": f"metric: {{name: {'n' * 81}}}\n",
    "metric's unit too long": f"metric: {{unit: {'n' * 41}}}\n",
    "metric's name a number": "metric: {name: 5}\n",
    "metric's direction": "metric: {direction: up}\n",
    "metric's bounds as text": "metric: {lower: a}\n",
    "metric's bounds true": "metric: {upper: true}\n",
    "metric's bounds upside down": "metric: {lower: 1, upper: 0}\n",
    "metric's bounds equal": "metric: {lower: 1, upper: 1}\n",
    "metric's bounds too large": "metric: {upper: 1e999}\n",
    "metric's bounds beyond what is computed": "metric: {upper: 1.0e+200}\n",
    "metric's bounds too close": "metric: {lower: 0, upper: 1.0e-200}\n",
    "several at once": "x: 1\nmain: 5\ntimeout_minutes: 0\nmetric: {y: 1, direction: z, lower: 2, upper: 1}\n",
}

FULL_RESULT: dict[str, Any] = {
    "plumbmark": 1,
    "score": {"passed": 1, "of": 2},
    "interval": {"low": 0.25, "high": 0.75},
    "metric": "m",
    "samples": [
        {
            "id": "a",
            "score": True,
            "output": "o",
            "messages": [{"role": "user", "content": "c"}],
            "assertions": [{"name": "n", "passed": True, "message": "m"}],
            "error": "e",
        },
        {"id": 2, "score": 0},
    ],
}


def result(**parts: Any) -> bytes:
    return json.dumps({"plumbmark": 1, "score": 0.5, **parts}).encode()


RESULTS: dict[str, bytes] = {
    "the least": result(),
    "everything": json.dumps(FULL_RESULT).encode(),
    "with a mark in front": b"\xef\xbb\xbf" + result(),
    "right": result(score=True),
    "wrong": result(score=False),
    "a whole number": result(score=7),
    "samples alone": b'{"plumbmark": 1, "samples": [{"id": "a", "score": 1}]}',
    "samples whose mean differs": result(
        samples=[{"id": "a", "score": 1}, {"id": "b", "score": 0.5}]
    ),
    "samples whose mean is the score": result(
        samples=[{"id": "a", "score": 1}, {"id": "b", "score": 0}]
    ),
    "samples without scores": result(
        samples=[{"id": "a"}, {"id": "b", "score": None}, {"id": "c", "error": "x"}]
    ),
    "a margin": result(interval={"radius": 0.1}),
    "a negative margin": result(interval={"radius": -0.1}),
    "a margin that is text": result(interval={"radius": "x"}),
    "an interval of one end": result(interval={"low": 0}),
    "an interval beside the score": result(interval={"low": 0.6, "high": 1}),
    "an interval upside down": result(interval={"low": 1, "high": 0}),
    "an interval without a score": b'{"plumbmark": 1, "interval": {"radius": 1}, "samples": [{"id": "a", "score": 1}]}',
    "an interval that is a list": result(interval=[0, 1]),
    "nothing": b"",
    "spaces": b"  \n",
    "no JSON": b'{"plumbmark": 1, "score": }',
    "cut off": b'{"plumbmark": 1, "score": 0.5',
    "cut off in a text": b'{"plumbmark": 1, "metric": "ab',
    "a list": b"[]",
    "a number": b"5",
    "no version": b'{"score": 1}',
    "another version": b'{"plumbmark": 2, "score": 1}',
    "the version as text": b'{"plumbmark": "1", "score": 1}',
    "the version true": b'{"plumbmark": true, "score": 1}',
    "the version 1.0": b'{"plumbmark": 1.0, "score": 1}',
    "no score": b'{"plumbmark": 1}',
    "no score and no samples": b'{"plumbmark": 1, "samples": []}',
    "a score of text": result(score="0.5"),
    "a score of null": result(score=None),
    "a score of NaN": b'{"plumbmark": 1, "score": NaN}',
    "a score of Infinity": b'{"plumbmark": 1, "score": -Infinity}',
    "a score of 1e999": b'{"plumbmark": 1, "score": 1e999}',
    "a score of 400 digits": b'{"plumbmark": 1, "score": ' + b"9" * 400 + b"}",
    "a score of 299 digits": b'{"plumbmark": 1, "score": ' + b"9" * 299 + b"}",
    "a count without of": result(score={"passed": 1}),
    "a count of text": result(score={"passed": "1", "of": 2}),
    "a count of true": result(score={"passed": True, "of": 2}),
    "a count of fractions": result(score={"passed": 0.5, "of": 2}),
    "a count of whole floats": result(score={"passed": 1.0, "of": 2.0}),
    "a count of none": result(score={"passed": 0, "of": 0}),
    "a count beyond": result(score={"passed": 3, "of": 2}),
    "a negative count": result(score={"passed": -1, "of": 2}),
    "a count in a sample": result(samples=[{"id": "a", "score": {"passed": 1, "of": 2}}]),
    "a key twice": b'{"plumbmark": 1, "score": 1, "score": 0.5}',
    "a key twice in a sample": b'{"plumbmark": 1, "score": 1, "samples": [{"id": "a", "id": "b", "score": 1}]}',
    "unknown keys": result(x=1, samples=[{"id": "a", "score": 0.5, "y": 2}]),
    "a lone surrogate": b'{"plumbmark": 1, "score": 1, "metric": "\\ud800x\\u0000"}',
    "a pair of surrogates": b'{"plumbmark": 1, "score": 1, "metric": "\\ud83d\\ude00"}',
    "a lone surrogate in a key": b'{"plumbmark": 1, "score": 1, "\\udc00": 1}',
    "no UTF-8": b'{"plumbmark": 1,\n "metric": "\xff"}',
    "too deep": result(metric=json.loads("[" * 100 + "]" * 100)),
    "very deep": b"[" * 100_000,
    "a metric too long": result(metric="m" * 81),
    "a metric that is a number": result(metric=5),
    "an id twice": result(samples=[{"id": "a", "score": 1}, {"id": "a", "score": 0}]),
    "an id twice as number and text": result(
        samples=[{"id": 1, "score": 1}, {"id": "1", "score": 0}]
    ),
    "an id too long": result(samples=[{"id": "i" * 201, "score": 1}]),
    "ids of every kind": result(
        samples=[{"id": one, "score": 1} for one in (5, -5, 5.0, True, None, "", [], {})]
    ),
    "no id": result(samples=[{"score": 1}]),
    "samples that are no list": result(samples={"a": 1}),
    "samples that are no objects": result(samples=[1, "x", None, []]),
    "an unknown role": result(
        samples=[
            {"id": "a", "score": 1, "messages": [{"role": "model", "content": "x"}, {"content": 5}]}
        ]
    ),
    "checks that do not say": result(
        samples=[
            {
                "id": "a",
                "score": 1,
                "assertions": [{"name": "n"}, {"passed": "yes"}, {"passed": None}],
            }
        ]
    ),
    "more findings than are told": result(**{f"k{n}": n for n in range(60)}),
    "trailing data": result() + b" x",
    "trailing commas": b'{"plumbmark": 1, "score": 1,}',
}


def number(**given: Any) -> dict[str, Any]:
    return {"numericResult": given}


FULL_RUN: dict[str, Any] = {
    "taskVersion": {
        "versionNumber": 2,
        "name": "Main",
        "definition": "@kbench.task()\ndef f(llm) -> tuple[int, int]:\n    ...\n",
        "description": "d",
        "subtaskFileNames": ["sub.task.json"],
    },
    "modelVersion": {"slug": "maker/model@v1"},
    "state": "BENCHMARK_TASK_RUN_STATE_COMPLETED",
    "startTime": "2026-11-20T22:58:01.017581Z",
    "endTime": "2026-11-20T22:59:01Z",
    "id": "7",
    "pyRunId": "Run #1",
    "conversations": [
        {
            "id": "c1",
            "requests": [
                {
                    "id": "r1",
                    "contents": [
                        {
                            "parts": [{"text": "hi"}],
                            "role": "CONTENT_ROLE_USER",
                            "senderName": "User",
                        },
                        {
                            "parts": [
                                {"text": '"{\\"a\\": 1}"'},
                                {"inlineData": {"mimeType": "image/png", "data": "aa"}},
                                {"fileData": {"mimeType": "audio/wav", "fileUri": "https://x/y"}},
                            ],
                            "role": "CONTENT_ROLE_ASSISTANT",
                            "senderName": "M",
                        },
                    ],
                    "metrics": {
                        "inputTokens": 5,
                        "outputTokens": "6",
                        "thinkingTokens": 1,
                        "inputTokensCostNanodollars": "123456789012345678",
                        "outputTokensCostNanodollars": 2,
                        "totalBackendLatencyMs": 12,
                    },
                    "reasoningTraces": [{"text": "because"}, "so"],
                }
            ],
            "metrics": {"inputTokens": 5},
        }
    ],
    "results": [{"type": "AGGREGATED", "numericResult": {"value": 8, "confidenceInterval": 10}}],
    "assertions": [
        {
            "expectation": "it holds",
            "status": "BENCHMARK_TASK_RUN_ASSERTION_STATUS_PASSED",
            "lineNumber": 3,
            "definition": "assert x",
            "conversationRequestIds": [{"conversationId": "c1", "requestId": "r1"}],
        }
    ],
    "subruns": [
        {
            "taskVersion": {"name": "Row", "definition": "def f() -> bool: ..."},
            "state": "BENCHMARK_TASK_RUN_STATE_ERRORED",
            "errorMessage": 'Traceback (most recent call last):\n  File "/usr/lib/python3/x.py", line 3, in f\nE: no',
            "pyRunId": "Row-1",
            "results": [{"booleanResult": False}],
        }
    ],
    "errorMessage": "",
}
RETURNS = {
    "none": "def f(llm): ...",
    "bool": "def f(llm) -> bool: ...",
    "int": "def f(llm) -> int: ...",
    "float": "def f(llm) -> float: ...",
    "margin": "def f(llm) -> tuple[float, float]: ...",
    "count": "def f(llm) -> tuple[int, int]: ...",
    "dict": "def f(llm) -> dict: ...",
    "own": "def f(llm) -> Own: ...",
    "text": 'def f(llm) -> "bool": ...',
    "": "",
}
STORED: dict[str, dict[str, Any]] = {
    "true": {"booleanResult": True},
    "false": {"booleanResult": False},
    "a text": {"booleanResult": "true"},
    "nothing": number(),
    "7": number(value=7),
    "0.5": number(value=0.5),
    "8 and 10": number(value=8, confidenceInterval=10),
    "11 and 10": number(value=11, confidenceInterval=10),
    "-1 and 10": number(value=-1, confidenceInterval=10),
    "0.5 and 0.1": number(value=0.5, confidenceInterval=0.1),
    "0.5 and -0.1": number(value=0.5, confidenceInterval=-0.1),
    "10 alone": number(confidenceInterval=10),
    "NaN": number(value="NaN"),
    "a table": {"dictResult": {"a": 1}},
    "a list": {"dictResult": [1]},
    "no kind": {"type": "AGGREGATED"},
    "in snake case": {"numeric_result": {"value": 0.5}},
    "private": {"type": "PRIVATE", "booleanResult": True},
    "of no type": {"type": "SECRET", "booleanResult": True},
}
RUN_TEXTS: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "NaN": b'{"results": [{"numericResult": {"value": NaN}}], "state": "COMPLETED"}',
    "a key twice": b'{"state": "COMPLETED", "state": "ERRORED"}',
    "a lone surrogate": b'{"state": "COMPLETED", "errorMessage": "\\ud800"}',
    "no UTF-8": b'{"state": "\xff"}',
    "too deep": b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}",
    "a mark in front": b'\xef\xbb\xbf{"state": "COMPLETED"}',
    "nothing in it": b"{}",
    "an unspecified state": b'{"state": "BENCHMARK_TASK_RUN_STATE_UNSPECIFIED"}',
    "queued": b'{"state": "BENCHMARK_TASK_RUN_STATE_QUEUED"}',
    "running": b'{"state": "RUNNING"}',
    "an unknown state": b'{"state": "SLEEPING"}',
    "failed with a result": b'{"state": "ERRORED", "errorMessage": "E: x\\n", "results": [{"numericResult": {}}]}',
    "failed without a word": b'{"state": "ERRORED"}',
    "two results": b'{"state": "COMPLETED", "results": [{"booleanResult": true}, {"booleanResult": false}, {"type": "PUBLIC", "booleanResult": false}]}',
    "whole numbers of 64 bits": b'{"taskVersion": {"versionNumber": "9223372036854775807"}}',
    "whole numbers beyond": b'{"taskVersion": {"versionNumber": 1e300}}',
    "whole numbers with a fraction": b'{"taskVersion": {"versionNumber": 1.5}}',
    "a time without a zone": b'{"startTime": "2026-11-20T22:58:01", "endTime": "yesterday"}',
    "tools": json.dumps(
        {
            "conversations": [
                {
                    "requests": [
                        {
                            "contents": [
                                {"role": "CONTENT_ROLE_CONTEXT", "parts": [{"text": text}]}
                                for text in (
                                    '{"name": "t", "arguments": {"a": 1}, "output": [1]}',
                                    '{"name": "t", "error": {"b": 2}}',
                                    '"{\\"name\\": \\"t\\"}"',
                                    '{"name": 5}',
                                    "plain",
                                    '"{no"',
                                    '"quoted"',
                                )
                            ]
                            + [
                                {"role": "CONTENT_ROLE_ASSISTANT", "parts": [{"text": '"[1]"'}]},
                                {"role": "X"},
                            ],
                            "reasoningTraces": "a text",
                        },
                        {"contents": [], "reasoningTraces": {"no": 1}},
                    ]
                },
                {"requests": []},
            ]
        }
    ).encode(),
}


def cell(source: Any, kind: str = "code", **more: Any) -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source, **more}


def notebook(*cells: Any, **more: Any) -> bytes:
    return json.dumps(
        {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}
    ).encode()


NOTEBOOKS: dict[str, tuple[str, bytes]] = {
    "plain": (
        "a.ipynb",
        notebook(
            cell("# Title", "markdown"),
            cell(["x = 1\n", "y = 2"]),
            cell("raw", "raw"),
            cell("z = x + y\n\n"),
        ),
    ),
    "commands": (
        "a.ipynb",
        notebook(
            cell("x = 1"),
            cell("y = 2\n!pip install z"),
            cell("%choose main"),
            cell("%%writefile a.py\nprint(1)"),
        ),
    ),
    "chosen twice": ("a.ipynb", notebook(cell("%choose a"), cell("%choose b"), cell("%choose b"))),
    "a commented choice": ("a.ipynb", notebook(cell("# %choose a\nx = 1"))),
    "format 3": (
        "a.ipynb",
        json.dumps(
            {
                "nbformat": 3,
                "worksheets": [
                    {
                        "cells": [
                            {"cell_type": "code", "language": "python", "input": ["x\n", "y"]},
                            {"cell_type": "markdown", "source": "m"},
                        ]
                    }
                ],
            }
        ).encode(),
    ),
    "without nbformat": ("a.IPYNB", json.dumps({"cells": [cell("x")]}).encode()),
    "windows line ends": ("a.ipynb", notebook(cell("x\r\ny\rz"))),
    "a mark in front": ("a.ipynb", b"\xef\xbb\xbf" + notebook(cell("x"))),
    "no code": ("a.ipynb", notebook(cell("m", "markdown"), cell(" \n"))),
    "no cells": ("a.ipynb", notebook()),
    "a kernel of Python": (
        "a.ipynb",
        notebook(
            cell("x"),
            metadata={"kernelspec": {"language": "Python3"}, "language_info": {"name": "ipython"}},
        ),
    ),
    "a kernel of R": ("a.ipynb", notebook(cell("x"), metadata={"kernelspec": {"language": "R"}})),
    "a language of Julia": (
        "a.ipynb",
        notebook(cell("x"), metadata={"language_info": {"name": "julia"}}),
    ),
    "odd metadata": ("a.ipynb", notebook(cell("x"), metadata=[1])),
    "odd kernel": ("a.ipynb", notebook(cell("x"), metadata={"kernelspec": 5})),
    "format 5": ("a.ipynb", notebook(cell("x"), nbformat=5)),
    "format as text": ("a.ipynb", notebook(cell("x"), nbformat="4")),
    "no JSON": ("a.ipynb", b'{"cells": [\n}'),
    "empty": ("a.ipynb", b""),
    "a list": ("a.ipynb", b"[]"),
    "neither": ("a.ipynb", b'{"a": 1}'),
    "cells no list": ("a.ipynb", b'{"cells": {}, "nbformat": 4}'),
    "a cell no object": ("a.ipynb", b'{"cells": [5], "nbformat": 4}'),
    "worksheets no list": ("a.ipynb", b'{"worksheets": 5}'),
    "a worksheet no object": ("a.ipynb", b'{"worksheets": [5]}'),
    "a cell of another language": (
        "a.ipynb",
        json.dumps(
            {
                "nbformat": 3,
                "worksheets": [{"cells": [{"cell_type": "code", "language": "R", "input": "x"}]}],
            }
        ).encode(),
    ),
    "a source of a number": ("a.ipynb", notebook(cell(5))),
    "a source of mixed lines": ("a.ipynb", notebook(cell(["a", 5]))),
    "a source without source": (
        "a.ipynb",
        json.dumps({"nbformat": 4, "cells": [{"cell_type": "code"}]}).encode(),
    ),
    "a null character": ("a.ipynb", notebook(cell("x\x00"))),
    "a lone surrogate": (
        "a.ipynb",
        b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "\\ud800"}]}',
    ),
    "no UTF-8": ("a.ipynb", b'{"nbformat": 4,\n "x": "\xff"}'),
    "too many cells": (
        "a.ipynb",
        json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": ""}] * 5001}).encode(),
    ),
    "too much code": ("a.ipynb", notebook(cell("#" * 300_000))),
    "too deep": ("a.ipynb", b'{"nbformat": 4, "cells": ' + b"[" * 300 + b"]" * 300 + b"}"),
    "a key twice": (
        "a.ipynb",
        b'{"nbformat": 3, "nbformat": 4, "cells": [{"cell_type": "code", "source": "x"}]}',
    ),
    "python": ("a.py", b"x = 1\n# %choose main\n"),
    "python with cells": (
        "a.py",
        b"import x\n# %% one\ny\n# %% [markdown] T\n# text\n#%%\n%choose a\n# %%\n# %choose b\nz = '''\n# %% no\n'''\n",
    ),
    "python with windows line ends": ("a.PY", b"x\r\ny\rz"),
    "python with a mark": ("a.py", b"\xef\xbb\xbfx = 1"),
    "python of no UTF-8": ("a.py", b"x = 1\ny = '\xff'"),
    "python in Latin-1": ("a.py", b"# -*- coding: latin-1 -*-\nx = 1"),
    "python that says UTF-8": ("a.py", b"#!/usr/bin/python\n# coding: UTF_8\n"),
    "python with a null": ("a.py", b"x\n\x00"),
    "python too large": ("a.py", b"#" * 300_000),
    "python empty": ("a.py", b""),
    "a text": ("a.txt", b"x"),
    "no ending": ("a", b"x"),
}

MAGICS: list[str] = [
    "%matplotlib inline", "%load_ext autoreload", "%timeit f()", "%time f()", "%time", "print?", "?print",
    "str.split??", "a.*b?", "%pip install x", "!pip install -q x", "!python -m pip install x", "!pip3", "!uv pip install x",
    "%conda install x", "!apt-get install x", "!ls -la", "!!ls", "!", "%", "%cd /tmp", "%env A=1", "%set_env A 1",
    "%load x.py", "%run other.py", "%writefile x", "%sql select 1", "%unheard of", "files = !ls", "a, b = %sx ls",
    "a.b[0] = !ls", "x = %timeit -o f()", "%choose", "%choose ''", "%choose main", "%choose 'My task'", "# %choose main",
    "  # %choose  main", "#%choose main", "x = 1  # %choose main", "%choose a\n%choose b", "%choose a\n%choose a",
    "%%bash\nls\n\nls", "%%html\n<b>", "%%time\nx = 1\n!ls", "%%capture out\nx = 1", "%%prun\nf()", "%%timeit\nf()",
    "%%writefile a.py\nprint('x')\n", "%%writefile -a a.py\nx", "%%writefile --append a.py\nx", "%%writefile ../a.py\nx",
    "%%writefile\nx", "\n\n%%bash\nls", "%%unheard\nx", "%%\nx", "%%SQL\nx", "x = 1\n%%bash\nls",
    "if True:\n    !ls\nelse:\n    %matplotlib inline\nfor x in y:\n\t!echo {x}", "!pip install \\\n  a \\\n  b\nx = 1",
    "!ls \\", "%choose \\\nmain", 'x = """\n%pip install x\n!ls\n"""', "x = (10\n  % 3\n  %2)", "x = 10 \\\n  % 3",
    "x = 'a\\\n%b'", "x = 'a\n%b", "# !pip install x", "a %= 2", "x = '%s' % 1", "def f():\n    %time g()\n", "`x`", "%" + "x" * 100,
    "x = [\n!1\n]\n!ls", "x?\ny", "%autoreload 2", "lambda: x = !ls",
]  # fmt: skip
FILES_WITH_CELLS: list[str] = [
    "", "x = 1\n", "\n\n# %%\nx\n\n# %% Title\n\ny\n", "# %% [markdown] Head\n# # T\n#\n# text\n# %% [md]\n# a\n# %% [raw]\nr\n",
    "#%%\n# !pip install x\n# %choose a\n# not a command\n", "# %%\ns = '''\n# %% no\n'''\n", "\ufeff# %%\r\nx\r\n", "# %%[markdown]\n# é\n",
]  # fmt: skip
PROGRAMS: dict[str, str] = {
    "of our own": 'import json\njson.dump({"plumbmark": 1, "score": 1}, open("plumbmark.result.json", "w"))\n',
    "without a result": "print(1)\n",
    "that is no Python": "def f(:\n",
    "of the SDK": "import kaggle_benchmarks as kbench\n\n@kbench.task(name='A', description='d')\ndef a(llm) -> bool:\n    return True\n\na.run(kbench.llm)\n",
    "of several tasks": "import kaggle_benchmarks as kbench\n\n@kbench.task()\ndef a(llm) -> tuple[int, int]:\n    ...\n\n@kbench.task(store_run=False)\ndef b(llm):\n    ...\n\nb.run(kbench.llm)\na.run(kbench.llms['x/y'])\na.evaluate(llm=[kbench.llm], evaluation_data=1)\n",
    "that judges": "import kaggle_benchmarks as kbench\n\n@kbench.task()\ndef a(llm) -> float:\n    return kbench.assertions.assess_response_with_judge(judge_llm=kbench.judge_llm)\n\na.run(kbench.llm)\n",
    "that runs nothing": "import kaggle_benchmarks as kbench\n\n@kbench.task()\ndef a(llm) -> str:\n    return ''\n",
    "that imports much": "import torch, openai\nfrom kaggle_benchmarks import task\n\n@task\ndef a(llm, x): ...\n\nif False:\n    a.run(1)\n",
}
