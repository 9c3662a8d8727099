"""Notebooks and files as scripts, and back."""

import ast
import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.common.errors import InvalidInput
from tasks_app.code_tasks.source import notebook
from tasks_app.code_tasks.source.notebook import (
    CellPlace,
    digest_source,
    notebook_of,
    script_of,
)


def cell(source: str | list[str], kind: str = "code", **more: Any) -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source, **more}


def written(*cells: dict[str, Any], **more: Any) -> bytes:
    document = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}
    return json.dumps(document).encode()


def problem_of(data: bytes, name: str = "a.ipynb") -> str:
    with pytest.raises(InvalidInput) as caught:
        script_of(name, data)
    return str(caught.value.problems[0])


# --- Notebooks --------------------------------------------------------------------------------


def test_code_cells_follow_one_another_and_the_rest_is_left_out() -> None:
    script = script_of(
        "a.ipynb",
        written(
            cell("# Title", "markdown"),
            cell(["x = 1\n", "y = 2"]),
            cell("raw", "raw"),
            cell("z = x + y\n\n"),
        ),
    )

    assert script.code == "# %% cell 1\nx = 1\ny = 2\n\n# %% cell 2\nz = x + y\n"
    assert script.findings == ()
    space: dict[str, Any] = {}
    exec(script.code, space)
    assert space["z"] == 3


def test_every_line_leads_back_to_its_cell() -> None:
    script = script_of("a.ipynb", written(cell("a\nb"), cell(""), cell("c")))
    lines = script.code.split("\n")

    for number, line in enumerate(lines, 1):
        place = script.place_of(number)
        if line in {"a", "b", "c"}:
            wanted = {"a": CellPlace(1, 1), "b": CellPlace(1, 2), "c": CellPlace(3, 1)}
            assert place == wanted[line]
        elif line.startswith("# %%"):
            assert place is None
    assert script.place_of(10_000) is None
    assert str(CellPlace(3, 1)) == "cell 3, line 1"
    assert str(CellPlace(None, 7)) == "line 7"


def test_a_real_traceback_names_cells(tmp_path: Path) -> None:
    script = script_of(
        "a.ipynb",
        written(cell("def f():\n    return 1 / 0"), cell("%matplotlib inline\n\nf()")),
    )
    path = tmp_path / "task.py"
    path.write_text(script.code)
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=300, check=False
    )

    told = script.place_traceback(done.stderr, script="task.py")

    assert 'File "cell 2", line 3, in <module>' in told
    assert 'File "cell 1", line 2, in f' in told
    assert str(tmp_path) not in told
    assert "ZeroDivisionError" in told
    elsewhere = '  File "/x/other.py", line 3, in f'
    assert script.place_traceback(elsewhere, script="task.py") == elsewhere


def test_commands_keep_their_place_in_the_script() -> None:
    script = script_of(
        "a.ipynb", written(cell("x = 1"), cell("y = 2\n!pip install z"), cell("%choose main"))
    )

    (finding,) = script.findings
    assert finding.code == "install-not-run"
    assert finding.line is not None
    assert str(script.place_of(finding.line)) == "cell 2, line 2"
    assert script.chosen == "main"
    ast.parse(script.code)


def test_of_choices_in_several_cells_the_last_counts() -> None:
    script = script_of("a.ipynb", written(cell("%choose a"), cell("%choose b")))

    assert script.chosen == "b"
    assert [one.code for one in script.findings] == ["chosen-twice"]


def test_a_commented_choice_in_a_notebook_is_a_comment() -> None:
    assert script_of("a.ipynb", written(cell("# %choose a\nx = 1"))).chosen is None


