"""A look at code without running it."""

import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks_app.code_tasks.findings import (
    CODES,
    Finding,
    Severity,
    error,
    has_errors,
)
from tasks_app.code_tasks.source.inspection import (
    MAX_FINDINGS,
    Inspection,
    inspect_code,
)
from tasks_app.code_tasks.source.result_kinds import (
    ResultKind,
    kind_of_definition,
)

IMPORT = "import kaggle_benchmarks as kbench\n"
TASK = '@kbench.task(name="My task")\ndef main(llm) -> float:\n    return 1.0\n'
RUN = "main.run(kbench.llm)\n"


def look(code: str, **options: Any) -> Inspection:
    return inspect_code(textwrap.dedent(code), **options)


def codes(code: str, **options: Any) -> list[str]:
    return [one.code for one in look(code, **options).findings]


def finding(code: str, of: str, **options: Any) -> Finding:
    found = [one for one in look(code, **options).findings if one.code == of]
    assert len(found) == 1, [str(one) for one in look(code, **options).findings]
    return found[0]


# --- A task that is all right -----------------------------------------------------------------


def test_a_plain_task_has_nothing_to_tell() -> None:
    found = look(IMPORT + TASK + RUN)

    assert found.findings == ()
    assert not has_errors(found.findings)
    assert found.uses_sdk
    (task,) = found.tasks
    assert (task.function, task.name, task.parameters) == ("main", "My task", ("llm",))
    assert task.returns is ResultKind.NUMBER
    assert task.file_name == "My_task"
    (call,) = found.runs
    assert (call.task, call.method, call.line, call.function) == ("main", "run", 5, None)
    assert call.is_reached
    assert found.kinds() == {"My task": ResultKind.NUMBER}


@pytest.mark.parametrize(
    ("imported", "decorator", "model"),
    [
        ("import kaggle_benchmarks", "kaggle_benchmarks.task()", "kaggle_benchmarks.llm"),
        ("import kaggle_benchmarks as kb", "kb.task()", "kb.llm"),
        ("import kaggle_benchmarks as kb", "kb.tasks.task()", "kb.llm"),
        ("import kaggle_benchmarks.tasks", "kaggle_benchmarks.tasks.task()", "1"),
        ("from kaggle_benchmarks import task, llm", "task()", "llm"),
        ("from kaggle_benchmarks import task as mark, llm as model", "mark()", "model"),
        ("from kaggle_benchmarks.tasks import task", "task()", "1"),
        ("from kaggle_benchmarks import *", "task()", "llm"),
        ("import kaggle_benchmarks as kb\nmark = kb.task", "mark()", "kb.llm"),
        ("import kaggle_benchmarks as kb\nk = kb\nmark = k.task", "mark()", "kb.llm"),
        ("try:\n    import kaggle_benchmarks as kb\nexcept ImportError:\n    kb = None",
         "kb.task()", "kb.llm"),
        ("import importlib\nimport kaggle_benchmarks\n"
         "kb = importlib.import_module('kaggle_benchmarks')", "kb.task()", "kb.llm"),
    ],
)  # fmt: skip
def test_tasks_are_found_however_the_sdk_is_imported(
    imported: str, decorator: str, model: str
) -> None:
    found = look(f"{imported}\n@{decorator}\ndef f_one(llm) -> bool: ...\nf_one.run({model})\n")

    (task,) = found.tasks
    assert (task.variable, task.name, task.returns) == ("f_one", "F One", ResultKind.BOOLEAN)
    assert len(found.runs) == 1
    assert not has_errors(found.findings)


@pytest.mark.parametrize(
    "code",
    [
        "from invoke import task\n@task()\ndef f(c): ...\nf.run(1)",
        "import celery\n@celery.task()\ndef f(c): ...",
        IMPORT + "def task(): return lambda f: f\n@task()\ndef f(c): ...",
    ],
)
def test_tasks_of_others_are_none(code: str) -> None:
    assert look(code).tasks == ()


