"""Open an account from the command line: user and namespace, with a confirmed address."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plumbmark.accounts.actions import open_account
from plumbmark.accounts.passwords import password_rule
from plumbmark.common.errors import DomainError


class Command(BaseCommand):
    help = (
        "Create an account with a confirmed address. The password is prompted for, "
        "or read from standard input if that is not a terminal."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--handle", required=True)
        parser.add_argument(
            "--administrator", action="store_true", help="gets all permissions on this installation"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if sys.stdin.isatty():
            self.stdout.write(password_rule())
            password = getpass.getpass("Password: ")
        else:
            password = sys.stdin.readline().rstrip("\n")
        try:
            user = open_account(
                email=options["email"],
                password=password,
                handle=options["handle"],
                is_confirmed=True,
                is_administrator=options["administrator"],
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Created the account “{user.namespace.handle}”.")