def test_notebooks_of_format_3_are_read() -> None:
    document = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 1, "source": "T"},
                    {"cell_type": "code", "language": "python", "input": ["x = 1\n", "y = 2"]},
                ]
            },
            {"cells": [{"cell_type": "code", "language": "python", "input": "z = 3"}]},
        ],
    }

    script = script_of("a.ipynb", json.dumps(document).encode())

    assert script.code == "# %% cell 1\nx = 1\ny = 2\n\n# %% cell 2\nz = 3\n"


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"language": "python"}},
        {"language_info": {"name": "python", "version": "3.11"}},
        {"kernelspec": {}, "language_info": None},
        {"kernelspec": "python"},
    ],
)
def test_python_notebooks_are_taken(metadata: dict[str, Any]) -> None:
    assert script_of("a.ipynb", written(cell("x = 1"), metadata=metadata)).code


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is no notebook: it is empty"),
        (b"[]", "must be a JSON object"),
        (b"{}", "neither cells nor worksheets"),
        (b'{"cells": [', "line 1: is no notebook: it ends in the middle"),
        (b'{"cells": [],\n "nbformat": 4,}', "line 2: is no notebook"),
        (b'{"cells": {}, "nbformat": 4}', "cells: must be a list"),
        (b'{"cells": [3], "nbformat": 4}', "cells[0]: must be an object"),
        (b'{"worksheets": 3, "nbformat": 3}', "worksheets: must be a list"),
        (b'{"worksheets": [3], "nbformat": 3}', "worksheets[0].cells: must be a list"),
        (b'{"cells": [], "nbformat": 2}', "nbformat: is a notebook of format 2"),
        (b'{"cells": [], "nbformat": "4"}', "nbformat: is a notebook of format '4'"),
        (b'{"cells": [], "nbformat": []}', "nbformat: is a notebook of format []"),
        (written(cell(["a", 3])), "cells[0].source: must be a text or a list of texts"),  # type: ignore[list-item]
        (written({**cell("x"), "source": None}), "cells[0].source: must be a text"),
        (written(cell("a\x00b")), "cells[0].source: holds a null character"),
        (
            written(metadata={"kernelspec": {"language": "R"}}),
            "metadata.kernelspec.language: is a notebook in R; only Python runs here",
        ),
        (
            written(metadata={"language_info": {"name": "julia"}}),
            "metadata.language_info.name: is a notebook in julia",
        ),
        (b'{"cells": "\xff"}', "line 1: is not UTF-8 (byte 11)"),
        (b"[" * 100_000, "nested deeper"),
    ],
)
def test_what_is_no_notebook_is_refused_with_its_place(data: bytes, told: str) -> None:
    assert told in problem_of(data)


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    many = written(*[cell("x")] * 5)
    monkeypatch.setattr(notebook, "MAX_CELLS", 4)
    assert "cells: has more than 4 cells" in problem_of(many)
    monkeypatch.setattr(notebook, "MAX_CELLS", 5)
    assert script_of("a.ipynb", many).cells[-1].number == 5

    big = written(cell("# " + "x" * notebook.MAX_CODE_BYTES))
    assert "has more than 256 KiB of code" in problem_of(big)
    assert "has more than 256 KiB" in problem_of(b"#" * (notebook.MAX_CODE_BYTES + 1), "a.py")


def test_a_notebook_without_code_is_told() -> None:
    for data in (written(), written(cell("T", "markdown")), written(cell(" \n "))):
        assert [one.code for one in script_of("a.ipynb", data).findings] == ["no-code"]


def test_outputs_of_a_notebook_do_not_matter() -> None:
    data = written(
        cell("x = 1", outputs=[{"data": {"image/png": "A" * 100_000}}], execution_count=3)
    )

    assert script_of("a.ipynb", data).code == "# %% cell 1\nx = 1\n"


# --- Digests ----------------------------------------------------------------------------------