def test_a_task_made_without_a_decorator_is_found() -> None:
    found = look(
        IMPORT + "def ask(llm, q) -> bool: ...\nrow = kbench.task(name='Row')(ask)\n"
        "row.evaluate(llm=[kbench.llm], q=[1, 2])\n"
    )

    (task,) = found.tasks
    assert (task.variable, task.function, task.name) == ("row", "ask", "Row")
    assert task.parameters == ("llm", "q")
    assert found.findings == ()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ("", "My Fun2 Xy"),
        ('"Given"', "Given"),
        ('name="Given"', "Given"),
        ('name=""', "My Fun2 Xy"),
        ("name=None", "My Fun2 Xy"),
        ("name=NAME", None),
        ('name=f"{x}"', None),
        ("**options", None),
        ('description="x", version=2', "My Fun2 Xy"),
    ],
)
def test_names_are_told_where_they_can_be(options: str, name: str | None) -> None:
    (task,) = look(IMPORT + f"@kbench.task({options})\ndef my_fun2_xy(llm): ...\n").tasks

    assert task.name == name


# --- Results ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("", ResultKind.PASSED),
        (" -> None", ResultKind.PASSED),
        (" -> bool", ResultKind.BOOLEAN),
        (" -> int", ResultKind.WHOLE),
        (" -> float", ResultKind.NUMBER),
        (" -> dict", ResultKind.TABLE),
        (" -> tuple[int, int]", ResultKind.COUNT),
        (" -> tuple[float, float]", ResultKind.MARGIN),
        (" -> Tuple[int, int]", ResultKind.COUNT),
        (" -> typing.Tuple[float, float]", ResultKind.MARGIN),
        (' -> "tuple[int, int]"', ResultKind.COUNT),
        (' -> "None"', ResultKind.PASSED),
        (" -> tuple[int, float]", ResultKind.UNKNOWN),
        (" -> tuple[int, int, int]", ResultKind.UNKNOWN),
        (" -> tuple", ResultKind.UNKNOWN),
        (" -> list", ResultKind.UNKNOWN),
        (" -> str", ResultKind.UNKNOWN),
        (" -> dict[str, float]", ResultKind.UNKNOWN),
        (" -> float | None", ResultKind.UNKNOWN),
        (" -> Own", ResultKind.UNKNOWN),
        (" -> 3", ResultKind.UNKNOWN),
        (' -> "not python ("', ResultKind.UNKNOWN),
        (" -> \"'float'\"", ResultKind.UNKNOWN),
    ],
)
def test_annotations_tell_what_comes_back(annotation: str, kind: ResultKind) -> None:
    source = f"@kbench.task()\ndef f(llm){annotation}:\n    return 1\n"

    assert kind_of_definition(source) is kind
    assert kind_of_definition("    " + source.replace("\n", "\n    ")) is kind
    (task,) = look(IMPORT + source).tasks
    assert task.returns is kind


@pytest.mark.parametrize("source", ["", "x = 1", "def f(:", "\x00", "(" * 1000, "lambda: 1"])
def test_sources_without_a_function_tell_nothing(source: str) -> None:
    assert kind_of_definition(source) is ResultKind.UNKNOWN


def test_assigned_types_are_followed_once() -> None:
    code = "Count = tuple[int, int]\nLoop = Loop\nA = B\nB = A\n"
    for name, kind in (("Count", ResultKind.COUNT), ("Loop", ResultKind.UNKNOWN),
                       ("A", ResultKind.UNKNOWN)):  # fmt: skip
        (task,) = look(f"{IMPORT}{code}@kbench.task()\ndef f(llm) -> {name}: ...\n").tasks
        assert task.returns is kind


@pytest.mark.parametrize("annotation", ["list", "str", "dict[str, float]", "float | None", "tuple"])
def test_results_that_the_sdk_refuses_are_errors(annotation: str) -> None:
    code = IMPORT + f"@kbench.task()\ndef f(llm) -> {annotation}: ...\nf.run(kbench.llm)\n"

    found = finding(code, "unsupported-result")
    assert (found.severity, found.line) == (Severity.ERROR, 3)


def test_a_type_that_is_not_known_may_be_registered() -> None:
    code = IMPORT + "@kbench.task()\ndef f(llm) -> Own: ...\nf.run(kbench.llm)\n"

    assert finding(code, "unsupported-result").severity is Severity.WARNING


