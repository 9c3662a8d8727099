"""Celery's queue in a folder, for one machine without a broker: kombu's transport with atomic
writes.

kombu opens a message's file in the folder that readers watch and writes it afterwards, so a reader
in between finds an empty message, and a writer that dies there leaves half of one; the worker that
reads it ends. It writes the table of an exchange's listeners in the same way, just when several
processes start. Here both appear by a rename, complete or not at all, and unreadable files are set
aside.
"""

import fcntl
import json
import logging
import os
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

log = logging.getLogger(__name__)

_UNFINISHED = ".unfinished"


class Channel(filesystem.Channel):
    """Puts and takes messages by renames within the queue's own folder."""

    # kombu names this argument in two ways.
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        name = f"{round(monotonic() * 1000)}_{uuid4()}.{queue}.msg"
        unfinished = folder / (name + _UNFINISHED)
        try:
            unfinished.write_text(dumps(payload))
            unfinished.rename(folder / name)
        except OSError as error:
            raise ChannelError(f"The message {name} cannot be written: {error}") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder = Path(self.data_folder_in)
        ending = f".{queue}.msg"
        for name in sorted(entry for entry in os.listdir(folder) if entry.endswith(ending)):
            taken = folder / (name + f".{os.getpid()}{_UNFINISHED}")
            try:
                # Of several readers the rename lets one through.
                (folder / name).rename(taken)
                text = taken.read_text()
                taken.unlink()
            except OSError:
                continue
            try:
                return loads(text)
            except json.JSONDecodeError:
                log.warning("an unreadable message was dropped from the queue: %s", name)
        raise Empty

    def get_table(self, exchange: str) -> list[Any]:
        """Return the listeners of an exchange."""
        path = self._table(exchange)
        try:
            return [filesystem.exchange_queue_t(*bound) for bound in loads(path.read_text())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            log.warning("an unreadable table of listeners is made anew: %s", path)
            return []
        except OSError as error:
            raise ChannelError(f"The table {path} cannot be read: {error}") from error

    def _table(self, exchange: str) -> Path:
        # Refuses names that would lead elsewhere; its types do not say so.
        return Path(self._exchange_file(exchange))  # type: ignore[attr-defined]

    def _queue_bind(
        self, exchange: str, routing_key: str | None, pattern: str | None, queue: str
    ) -> None:
        path = self._table(exchange)
        bound = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        unfinished = path.with_name(f"{path.name}.{os.getpid()}{_UNFINISHED}")
        try:
            path.parent.mkdir(exist_ok=True)
            with path.with_suffix(".lock").open("a") as gate:
                # Let go with the file, also by a process that is killed.
                fcntl.flock(gate, fcntl.LOCK_EX)
                others = self.get_table(exchange)
                if bound not in others:
                    unfinished.write_text(dumps([bound, *others]))
                    unfinished.rename(path)
        except OSError as error:
            raise ChannelError(f"The table {path} cannot be written: {error}") from error


class Transport(filesystem.Transport):
    """kombu's filesystem transport with the channel above."""

    Channel = Channel


def use() -> None:
    """Let `filesystem://` mean this transport."""
    TRANSPORT_ALIASES["filesystem"] = "plumbmark.config.file_queue:Transport"
