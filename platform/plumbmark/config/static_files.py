"""Collecting static files, once for the files that there are."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

import plumbmark


def collect_static() -> bool:
    """Collect the static files unless those that were collected last are the same; return whether
    they were collected.

    Collecting reads, names and rewrites every file, which takes longer than everything else at a
    start.
    """
    note = Path(settings.STATIC_ROOT) / ".collected"
    state = _state()
    if note.exists() and note.read_text() == state:
        return False
    # An attempt that breaks off must not look like one that was finished before.
    note.unlink(missing_ok=True)
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    note.write_text(state)
    return True


def _state() -> str:
    """Return a hash of the names, sizes and times of all source files, and of what names them."""
    digest = hashlib.sha256(f"{plumbmark.__version__} {settings.STORAGES}".encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