@pytest.mark.parametrize(
    "code",
    [
        "from __future__ import annotations\n" + IMPORT + TASK + RUN,
        IMPORT + TASK.replace("float", '"float"') + RUN,
        "from __future__ import annotations\n" + IMPORT + TASK.replace("float", "None") + RUN,
    ],
)
def test_annotations_as_text_are_errors(code: str) -> None:
    assert codes(code) == ["string-annotations"]


def test_text_annotations_do_no_harm_without_an_annotation() -> None:
    code = "from __future__ import annotations\n" + IMPORT + TASK.replace(" -> float", "") + RUN

    assert codes(code) == []


# --- Runs -------------------------------------------------------------------------------------


def test_a_task_that_nobody_runs_measures_nothing() -> None:
    found = finding(IMPORT + TASK, "no-run")

    assert found.severity is Severity.ERROR
    assert "main.run(kbench.llm)" in found.remedy


@pytest.mark.parametrize(
    ("run", "function"),
    [
        ("main.run(kbench.llm)", None),
        ("main.evaluate(llm=[kbench.llm])", None),
        ("result = main.run(kbench.llm)", None),
        ("for one in range(3):\n    main.run(kbench.llm)", None),
        ("with kbench.client.enable_cache():\n    main.run(kbench.llm)", None),
        ("try:\n    main.run(kbench.llm)\nexcept Exception:\n    pass", None),
        ("print(main.run(kbench.llm).result)", None),
        ("x = [main.run(kbench.llm) for _ in range(2)]", None),
        ("alias = main\nalias.run(kbench.llm)", None),
        ("for task in [main]:\n    task.run(kbench.llm)", None),
        ("[task.run(kbench.llm) for task in (main,)]", None),
        ("def go():\n    main.run(kbench.llm)\ngo()", "go"),
        ("def go():\n    main.run(kbench.llm)\ndef start():\n    go()\nstart()", "go"),
        ("async def go():\n    main.run(kbench.llm)\nimport asyncio\nasyncio.run(go())", "go"),
        ("class A:\n    def go(self):\n        main.run(kbench.llm)\nA().go()", "go"),
        ("def go():\n    main.run(kbench.llm)\nimport threading\n"
         "threading.Thread(target=go).start()", "go"),
    ],
)  # fmt: skip
def test_runs_are_found(run: str, function: str | None) -> None:
    found = look(f"{IMPORT}{TASK}{run}\n")

    assert [(call.task, call.function) for call in found.runs] == [("main", function)]
    assert found.runs[0].is_reached
    assert found.findings == ()


@pytest.mark.parametrize(
    "run",
    [
        "def go():\n    main.run(kbench.llm)",
        "def go():\n    other()\ndef other():\n    go()\n    main.run(kbench.llm)",
        "import subprocess\nsubprocess.run('x')",
        "main(kbench.llm)",
    ],
)
def test_runs_that_nothing_comes_to_are_told(run: str) -> None:
    assert codes(f"{IMPORT}{TASK}{run}\n") == ["no-run"]


def test_runs_of_what_cannot_be_told_keep_it_silent() -> None:
    assert codes(f"{IMPORT}{TASK}registry['main'].run(kbench.llm)\n") == []
    assert codes(f"{IMPORT}{TASK}\nfor t in find():\n    t.run(kbench.llm)\n") == []


def test_a_run_under_the_guard_is_noted() -> None:
    guarded = "if __name__ == '__main__':\n    main.run(kbench.llm)\n"
    found = look(IMPORT + TASK + guarded)

    assert [(one.code, one.severity) for one in found.findings] == [("guarded-run", Severity.NOTE)]
    assert found.runs[0].is_guarded
    assert found.runs[0].is_reached
    assert codes(IMPORT + TASK + guarded + RUN) == []
    turned = guarded.replace("__name__ == '__main__'", "'__main__' == __name__")
    assert codes(IMPORT + TASK + turned) == ["guarded-run"]
    other = "if __name__ != 'x':\n    pass\nelse:\n    main.run(kbench.llm)\n"
    assert codes(IMPORT + TASK + other) == []


def test_a_row_task_within_the_main_one_is_run() -> None:
    code = (
        IMPORT
        + "@kbench.task(store_task=False)\ndef row(llm, q) -> bool: ...\n"
        + "@kbench.task()\ndef main(llm) -> float:\n"
        + "    runs = row.evaluate(llm=[llm], q=[1])\n    return 1.0\n"
        + RUN
    )
    found = look(code)

    assert found.findings == ()
    assert {(call.task, call.function) for call in found.runs} == {("row", "main"), ("main", None)}


