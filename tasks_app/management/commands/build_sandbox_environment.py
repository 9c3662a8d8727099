"""Install what code tasks may import: an environment of its own, apart from the platform's."""

import shutil
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tasks_app.code_tasks import __file__ as _package

REQUIREMENTS = Path(_package).with_name("environment.txt")


class Command(BaseCommand):
    """About 150 packages and 700 MB. An existing environment is replaced when the new one works."""

    help = "Install kaggle-benchmarks and what it needs for code tasks (about 700 MB)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--python", default=sys.executable, help="the interpreter that it is made from"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(settings.SANDBOX_ENV_DIR)
        fresh = target.with_name(f"{target.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        self._run(options["python"], "-m", "venv", str(fresh))
        python = str(fresh / "bin" / "python")
        self._run(
            *[python, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"],
            *["--quiet", "-r", str(REQUIREMENTS)],
        )
        self._run(python, "-c", "import kaggle_benchmarks")
        before = target.with_name(f"{target.name}.old")
        shutil.rmtree(before, ignore_errors=True)
        if target.exists():
            target.rename(before)
        fresh.rename(target)
        shutil.rmtree(before, ignore_errors=True)
        self.stdout.write(f"Code tasks can import kaggle_benchmarks: {target}")

    def _run(self, *command: str) -> None:
        try:
            subprocess.run(command, check=True)  # noqa: S603 - our own arguments
        except (OSError, subprocess.CalledProcessError) as error:
            raise CommandError(f"{' '.join(command[:4])} … failed: {error}") from error
