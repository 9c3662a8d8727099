"""The documentation is part of the build: what it must list, it lists; what it shows, works."""

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from plumbmark.scoring import author_code
from plumbmark.scoring.normalisation import STEPS
from tasks_app.code_tasks.findings import CODES
from tasks_app.code_tasks.output.result_file import RESULT_SCHEMA, read_result
from tasks_app.code_tasks.source.inspection import inspect_code
from tasks_app.definitions import DEFINITION_SCHEMA, parse_definition
from tests.tasks.definitions.published import SCORER_SCHEMAS, TOOL_SCHEMAS, options_of

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
_NAMES = re.compile(r"PLUMBMARK_[A-Z_]+[A-Z]")


def test_every_setting_is_documented_and_no_other() -> None:
    settings = (ROOT / "platform/plumbmark/config/settings.py").read_text()
    page = (ROOT / "docs/operators/settings.md").read_text()

    read = set(_NAMES.findall(settings)) | {"PLUMBMARK_DATABASE_PASSWORD"}
    told = set(_NAMES.findall(page)) - {"PLUMBMARK_X", "PLUMBMARK_X_FILE"}

    assert read == told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def definitions() -> list[str]:
    """Return every fenced or indented example of a definition."""
    found = []
    for page in PAGES:
        if page.name == "code-tasks.md":
            continue  # Its example is a result file.
        text = page.read_text()
        found += [
            block
            for block in re.findall(r"```(?:yaml|json)\n(.*?)```", text, re.S)
            if "plumbmark" in block
        ]
    return found


@pytest.mark.parametrize("text", definitions())
def test_every_example_of_a_definition_parses(text: str) -> None:
    parse_definition(text)


def test_there_are_examples_of_definitions() -> None:
    assert len(definitions()) >= 4


def test_every_finding_in_code_is_documented_in_its_words() -> None:
    page = (ROOT / "docs/authors/code-tasks.md").read_text()
    told = dict(re.findall(r"^\| `([a-z-]+)` \| (.+?) \| .+ \|$", page, re.M))

    for code, meaning in CODES.items():
        assert told.get(code) == meaning, code


def test_the_examples_of_code_tasks_are_right() -> None:
    page = (ROOT / "docs/authors/code-tasks.md").read_text()
    (result,) = re.findall(r"```json\n(.*?)```", page, re.S)
    (code,) = re.findall(r"\n\n((?:    .*\n|\n)*    main\.run\(kbench\.llm\)\n)", page)

    read = read_result(result.encode())
    assert read.result is not None
    assert read.findings == ()
    assert Draft202012Validator(RESULT_SCHEMA).is_valid(json.loads(result))
    assert inspect_code(textwrap.dedent(code)).findings == ()


def test_every_scorer_option_and_normalisation_is_documented() -> None:
    page = (ROOT / "docs/authors/definitions.md").read_text()

    for kind, schema in SCORER_SCHEMAS.items():
        assert f"`{kind}`" in page
        for option in options_of(schema):
            assert f"`{option}`" in page, f"{kind}: {option}"
    for step in STEPS:
        assert f"`{step}`" in page, step


def test_every_tool_with_its_options_and_every_limit_is_documented() -> None:
    page = (ROOT / "docs/authors/definitions.md").read_text()

    for kind, schema in TOOL_SCHEMAS.items():
        assert f"| `{kind}` |" in page
        for option in options_of(schema):
            assert f"`{option}`" in page, f"{kind}: {option}"
    for limit in DEFINITION_SCHEMA["properties"]["limits"]["properties"]:
        assert f"| `{limit}` |" in page


def test_the_example_of_an_authors_scorer_says_what_it_is_meant_to() -> None:
    text = next(text for text in definitions() if "def score(" in text)
    (spec,) = parse_definition(text).scorers
    item = {"most_words": 5}
    cases = [["A cat sat.", "cat hat", item], ["one two three four five six", "one", item]]
    given = author_code.program_input(
        source=spec.options["source"], function="score", cases=cases, seconds=5, delimiter="M"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-c", author_code.program()],
        input=given,
        capture_output=True,
        check=True,
    )

    found = author_code.results(done.stdout.decode(), delimiter="M", count=2)
    assert [one and one.value["value"] for one in found] == [0.5, 0]


@pytest.mark.slow
def test_the_python_walk_through_of_the_api_runs(tmp_path: Path) -> None:
    """Against real processes: the code of the page as it stands, after a task was made."""
    from tests.stack import Stack

    page = (ROOT / "docs/api.md").read_text()
    code = re.findall(r"```python\n(.*?)```", page, re.S)[0]
    definition = next(text for text in definitions() if "Capital cities" in text)
    rows = b'{"country_code": "FR", "country": "France", "capital": "Paris"}\n'
    rows += b'{"country_code": "PE", "country": "Peru", "capital": "Lima"}\n'
    with Stack(tmp_path / "state") as stack:
        for name in ("web", "beat", "worker1"):
            stack.start(name)
        stack.shell(
            "import json; from plumbmark.gateway.actions import ensure_baselines\n"
            "print(json.dumps(len(ensure_baselines())))"
        )
        api = stack.account("ada")
        task = api.post("tasks", {"title": "Capitals"})
        api.send(
            "PUT",
            f"tasks/{task['id']}/draft",
            {"definition": definition},
            {"data_file": ("capitals.jsonl", rows)},
        )
        api.post(f"tasks/{task['id']}/publish", {"visibility": "public"})

        script = tmp_path / "walk.py"
        script.write_text(code)
        done = subprocess.run(
            [sys.executable, str(script)],
            env={"PLUMBMARK": f"{stack.url}/api/v1", "TOKEN": api.token, "PATH": ""},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert "Echo 0.0 None" in done.stdout


def test_every_path_of_the_api_page_is_in_the_description() -> None:
    from drf_spectacular.generators import SchemaGenerator

    schema = SchemaGenerator().get_schema(request=None, public=True)
    known = {re.sub(r"{\w+}", "*", path).removeprefix("/api/v1/") for path in schema["paths"]}
    page = (ROOT / "docs/api.md").read_text()
    used = set(re.findall(r'\$PLUMBMARK/([^"\s]+)"', page))
    used |= {path for _, path in re.findall(r'call\("(GET|POST|PUT)", f?"([^"]+)"', page)}

    for path in used:
        plain = re.sub(r"\{[^}]*\}|\$\w+", "*", path.partition("?")[0])
        assert plain in known or re.sub(r"/\d+$", "/*", plain) in known, path
