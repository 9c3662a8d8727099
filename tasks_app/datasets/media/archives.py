"""Files from a ZIP: read one by one, bounded by their actual size, never unpacked to disk.

Names in an archive never become paths: they are only compared with those in the data file.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from tasks_app.definitions.characters import name_problem, normalise_name

_JUNK = {".ds_store", "thumbs.db", "desktop.ini"}
_MAX_SKIPPED = 1000
_IS_UTF_8 = 0x800
_UNICODE_PATH = 0x7075


class BadArchive(ValueError):
    """The archive cannot be taken as a whole."""


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    name: str
    info: zipfile.ZipInfo


def open_archive(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadArchive(f"is no ZIP that can be read: {str(error)[:120]}") from error


def entries_of(archive: zipfile.ZipFile, *, most: int) -> Iterator[ArchiveEntry | str]:
    """Yield the files of the archive; in place of one that cannot be accepted, the reason.

    Folders are skipped, and so is what file managers leave behind.
    """
    if len(archive.infolist()) > most + _MAX_SKIPPED:
        raise BadArchive(f"holds {len(archive.infolist()):,} entries; at most {most:,} are taken")
    for info in archive.infolist():
        name = normalise_name(_read_name(info))
        if info.is_dir() or _is_junk(name):
            continue
        problem = path_problem(name)
        if problem:
            yield problem
        elif info.flag_bits & 1:
            yield f"{name!r} is encrypted; make the ZIP without a password"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # The others may take gigabytes to unpack a byte.
            yield f"{name!r} is packed in a rare way; make the ZIP with deflate"
        else:
            yield ArchiveEntry(name, info)


def _read_name(info: zipfile.ZipInfo) -> str:
    """Return an entry's name as its maker meant it.

    Without the flag for UTF-8, a name is in code page 437 by the standard. Programs also write
    UTF-8 there without saying so (macOS), or say it in a field of its own (Info-ZIP).
    """
    if info.flag_bits & _IS_UTF_8:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        # Python has read the field of Info-ZIP itself.
        return info.filename
    for encoded in (_unicode_path(info.extra, raw), raw):
        try:
            if encoded:
                return encoded.decode("utf-8")
        except UnicodeDecodeError:
            continue
    return info.filename


def _unicode_path(extra: bytes, raw: bytes) -> bytes:
    """Return the name in Info-ZIP's Unicode Path field, if there is one for this name."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        content, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and len(content) > 5 and content[0] == 1:
            (checksum,) = struct.unpack_from("<L", content, 1)
            return content[5:] if checksum == zlib.crc32(raw) else b""
    return b""


def read_entry(archive: zipfile.ZipFile, entry: ArchiveEntry, *, most: int) -> bytes:
    """Read at most one byte more than allowed: the sizes that the archive declares are not
    trusted.
    """
    try:
        with archive.open(entry.info) as file:
            return file.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise BadArchive(f"{entry.name!r} cannot be unpacked: {str(error)[:120]}") from error


def path_problem(name: str) -> str | None:
    """Return why this cannot be the name of an attached file; None if it can."""
    trouble = name_problem(name)
    if trouble:
        return f"the name of a file {trouble}"
    parts = name.split("/")
    if "\\" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return f"{name!r} is no plain path; write it as folder/file"
    if any(part in ("", ".", "..") for part in parts):
        return f"{name!r} leads out of its folder or through an empty one"
    return None


def _is_junk(name: str) -> bool:
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.lower() in _JUNK or path.name.startswith("._")
