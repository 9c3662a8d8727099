"""Notebook commands: what is left out, what stays, what is told."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks_app.code_tasks.findings import Severity
from tasks_app.code_tasks.source.magics import statement_lines, without_magics


def describe(source: str) -> list[tuple[str, int | None]]:
    return [(one.code, one.line) for one in without_magics(source).findings]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("%matplotlib inline", "magic-ignored"),
        ("%load_ext autoreload", "magic-ignored"),
        ("%autoreload 2", "magic-ignored"),
        ("%timeit f()", "magic-ignored"),
        ("print?", "magic-ignored"),
        ("?print", "magic-ignored"),
        ("str.split??", "magic-ignored"),
        ("%pip install x", "install-not-run"),
        ("!pip install -q x", "install-not-run"),
        ("!python -m pip install x", "install-not-run"),
        ("%conda install x", "install-not-run"),
        ("!apt-get install x", "install-not-run"),
        ("!ls -la", "magic-not-run"),
        ("!!ls", "magic-not-run"),
        ("%cd /tmp", "magic-not-run"),
        ("%env A=1", "magic-not-run"),
        ("%run other.py", "magic-not-run"),
        ("%sql select 1", "magic-not-run"),
        ("files = !ls", "magic-refused"),
        ("a, b = %sx ls", "magic-refused"),
        ("a.b[0] = !ls", "magic-refused"),
        ("%choose", "nothing-chosen"),
        ("%%bash\nls", "magic-not-run"),
        ("%%html\n<b>x</b>", "magic-ignored"),
        ("%%unheard\nx", "magic-not-run"),
        ("%%writefile ../x.py\nx", "magic-not-run"),
    ],
)
def test_commands_are_told_and_leave_code_that_python_reads(source: str, code: str) -> None:
    before = f"x = 1\n{source}\ny = 2"

    plain = without_magics(source)

    assert describe(source) == [(code, 1)]
    ast.parse("\n".join(plain.lines))
    assert len(plain.lines) == source.count("\n") + 1
    if not source.startswith("%%"):
        assert describe(before) == [(code, 2)]
        ast.parse("\n".join(without_magics(before).lines))


@pytest.mark.parametrize(
    "source",
    [
        'x = """\n%pip install x\n!ls\n"""',
        "x = '''\n%choose a\n'''",
        "x = (10\n  % 3\n  %2)",
        "x = 10 \\\n  % 3",
        "x = [\n!1\n]",
        "x = 'a\\\n%b'",
        'x = r"\\"  # """\ny = 7 % 2',
        "x = {'a': '#'}\ny = x['a'] != 2",
        "a %= 2",
        "b = c % d",
        "x = '%s' % 1",
        "# !pip install x\n# %choose a",
        'f"{a!r}"',
        "x: int = 1  # %choose a",
        "'''a'''; '''\n%b\n'''",
    ],
)
def test_what_only_looks_like_a_command_stays(source: str) -> None:
    plain = without_magics(source)

    assert "\n".join(plain.lines) == source
    assert plain.findings == []
    assert plain.chosen is None


def test_a_command_in_a_block_leaves_the_block_whole() -> None:
    source = "if True:\n    !ls\nelse:\n    %matplotlib inline\nfor x in y:\n\t!echo {x}"

    plain = without_magics(source)

    ast.parse("\n".join(plain.lines))
    assert plain.lines[1] == "    pass  # not run: !ls"
    assert plain.lines[5].startswith("\tpass")


def test_a_command_goes_on_after_a_backslash() -> None:
    plain = without_magics("!pip install \\\n  a \\\n  b\nx = 1")

    ast.parse("\n".join(plain.lines))
    assert plain.lines[3] == "x = 1"
    assert [one.line for one in plain.findings] == [1]
    assert len(plain.lines) == 4


def test_a_command_may_end_the_text_with_a_backslash() -> None:
    ast.parse("\n".join(without_magics("!ls \\").lines))


def test_timed_code_still_runs() -> None:
    line = without_magics("%time x = 1")
    cell = without_magics("%%time\nx = 1\ny = 2")
    captured = without_magics("\n%%capture out\n!ls\nx = 1")

    assert line.lines == ["x = 1"]
    assert cell.lines[1:] == ["x = 1", "y = 2"]
    assert captured.lines[3] == "x = 1"
    assert [one.code for one in captured.findings] == ["magic-ignored", "magic-not-run"]
    assert without_magics("%time").lines == ["pass  # %time"]


def test_a_file_that_a_cell_writes_is_written_by_python(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    text = 'def f():\n    return "ü \\n {x}"\n'

    for source in (f"%%writefile helper.py\n{text}", "%%writefile -a helper.py\n# more"):
        plain = without_magics(source)
        assert plain.lines[0].startswith("with open(")
        exec("\n".join(plain.lines), {})

    with open("helper.py", encoding="utf-8") as file:
        assert file.read() == f"{text}# more\n"


@pytest.mark.parametrize(
    ("source", "chosen"),
    [
        ("%choose main", "main"),
        ("%choose  main task ", "main task"),
        ("%choose 'main task'", "main task"),
        ("  %choose main", "main"),
        ("x = 1\n%choose main\ny = 2", "main"),
    ],
)
def test_the_choice_is_kept_and_taken_out(source: str, chosen: str) -> None:
    plain = without_magics(source)

    assert plain.chosen == chosen
    assert plain.findings == []
    ast.parse("\n".join(line.lstrip() for line in plain.lines))


def test_of_two_choices_the_last_counts() -> None:
    plain = without_magics("%choose a\n%choose b")

    assert plain.chosen == "b"
    assert describe("%choose a\n%choose b") == [("chosen-twice", 2)]
    assert describe("%choose a\n%choose a") == []


def test_a_commented_choice_counts_in_files_alone() -> None:
    source = "# %choose main\nx = '''\n# %choose no\n'''"

    assert without_magics(source).chosen is None
    assert without_magics(source, read_comments=True).chosen == "main"


def test_a_refused_command_is_an_error_and_its_name_still_exists() -> None:
    plain = without_magics("files = !ls\nprint(files)")

    assert plain.findings[0].severity is Severity.ERROR
    assert plain.lines[0].startswith("files = None  # not run")


def test_statements_begin_outside_of_strings_brackets_and_continuations() -> None:
    source = "a = 1\nb = (\n2)\nc = '''\n'''\nd = 1 + \\\n2\n# '''\ne = 'x\nf = 2"

    assert list(statement_lines(source)) == [1, 2, 4, 6, 8, 9, 10]


@given(st.text(alphabet="a%!?='\"\\#([{}])\n \tchose", max_size=80))
def test_lines_are_never_added_or_removed(source: str) -> None:
    plain = without_magics(source)

    assert len(plain.lines) == source.count("\n") + 1
    assert all("\n" not in line for line in plain.lines)


@given(st.integers(1, 4), st.sampled_from(['"', "'", '"""', "'''", "(", "["]))
def test_unclosed_things_do_not_take_long(power: int, mark: str) -> None:
    without_magics((mark + "\\a" * 10**power + "\n") * 3)