def test_a_task_beside_the_one_that_runs_is_noted() -> None:
    found = finding(f"{IMPORT}{TASK}@kbench.task()\ndef b(llm): ...\n{RUN}", "task-not-run")

    assert "'b'" in found.message
    assert found.severity is Severity.NOTE


def test_a_run_that_leaves_no_file_is_an_error() -> None:
    code = IMPORT + TASK.replace("name=", "store_run=False, name=") + RUN
    assert codes(code) == ["run-not-stored"]

    inner = code.replace(
        RUN, "@kbench.task()\ndef all(llm):\n    main.run(llm)\nall.run(kbench.llm)"
    )
    assert codes(inner) == []


# --- Tasks ------------------------------------------------------------------------------------


def test_the_sdk_without_a_task_is_an_error() -> None:
    assert codes(IMPORT) == ["no-task"]


def test_a_decorator_without_brackets_is_an_error() -> None:
    assert codes(IMPORT + TASK.replace('(name="My task")', "") + RUN) == ["decorator-not-called"]


def test_a_task_without_a_model_is_warned_of() -> None:
    code = IMPORT + TASK.replace("(llm)", "()") + "main.run()\n"

    assert finding(code, "no-model-parameter").severity is Severity.WARNING


def test_names_that_make_the_same_file_are_errors() -> None:
    code = (
        IMPORT
        + "@kbench.task(name='a b')\ndef x(llm): ...\n"
        + "@kbench.task(name='a/b!')\ndef y(llm): ...\n"
        + "x.run(kbench.llm); y.run(kbench.llm)\n"
    )

    assert "a_b.task.json" in finding(code, "same-name").message


def test_benchmark_alone_is_noted() -> None:
    code = IMPORT + TASK.replace("kbench.task", "kbench.benchmark") + RUN
    assert finding(code, "only-benchmark").severity is Severity.NOTE

    mixed = code + "@kbench.task()\ndef b(llm): ...\nb.run(kbench.llm)\n"
    assert codes(mixed) == []


@pytest.mark.parametrize("named", ["main", "My task", "My_task"])
def test_the_chosen_task_is_known_by_variable_and_name(named: str) -> None:
    found = look(IMPORT + TASK + RUN, chosen=named)

    assert found.findings == ()
    assert found.task_named(named) is found.tasks[0]


def test_a_choice_that_does_not_exist_is_an_error() -> None:
    found = finding(IMPORT + TASK + RUN, "chosen-unknown", chosen="other")

    assert "main" in found.remedy
    computed = IMPORT + TASK.replace('"My task"', "NAME") + RUN
    assert codes(computed, chosen="other") == []


# --- Models -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "run",
    [
        'main.run(kbench.llms["a/b"])',
        'main.run(llm=kbench.llms["a/b"])',
        'main.run(kbench.llms.get("a/b"))',
        'main.run(kbench.kaggle.load_model("a/b"))',
        'main.run(kbench.kaggle.models.load_model(model_name="a/b"))',
        'main.evaluate(llm=[kbench.llms["a/b"]])',
        'main.evaluate({"llm": [kbench.llms["a/b"]]})',
        'model = kbench.llms["a/b"]\nmain.run(model)',
        'models = [kbench.llms["a/b"]]\nmain.evaluate(llm=models)',
        'for model in [kbench.llms["a/b"]]:\n    main.run(model)',
        'from kaggle_benchmarks import llms as L\nmain.run(L["a/b"])',
    ],
)
def test_a_candidate_that_is_named_in_the_code_is_warned_of(run: str) -> None:
    found = finding(f"{IMPORT}{TASK}{run}\n", "fixed-candidate")

    assert "'a/b'" in found.message
    assert "gives no score" in found.remedy
    assert found.severity is Severity.WARNING


def test_a_run_that_is_handed_on_uncalled_counts_as_one_that_may_come() -> None:
    code = f"{IMPORT}{TASK}logged = watch(main.run)\nlogged(kbench.llm)\n"

    assert not has_errors(look(code).findings)
    assert has_errors(look(f"{IMPORT}{TASK}").findings)