AS_PUSHED = written(
    cell("# Title", "markdown", id="aa"), cell(["x = 1\n", "y = 2"], id="bb", outputs=[])
)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            written(
                cell("# Title", "markdown", id="cc"), cell("x = 1\ny = 2", id="dd", outputs=[])
            ),
            id="ids and one text instead of lines",
        ),
        pytest.param(
            written(
                cell("# Title\n", "markdown"),
                cell("x = 1\r\ny = 2\r\n", outputs=[{"text": "2"}], execution_count=7),
            ),
            id="outputs, counts and line ends",
        ),
        pytest.param(
            written(
                cell("# Title", "markdown"),
                cell("x = 1\ny = 2") | {"metadata": {"_uuid": "f3", "execution": {"at": "now"}}},
                metadata={"jupytext": {"text_representation": {"jupytext_version": "9.9"}}},
            ),
            id="what editors note",
        ),
        pytest.param(
            json.dumps(
                {
                    "nbformat": 3,
                    "worksheets": [
                        {
                            "cells": [
                                {"cell_type": "markdown", "source": "# Title"},
                                {"cell_type": "code", "input": ["x = 1\n", "y = 2"]},
                            ]
                        }
                    ],
                }
            ).encode(),
            id="the older format",
        ),
        pytest.param(b"\xef\xbb\xbf" + AS_PUSHED, id="a byte order mark"),
    ],
)
def test_notebooks_that_say_the_same_have_one_digest(data: bytes) -> None:
    assert digest_source("a.ipynb", data) == digest_source("b.ipynb", AS_PUSHED)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(written(cell("# Title", "markdown"), cell("x = 1\ny = 3")), id="code"),
        pytest.param(written(cell("# Titel", "markdown"), cell("x = 1\ny = 2")), id="text"),
        pytest.param(written(cell("x = 1\ny = 2"), cell("# Title", "markdown")), id="order"),
        pytest.param(written(cell("# Title"), cell("x = 1\ny = 2")), id="kind"),
        pytest.param(
            written(cell("# Title", "markdown"), cell("x = 1"), cell("y = 2")), id="division"
        ),
        pytest.param(
            written(
                cell("# Title", "markdown"),
                cell("x = 1\ny = 2") | {"metadata": {"tags": ["slow"]}},
            ),
            id="tags",
        ),
        pytest.param(
            written(
                cell("# Title", "markdown", attachments={"a.png": {"image/png": "AA=="}}),
                cell("x = 1\ny = 2"),
            ),
            id="attachments",
        ),
        pytest.param(
            written(cell("# Title \ud800", "markdown"), cell("x = 1\ny = 2")), id="half a character"
        ),
    ],
)
def test_notebooks_that_say_something_else_have_another_digest(data: bytes) -> None:
    assert digest_source("a.ipynb", data) != digest_source("a.ipynb", AS_PUSHED)


def test_the_digest_of_a_file_is_that_of_its_bytes() -> None:
    assert digest_source("a.py", b"x = 1\n") == sha256(b"x = 1\n").hexdigest()
    assert digest_source("a.py", b"x = 1\n") != digest_source("a.py", b"x = 1 # One.\n")


# --- Files ------------------------------------------------------------------------------------


def test_a_file_keeps_every_line_where_it_is() -> None:
    text = (
        "import x\n\n# %%\n%pip install y\nz = '''\n# %%\n'''\n# %% [markdown]\n# text\n# %%bash\n"
    )

    script = script_of("task.py", text.encode())

    assert script.code.count("\n") == text.count("\n")
    changed = [
        number
        for number, (old, new) in enumerate(
            zip(text.split("\n"), script.code.split("\n"), strict=True), 1
        )
        if old != new
    ]
    assert changed == [4]
    assert [(one.code, one.line) for one in script.findings] == [("install-not-run", 4)]
    assert str(script.place_of(4)) == "line 4"
    trace = 'File "/kaggle/working/task.py", line 4'
    assert script.place_traceback(trace, script="task.py") == 'File "task.py", line 4'


def test_a_command_for_a_cell_in_a_file_ends_with_the_cell() -> None:
    script = script_of("task.py", b"x = 1\n# %%\n%%bash\nrm -rf /\n# %%\ny = 2\n")

    ast.parse(script.code)
    assert script.code.split("\n")[5] == "y = 2"
    assert "\nrm" not in script.code


@pytest.mark.parametrize("choice", ["# %choose main", "%choose main", "#%choose main"])
def test_a_file_chooses_with_or_without_a_comment(choice: str) -> None:
    script = script_of("task.py", f"x = 1\n# %%\n{choice}\n".encode())

    assert script.chosen == "main"
    assert script.findings == ()
    ast.parse(script.code)


