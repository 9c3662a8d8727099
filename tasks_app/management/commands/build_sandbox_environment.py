"""Install what code tasks may import: an environment of its own, apart from the platform's."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from plumbmark.common.environments import EnvironmentNotBuilt, build_environment
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
        try:
            build_environment(
                target,
                python=options["python"],
                requirements=REQUIREMENTS,
                imports="kaggle_benchmarks, math_verify",
            )
        except EnvironmentNotBuilt as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Code tasks can import kaggle_benchmarks: {target}")
