"""Install a tiny language model and its server: an environment of its own."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from plumbmark.common.environments import EnvironmentNotBuilt, build_environment
from plumbmark.config.demo_model import BUILD_VARIABLES, IMPORTS, REQUIREMENTS


class Command(BaseCommand):
    help = "Install a tiny language model for the demo. Compiling its server takes some minutes."

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(settings.DEMO_MODEL_DIR)
        try:
            build_environment(
                target,
                python=sys.executable,
                requirements=REQUIREMENTS,
                imports=IMPORTS,
                variables=BUILD_VARIABLES,
            )
        except EnvironmentNotBuilt as error:
            raise CommandError(
                f"{error}\nA C++ compiler and CMake are needed: on Debian and Ubuntu, "
                "“apt-get install build-essential cmake ninja-build”."
            ) from error
        self.stdout.write(f"The demo model is in {target}. The next “make run” starts it.")
