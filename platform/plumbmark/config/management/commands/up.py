"""`manage.py up`: the whole platform on one machine."""

import contextlib
import os
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from plumbmark.accounts.first_administrator import administrator_link
from plumbmark.config.demo import load_demo
from plumbmark.config.demo_model import (
    ensure_demo_model,
    enter_demo_model,
    server_command,
    switch_demo_model_off,
)
from plumbmark.config.processes import load_platform, supervise
from plumbmark.config.static_files import collect_static
from plumbmark.gateway.actions import ensure_baselines
from plumbmark.gateway.connections.offers import find_offers
from plumbmark.gateway.models import ProviderConnection


class Command(BaseCommand):
    help = "Migrate, then run web, gateway, worker and scheduler until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=None, help="default: the host of the site's URL")
        parser.add_argument("--port", type=int, default=None, help="default: of the site's URL")
        parser.add_argument(
            "--gateway-port", type=int, default=None, help="default: one above the pages' port"
        )
        parser.add_argument("--no-demo", action="store_true", help="do not load the demo benchmark")

    def handle(self, *args: Any, **options: Any) -> None:
        site = urlsplit(settings.SITE_URL)
        host = options["host"] or site.hostname or "127.0.0.1"
        port = options["port"] or site.port or 8000
        gateway_port = options["gateway_port"] or (
            port + 1 if options["port"] else settings.GATEWAY_PORT
        )
        _begin_again_with_ports(options, gateway_port)
        model_port = _port_for_model(gateway_port + 1)
        model_command = server_command(settings.DEMO_MODEL_DIR, model_port)
        for name, wanted in (("pages", port), ("gateway", gateway_port)):
            _refuse_taken(host, wanted, name)
        call_command("migrate", verbosity=0)
        if not settings.DEBUG:
            collect_static()
        ensure_baselines()
        if not options["no_demo"] and load_demo():
            self.stdout.write("Loaded a demo benchmark; the worker is now running its baselines.")
        if model_command:
            deployment = ensure_demo_model(model_port)
            if not options["no_demo"] and enter_demo_model(deployment):
                self.stdout.write("The demo model is being run on the demo benchmark.")
        else:
            switch_demo_model_off()
        self._greet(host, port)
        processes = children(host, port, gateway_port)
        if model_command:
            processes["demo-model"] = model_command
        self.stdout.flush()
        load_platform()
        supervise(processes)

    def _greet(self, host: str, port: int) -> None:
        address = (
            settings.SITE_URL
            if port == urlsplit(settings.SITE_URL).port
            else (f"http://{host}:{port}")
        )
        self.stdout.write(f"\nPlumbmark is running at {address}/ (press Ctrl-C to stop)")
        link = administrator_link()
        if link:
            self.stdout.write(
                f"Create the first administrator (works once, from this machine): {link}"
            )
        self._tell_offers(address)
        self.stdout.write("")
        self.stdout.flush()

    def _tell_offers(self, address: str) -> None:
        """Say which providers could be connected at once, as long as none is."""
        if ProviderConnection.objects.filter(owner=None).exists():
            return
        for offer in find_offers():
            where = (
                f"{offer.variable} is set" if offer.variable else f"{offer.kind.label} is running"
            )
            path = reverse("gateway:staff_provider_add", args=[offer.kind.name])
            self.stdout.write(f"{where}: connect its models at {address}{path}")


def _begin_again_with_ports(options: Mapping[str, Any], gateway_port: int) -> None:
    """Begin again with the ports of the options in the environment, if the settings do not say so.

    Addresses in mails, on pages and for code tasks are derived from the settings when these load.
    """
    news: dict[str, str] = {}
    if options["port"] and not {"PLUMBMARK_SITE_URL", "PLUMBMARK_SITE_URL_FILE"} & set(os.environ):
        hostname = urlsplit(settings.SITE_URL).hostname
        news["PLUMBMARK_SITE_URL"] = f"http://{hostname}:{options['port']}"
    if gateway_port != settings.GATEWAY_PORT:
        news["PLUMBMARK_GATEWAY_PORT"] = str(gateway_port)
    if news:
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **news})  # noqa: S606 - this command


def _refuse_taken(host: str, port: int, name: str) -> None:
    """Refuse a port in use: two platforms on one port would start and die again and again."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            option = "--port" if name == "pages" else "--gateway-port"
            raise CommandError(
                f"The {name} cannot be served at {host}:{port}: {error.strerror}. "
                "Stop whatever listens there, or choose another port: manage.py up "
                f"{option} {port + 100}"
            ) from error


def _port_for_model(wanted: int) -> int:
    """Return this port of loopback if it is free, else any that is: nobody types it in."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise CommandError("No port of this machine is free for the demo model.")


def children(host: str, port: int, gateway_port: int) -> dict[str, list[str]]:
    """Return the commands of the processes of one machine, by name."""
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--quiet", "-A"]
    return {
        "web": [*python, "plumbmark.config.pages_server", f"--host={host}", f"--port={port}"],
        "gateway": [
            *python,
            "plumbmark.config.gateway_server",
            f"--host={host}",
            f"--port={gateway_port}",
        ],
        "worker": [
            *celery,
            "plumbmark.config.celery",
            "worker",
            "--pool=threads",
            "--concurrency=4",
            "--loglevel=warning",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ],
        "scheduler": [
            *celery,
            "plumbmark.config.scheduler",
            "beat",
            "--pidfile=",
            f"--schedule={settings.CELERY_BEAT_SCHEDULE_FILENAME}",
            "--loglevel=warning",
        ],
    }