def test_the_use_of_the_sdks_judge_is_seen() -> None:
    assert look(f"{IMPORT}{TASK}{RUN}").judge_line is None
    assert look(f"{IMPORT}{TASK}main.run(kbench.llm, judge=kbench.judge_llm)\n").judge_line == 5
    direct = "from kaggle_benchmarks import judge_llm\nprint(judge_llm)\n"
    assert look(direct).judge_line == 2


def test_judges_are_noted() -> None:
    code = IMPORT + (
        "@kbench.task()\ndef main(llm, judge) -> bool:\n"
        '    other = kbench.llms["c/d"]\n    return other.prompt("x") == "y"\n'
        'main.run(kbench.llm, judge=kbench.llms["a/b"])\n'
    )
    found = look(code)

    assert {(model.name, model.is_candidate) for model in found.models} == {
        ("a/b", False),
        ("c/d", False),
    }
    assert codes(code) == ["fixed-model", "fixed-model"]
    assert not has_errors(found.findings)


@pytest.mark.parametrize(
    "run",
    [
        "main.evaluate(llm=list(kbench.llms.values()))",
        "for model in kbench.llms.values():\n    main.run(model)",
        "for name in kbench.llms:\n    main.run(kbench.llms[name])",
        "main.evaluate(llm=[kbench.llms[name] for name in NAMES])",
    ],
)
def test_all_models_at_once_are_warned_of(run: str) -> None:
    assert finding(f"{IMPORT}{TASK}{run}\n", "every-model").severity is Severity.WARNING


# --- Imports and habits -----------------------------------------------------------------------


def test_packages_that_are_not_there_are_told() -> None:
    code = (
        "import json, os.path\nimport pandas as pd\nfrom nowhere.at import all_\nimport nowhere\n"
        + IMPORT
        + TASK
        + RUN
    )
    found = look(code, available={"pandas", "kaggle_benchmarks"})

    assert [(one.code, one.line) for one in found.findings] == [("missing-import", 3)]
    assert "nowhere.at" in found.findings[0].message
    assert codes(code) == []


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None\n",
        "try:\n    import nowhere\nexcept (ValueError, ModuleNotFoundError):\n    pass\n",
        "try:\n    import nowhere\nexcept:\n    pass\n",
    ],
)
def test_packages_that_may_be_missing_are_noted(code: str) -> None:
    found = look(code + IMPORT + TASK + RUN, available={"kaggle_benchmarks"})

    assert [one.code for one in found.findings] == ["optional-import"]
    assert not has_errors(found.findings)


def test_some_imports_never_happen_or_are_made_by_the_code() -> None:
    code = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nowhere\n"
        "with open('helper.py', 'w') as file:\n    file.write('')\nimport helper\n"
    )
    assert codes(code + IMPORT + TASK + RUN, available={"kaggle_benchmarks"}) == []


def test_a_handler_does_not_excuse_what_it_imports() -> None:
    code = "try:\n    import a\nexcept ImportError:\n    import b\n"
    found = look(code + IMPORT + TASK + RUN, available={"kaggle_benchmarks"})

    assert [(one.code, one.line) for one in found.findings] == [
        ("missing-import", 4),
        ("optional-import", 2),
    ]


def test_relative_imports_have_no_package() -> None:
    found = finding("from . import x\n" + IMPORT + TASK + RUN, "missing-import",
                    available={"kaggle_benchmarks"})  # fmt: skip

    assert "one file" in found.remedy


def test_code_without_the_sdk_writes_its_result() -> None:
    code = (
        "from openai import OpenAI\nclient = OpenAI()\n"
        "open('/kaggle/working/plumbmark.result.json', 'w').write('{}')\n"
    )
    found = look(code)

    assert not found.uses_sdk
    assert [one.code for one in found.findings] == ["openai-client"]
    assert codes("x = 1\n") == ["no-result"]


def test_fixed_addresses_and_keys_are_warned_of_and_never_repeated() -> None:
    key = "sk-" + "a1B2" * 10
    code = f"""
        import openai
        RESULT = "plumbmark.result.json"
        client = openai.OpenAI(base_url="https://api.example.org/v1", api_key="{key}")
        other = openai.AsyncOpenAI(api_key="some-secret-that-is-long")
    """
    found = look(code)

    assert [one.code for one in found.findings] == [
        "fixed-address", "secret-in-code", "secret-in-code", "openai-client",
    ]  # fmt: skip
    assert all(key not in str(one) and "long" not in str(one) for one in found.findings)
    harmless = "import openai\nR = 'plumbmark.result.json'\nc = openai.OpenAI(api_key='unused')\n"
    assert codes(harmless) == ["openai-client"]


