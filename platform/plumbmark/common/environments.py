"""Python environments apart from the platform's own: packages that it never imports itself."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path


class EnvironmentNotBuilt(RuntimeError):
    """A step of the build failed; an earlier environment is still there."""


def build_environment(
    target: Path,
    *,
    python: str,
    requirements: Path,
    imports: str,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Install packages into an environment at `target`; an existing one is replaced when the new
    one can import them.

    `requirements` lists all packages with their versions: no others are installed. `variables` are
    added to those of this process. Raises `EnvironmentNotBuilt`.
    """
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    own = {**os.environ, **(variables or {})}
    _run([python, "-m", "venv", str(fresh)], own)
    inside = str(fresh / "bin" / "python")
    install = ["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--quiet"]
    _run([inside, *install, "-r", str(requirements)], own)
    _run([inside, "-c", f"import {imports}"], own)
    before = target.with_name(f"{target.name}.old")
    shutil.rmtree(before, ignore_errors=True)
    if target.exists():
        target.rename(before)
    fresh.rename(target)
    shutil.rmtree(before, ignore_errors=True)


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    try:
        subprocess.run(command, check=True, env=environment)  # noqa: S603 - our own arguments
    except (OSError, subprocess.CalledProcessError) as error:
        raise EnvironmentNotBuilt(f"{' '.join(command[:4])} … failed: {error}") from error
