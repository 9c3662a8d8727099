"""Static files as they are served outside of development: under hashed names."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import override_settings

from plumbmark.config import settings as own

_IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")


@pytest.fixture
def collected(tmp_path: Path) -> Iterator[Path]:
    storages = {
        **own.STORAGES,
        "staticfiles": {"BACKEND": own.HASHED_STATIC_STORAGE},
    }
    # Compressing takes nearly all of the time, and is not what is tested.
    skipped = ("js", "css", "svg", "map", "txt", "html", "md", "json", "ico", "woff2", "png", "gif")
    with override_settings(
        STORAGES=storages, STATIC_ROOT=tmp_path, WHITENOISE_SKIP_COMPRESS_EXTENSIONS=skipped
    ):
        call_command("collectstatic", verbosity=0, interactive=False, ignore_patterns=["admin"])
        yield tmp_path


def test_modules_import_each_other_by_their_hashed_names(collected: Path) -> None:
    hashed = [
        collected / name
        for name in staticfiles_storage.hashed_files.values()
        if name.endswith(".js")
    ]
    imports = {
        (script, target) for script in hashed for target in _IMPORT.findall(script.read_text())
    }

    assert any("definition-completion" in target for _script, target in imports)
    for script, target in imports:
        found = (script.parent / target).resolve()
        assert found in hashed, f"{script.name} imports {target}"
