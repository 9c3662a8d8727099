"""The documentation is part of the build: what it must list, it lists; what it shows, works."""

import re
from pathlib import Path

import pytest

from plumbmark.scoring.normalise import STEPS
from tasks_app.definitions import parse_definition
from tasks_app.definitions.scorer_schemas import SCORER_OPTIONS

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
    """Every fenced or indented example of a definition."""
    found = []
    for page in PAGES:
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


def test_every_scorer_option_and_normalisation_is_documented() -> None:
    page = (ROOT / "docs/authors/definitions.md").read_text()

    for kind, options in SCORER_OPTIONS.items():
        assert f"`{kind}`" in page
        for option in options["properties"]:
            assert f"`{option}`" in page, f"{kind}: {option}"
    for step in STEPS:
        assert f"`{step}`" in page, step
