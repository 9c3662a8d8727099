"""Purges what the retention policies no longer keep, or lists it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plumbmark.common.attempts import describe_error
from plumbmark.common.retention import (
    RetentionPolicy,
    describe_policies,
    note_past_days,
    policies,
    purge_policy,
)


class Command(BaseCommand):
    help = "Purge what is older than the settings of retention say; --dry-run lists it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="list what is due, purge nothing"
        )
        parser.add_argument("--policy", metavar="NAME", help="only this one")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["policy"]
        known = {policy.name for policy in policies()}
        if name is not None and name not in known:
            raise CommandError(f"There is no policy {name}. There are: {', '.join(sorted(known))}.")
        if options["dry_run"]:
            self._list(name)
        else:
            self._purge([one for one in policies() if name in (None, one.name)])

    def _list(self, name: str | None) -> None:
        for status in describe_policies():
            policy = status.policy
            if name not in (None, policy.name):
                continue
            kept = "for ever" if policy.days is None else f"{policy.days} days"
            oldest = f", the oldest from {status.oldest:%Y-%m-%d}" if status.oldest else ""
            self.stdout.write(f"{policy.name}: {policy.title}")
            self.stdout.write(f"  kept: {kept} ({policy.setting})")
            self.stdout.write(f"  due: {status.due:,} rows{oldest}")

    def _purge(self, chosen: list[RetentionPolicy]) -> None:
        note_past_days()
        failed = []
        for policy in chosen:
            if policy.days is None:
                self.stdout.write(f"{policy.name}: kept for ever ({policy.setting} is empty)")
                continue
            try:
                purged = purge_policy(policy)
            except Exception as error:
                failed.append(f"{policy.name}: {describe_error(error)}")
            else:
                self.stdout.write(f"{policy.name}: {purged:,} rows purged")
        if failed:
            raise CommandError("\n".join(failed))