@pytest.mark.parametrize("module", ["requests", "httpx", "urllib.request", "socket", "http.client"])
def test_network_is_noted(module: str) -> None:
    assert codes(f"import {module}\n" + IMPORT + TASK + RUN) == ["network"]
    assert codes("import urllib.parse, http\n" + IMPORT + TASK + RUN) == []


def test_waiting_for_input_is_warned_of() -> None:
    assert codes(IMPORT + TASK + RUN + "x = input('?')\n") == ["asks-input"]
    assert codes(IMPORT + TASK + RUN + "def input(): ...\nx = input()\n") == []


@pytest.mark.parametrize(
    "code",
    [
        "await f()",
        "async with a: pass",
        "async for a in b: pass",
        "x = [await f()]",
        "x = [a async for a in b]",
    ],
)
def test_await_outside_of_a_function_is_an_error(code: str) -> None:
    assert codes(IMPORT + TASK + RUN + code + "\n") == ["await-outside"]


def test_await_inside_of_a_function_is_fine() -> None:
    inside = "async def f():\n    async with a: await b\nimport asyncio\nasyncio.run(f())\n"

    assert codes(IMPORT + TASK + RUN + inside) == []


# --- Code that cannot be read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("x = 1\ndef f(:\n", 2),
        ("x = '\n", 1),
        ("if True:\nx = 1\n", 2),
        ("x = 1\nreturn x\n", 2),
        ("for x in y:\n    pass\nbreak\n", 3),
        ("def f():\n    nonlocal x\n", 2),
        ("x = 1\n%choose a\n", 2),
    ],
)
def test_faults_of_syntax_are_told_with_their_line(code: str, line: int) -> None:
    found = inspect_code(code)

    assert [(one.code, one.line) for one in found.findings] == [("syntax-error", line)]
    assert has_errors(found.findings)


@pytest.mark.parametrize(
    "code",
    [
        "x = 1\x00",
        "(" * 5000,
        "-" * 100_000 + "1",
        "x = " + "+".join(["1"] * 20_000),
        "x" + ".a" * 20_000,
        "x = " + "[" * 150 + "]" * 150,
        "def f():\n"
        + "".join(" " * depth + "if x:\n" for depth in range(1, 99))
        + " " * 99
        + "pass",
        "'" * 99_999,
        "x = '\\d \\p'",
        "x is 1",
        "\ufeff# x",
        "é = 1",
    ],
)
def test_strange_code_never_breaks_the_look(code: str) -> None:
    assert isinstance(inspect_code(code), Inspection)


@given(st.text(max_size=60))
def test_no_text_breaks_the_look(code: str) -> None:
    inspect_code(code)


def test_a_thousand_findings_are_cut() -> None:
    found = look(IMPORT + TASK + RUN + "input()\n" * 1000)

    assert len(found.findings) == MAX_FINDINGS
    assert found.findings[-1].code == "too-many-findings"
    assert "901" in found.findings[-1].message


def test_errors_come_first_then_by_line() -> None:
    code = IMPORT + "import requests\n" + TASK.replace("float", "list") + RUN + "input()\n"

    assert codes(code) == ["unsupported-result", "asks-input", "network"]


# --- Findings ---------------------------------------------------------------------------------


def test_a_finding_tells_place_fault_and_remedy() -> None:
    one = error("no-run", "Nothing runs.", "Run it.", line=3, path="$.a")

    assert str(one) == "line 3, $.a: Nothing runs. Run it."
    assert str(one.in_file("x.json")).startswith("x.json, line 3")
    assert str(error("no-run", "Nothing runs.")) == "Nothing runs."
    assert has_errors([one])
    with pytest.raises(ValueError, match="known"):
        error("no-such-code", "x")


def test_every_code_is_a_slug_with_a_sentence() -> None:
    for code, meaning in CODES.items():
        assert code == code.lower().replace(" ", "-")
        assert meaning.endswith(".")
