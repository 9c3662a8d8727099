"""Adds a provider's models as deployments of the platform's."""

import fnmatch
import os
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from plumbmark.common.errors import DomainError
from plumbmark.gateway import actions
from plumbmark.gateway.catalogue.base_urls import check_base_url
from plumbmark.gateway.connections.actions import connection_at_address, price_deployment
from plumbmark.gateway.connections.listing import ProviderAddress, list_models
from plumbmark.gateway.models import Credential, Deployment, ProviderConnection
from plumbmark.gateway.providers.extra_body import find_options_problems
from plumbmark.strict_json import JsonError, wire

MAX_DEADLINE_SECONDS = 86_400.0


class Command(BaseCommand):
    help = (
        "Add a provider's models. The key stays in the environment: --key-env names its "
        "variable. With --import-models the provider's own list is read; otherwise name models "
        "with --model. Prices are looked up; a deployment without one refuses calls "
        "until a price is set (set_price)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--base-url", required=True, help="for example https://host/v1")
        parser.add_argument(
            "--format",
            choices=["openai", "anthropic", "gemini"],
            default="openai",
            help="the wire format; openai is what most hosts speak",
        )
        parser.add_argument("--key-env", default="", help="the variable that holds the key")
        parser.add_argument("--name", default="", help="prefix of the slugs; default: the host")
        parser.add_argument("--model", action="append", default=[], help="may be repeated")
        parser.add_argument("--import-models", action="store_true")
        parser.add_argument("--only", default="*", help="shell pattern for --import-models")
        parser.add_argument("--free", action="store_true", help="state a price of 0 for all")
        parser.add_argument(
            "--max-concurrency",
            type=int,
            default=None,
            help="calls in flight at most, for each process (64); 1 for a server with one slot",
        )
        parser.add_argument(
            "--deadline",
            type=float,
            default=None,
            metavar="SECONDS",
            help="of one attempt of a call; default: the setting PLUMBMARK_CALL_DEADLINE_SECONDS",
        )
        parser.add_argument(
            "--max-tokens-field", choices=["max_tokens", "max_completion_tokens"], default=""
        )
        parser.add_argument(
            "--extra-body",
            default="",
            metavar="JSON",
            help="an object whose fields are added to every request, never with a key in it",
        )
        parser.add_argument(
            "--allow-extra-body",
            action="append",
            default=[],
            metavar="KEY",
            help="a field that callers may set for their own requests; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._add(options)
        except DomainError as error:
            raise CommandError(error.message) from error

    def _add(self, options: dict[str, Any]) -> None:
        base_url = check_base_url(options["base_url"], is_users=False)
        key_env = options["key_env"]
        secret = os.environ.get(key_env, "").strip() if key_env else ""
        if key_env and not secret:
            raise CommandError(
                f"The environment variable {key_env} is not set here. Set it for this command and "
                "for every web and worker process."
            )
        if options["max_concurrency"] is not None and options["max_concurrency"] < 1:
            raise CommandError("--max-concurrency must be at least 1.")
        if options["deadline"] is not None and not 0 < options["deadline"] <= MAX_DEADLINE_SECONDS:
            raise CommandError(
                f"--deadline must be more than 0 and at most {MAX_DEADLINE_SECONDS:.0f} seconds."
            )
        names = list(options["model"])
        if options["import_models"]:
            at = ProviderAddress(base_url, options["format"], is_guarded=False)
            listed = [model.id for model in list_models(at, secret)]
            names += [name for name in listed if fnmatch.fnmatchcase(name, options["only"])]
        if not names:
            raise CommandError(
                "No model to add: name some with --model, or use --import-models (its pattern "
                f"--only is {options['only']!r})."
            )
        deployment_options = _deployment_options(options)
        prefix = options["name"] or (urlsplit(base_url).hostname or "provider")
        with transaction.atomic():
            connection = connection_at_address(
                slug=prefix,
                wire_format=options["format"],
                base_url=base_url,
                credential=_credential(prefix, key_env),
            )
            for name in dict.fromkeys(names):
                self._add_model(f"{prefix}/{name}", name, connection, options, deployment_options)

    def _add_model(
        self,
        slug: str,
        name: str,
        connection: ProviderConnection,
        options: dict[str, Any],
        deployment_options: dict[str, Any],
    ) -> None:
        if Deployment.objects.filter(slug=slug).exists():
            self.stdout.write(f"{slug}: already exists")
            return
        deployment = actions.add_deployment(
            slug=slug,
            provider=options["format"],
            upstream_id=name,
            base_url=connection.base_url,
            credential=connection.credential,
            connection=connection,
            by=None,
        )
        deployment.options = deployment_options
        if options["max_concurrency"] is not None:
            deployment.max_concurrency = options["max_concurrency"]
        if options["deadline"] is not None:
            deployment.deadline_seconds = options["deadline"]
        deployment.save()
        card = price_deployment(deployment=deployment, is_free=options["free"], by=None)
        if card is None:
            self.stdout.write(f"{slug}: added, no price yet")
        elif options["free"]:
            self.stdout.write(f"{slug}: added, free")
        else:
            self.stdout.write(f"{slug}: added, priced as {card.matched_id}")


def _deployment_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of the deployments; raise `CommandError` where they cannot be meant."""
    found: dict[str, Any] = {}
    if options["max_tokens_field"]:
        found["max_tokens_field"] = options["max_tokens_field"]
    if options["extra_body"]:
        try:
            found["extra_body"] = wire.read(options["extra_body"].encode())
        except JsonError as error:
            raise CommandError(f"--extra-body is not JSON: {error.describe()}.") from error
    if options["allow_extra_body"]:
        found["extra_body_allowed"] = list(dict.fromkeys(options["allow_extra_body"]))
    if problems := find_options_problems(found):
        raise CommandError(" ".join(problems))
    return found


def _credential(name: str, key_env: str) -> Credential | None:
    if not key_env:
        return None
    found, _ = Credential.objects.get_or_create(
        environment_variable=key_env, owner=None, defaults={"name": name[:80]}
    )
    return found