def test_line_ends_and_marks_of_other_systems_do_not_matter() -> None:
    assert script_of("task.py", b"\xef\xbb\xbfx = 1\r\ny = 2\rz = 3").code == "x = 1\ny = 2\nz = 3"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"x = 1\ny = '\xff'", "line 2: is not UTF-8 (byte 11)"),
        (b"x\n\x00", "line 2: holds a null character"),
        (b"# -*- coding: latin-1 -*-\nx = 1", "line 1: declares the encoding 'latin-1'"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n", "line 2: declares the encoding"),
    ],
)
def test_files_that_python_would_read_otherwise_are_refused(data: bytes, told: str) -> None:
    assert told in problem_of(data, "a.py")


def test_a_declared_utf_8_is_fine() -> None:
    assert script_of("a.py", b"# -*- coding: utf-8 -*-\nx = 1\n").code.startswith("# -*-")


@pytest.mark.parametrize("name", ["task.txt", "task", "notebook.ipynb.zip", ".py.sh"])
def test_other_files_are_refused(name: str) -> None:
    assert "is no Python file (.py) and no notebook (.ipynb)" in problem_of(b"x = 1", name)


# --- Writing ----------------------------------------------------------------------------------

FILE = '''"""A task."""
import kaggle_benchmarks as kbench

# %% [markdown] About
# # Heading
#
# Text with `code`.

# %% The task
@kbench.task()
def main(llm) -> float:
    text = """
# %% not a cell
"""
    return 1.0

# %%
main.run(kbench.llm)
# %choose main
# !echo done
'''


def test_a_file_with_cells_becomes_a_notebook() -> None:
    document = json.loads(notebook_of(FILE))

    kinds = [one["cell_type"] for one in document["cells"]]
    assert kinds == ["code", "markdown", "code", "code"]
    first, about, task, last = document["cells"]
    assert "".join(first["source"]).startswith('"""A task."""')
    assert about["source"] == ["# Heading\n", "\n", "Text with `code`."]
    assert about["metadata"] == {"title": "About"}
    assert task["metadata"] == {"title": "The task"}
    assert "# %% not a cell\n" in task["source"]
    assert last["source"] == ["main.run(kbench.llm)\n", "%choose main\n", "!echo done"]
    assert document["nbformat"] == 4
    assert document["metadata"]["kernelspec"]["name"] == "python3"
    assert len({one["id"] for one in document["cells"]}) == 4
    assert notebook_of(FILE) == notebook_of(FILE.replace("\n", "\r\n"))


def test_a_file_and_its_notebook_are_the_same_program() -> None:
    direct = script_of("task.py", FILE.encode())
    through = script_of("task.ipynb", notebook_of(FILE).encode())

    assert direct.chosen == through.chosen == "main"
    assert ast.dump(ast.parse(through.code.replace("pass  # %choose main\n", ""))) == ast.dump(
        ast.parse(direct.code + "\npass  # not run: !echo done")
    )


def test_a_file_without_cells_is_one_cell() -> None:
    document = json.loads(notebook_of("x = 1\ny = 2\n"))

    assert [one["source"] for one in document["cells"]] == [["x = 1\n", "y = 2"]]


@given(st.text(alphabet="x=1 \n#%[]markdown'\"", max_size=60))
def test_any_text_becomes_a_notebook_that_can_be_read_again(text: str) -> None:
    script_of("a.ipynb", notebook_of(text).encode())


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda one: (
    st.lists(one, max_size=3)
    | st.dictionaries(st.sampled_from(["cells", "nbformat", "source", "cell_type", "metadata",
        "kernelspec", "language", "worksheets", "input"]), one, max_size=4)
)))  # fmt: skip
def test_any_json_is_read_or_refused(document: Any) -> None:
    try:
        script = script_of("a.ipynb", json.dumps(document).encode())
    except InvalidInput:
        return
    assert script.code.startswith("# %% cell 1") or not script.cells
