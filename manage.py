#!/usr/bin/env python
"""Plumbmark's command line: `./manage.py help` lists the commands."""

import os
import sys
from pathlib import Path

# `platform/` is a source root, never a package: see docs/design/tree.md.
sys.path.insert(1, str(Path(__file__).resolve().parent / "platform"))


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")
    from django.core.management import execute_from_command_line

    from plumbmark.common.call_stack import call_on_long_stack

    call_on_long_stack(execute_from_command_line, sys.argv)


if __name__ == "__main__":
    main()
