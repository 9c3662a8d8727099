"""Guards of the tree: what must stay true of the files themselves."""

import importlib.util
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIRST_PARTY = ["plumbmark", "tasks_app", "benchmarks_app", "leaderboards_app"]


def test_platform_is_still_the_standard_librarys_module() -> None:
    assert platform.__file__ is not None
    assert Path(platform.__file__).parent == Path(sysconfig.get_paths()["stdlib"])


def test_the_platform_folder_is_a_source_root_and_no_package() -> None:
    assert list((ROOT / "platform").glob("*.py")) == []


@pytest.mark.parametrize("package", FIRST_PARTY)
def test_no_package_of_ours_shares_a_name_with_the_standard_library(package: str) -> None:
    assert package not in sys.stdlib_module_names


@pytest.mark.parametrize("package", FIRST_PARTY)
def test_every_package_of_ours_resolves_inside_this_checkout(package: str) -> None:
    spec = importlib.util.find_spec(package)

    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)


MAX_TEMPLATE_LINE = 160


def test_no_template_line_is_too_long_to_read() -> None:
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {len(line)} characters"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > MAX_TEMPLATE_LINE
    ]

    assert lines == []


def test_a_test_for_one_database_is_not_applicable_on_the_other() -> None:
    choices = [
        f"{path.relative_to(ROOT)}: {choice.group()}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for choice in re.finditer(r"skipif\([^)]*?vendor[^)]*\)", path.read_text(encoding="utf-8"))
    ]

    assert choices, "no test asks which database it runs on any more"
    assert [choice for choice in choices if "not applicable" not in choice] == []


def test_nothing_in_the_repository_leads_out_of_it() -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not applicable: no checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    links = [line for line in listed.stdout.splitlines() if line.startswith("120000")]

    assert links == []
