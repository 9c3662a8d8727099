"""Typed readers of the environment.

Every setting `PLUMBMARK_X` may come from the variable itself or from the file named by
`PLUMBMARK_X_FILE` (the way container platforms hand over secrets).
"""

import importlib.util
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

MAX_DAYS = 36_500


class BadSetting(Exception):
    """An environment variable has a value that cannot be read."""


def text(name: str, default: str = "") -> str:
    """Return the variable's value, or the stripped content of the file that `name`_FILE names."""
    file_name = os.environ.get(f"{name}_FILE")
    if file_name:
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadSetting(f"{name}_FILE names {file_name}, which cannot be read") from error
    return os.environ.get(name, default)


def choice(name: str, *choices: str) -> str:
    """Return one of the choices, of which the first is the default."""
    raw = text(name).lower() or choices[0]
    if raw not in choices:
        raise BadSetting(f"{name} must be one of {', '.join(choices)}, not {raw!r}")
    return raw


def secret(name: str, *, min_length: int) -> str:
    """Return a secret that somebody made up; refuse one that can be guessed."""
    raw = text(name)
    if raw and len(raw) < min_length:
        raise BadSetting(
            f"{name} must have at least {min_length} characters; this makes one: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return raw


def integer(name: str, default: int) -> int:
    raw = text(name)
    if not raw:
        return default
    try:
        return int(raw)
    except ValueError as error:
        raise BadSetting(f"{name} must be a whole number, not {raw!r}") from error


def number(name: str, default: float) -> float:
    raw = text(name)
    if not raw:
        return default
    try:
        return float(raw)
    except ValueError as error:
        raise BadSetting(f"{name} must be a number, not {raw!r}") from error


def days(name: str, default: int | None) -> int | None:
    """Return how many days something is kept; None: for ever. Empty is no default here."""
    raw = text(name, "" if default is None else str(default)).strip()
    if not raw:
        return None
    if not (raw.isascii() and raw.isdigit() and 1 <= int(raw[:9]) <= MAX_DAYS):
        raise BadSetting(
            f"{name} must be a whole number of days from 1 to {MAX_DAYS}, or empty to keep it for "
            f"ever, not {raw!r}"
        )
    return int(raw)


def flag(name: str, default: bool) -> bool:
    raw = text(name).lower()
    if not raw:
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise BadSetting(f"{name} must be one of true, false, not {raw!r}")


def words(name: str, default: str = "") -> list[str]:
    """Return a list of words separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def contacts(name: str) -> list[str]:
    """Return a list of URIs at which people are reached; an e-mail address becomes one."""
    found = []
    for word in words(name):
        if re.fullmatch(r"[^\s:/]+@[^\s:/]+", word):
            found.append(f"mailto:{word}")
        elif re.fullmatch(r"(mailto:|tel:|https://)\S+", word):
            found.append(word)
        else:
            raise BadSetting(
                f"{name} must be an e-mail address or begin with mailto:, https:// or tel:, not "
                f"{word!r}"
            )
    return found


def path(name: str, default: Path) -> Path:
    raw = text(name)
    return Path(raw).expanduser().resolve() if raw else default


def object_storage(
    name: str, *, endpoint: str = "", region: str = "", key_id: str = "", secret_key: str = ""
) -> dict[str, Any] | None:
    """Return the options of the storage at `s3://bucket/prefix`; None without the variable."""
    address = text(name)
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc or parts.query or "@" in parts.netloc:
        raise BadSetting(
            f"{name} must be s3://bucket or s3://bucket/prefix; the key of access has variables "
            f"of its own, {name}_KEY_ID and {name}_SECRET"
        )
    if not all(importlib.util.find_spec(package) for package in ("storages", "boto3")):
        raise BadSetting(f"{name} needs packages of the extra: pip install 'plumbmark[s3]'")
    if bool(key_id) != bool(secret_key):
        raise BadSetting(f"{name}_KEY_ID and {name}_SECRET must be set together, or neither")
    return {
        "bucket_name": parts.netloc,
        "location": parts.path.strip("/"),
        "endpoint_url": endpoint or None,
        "region_name": region or None,
        # Without a key, the client finds the one of the machine's role.
        "access_key": key_id or None,
        "secret_key": secret_key or None,
    }


def database(name: str, sqlite_path: Path) -> dict[str, Any]:
    """Return Django's database entry from a `postgres://user:password@host:port/name` URL.

    Without the variable it is SQLite at `sqlite_path`, set up for one writer and many readers: WAL,
    and IMMEDIATE so that a transaction never fails half-way for the lock.
    """
    url = text(name)
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(sqlite_path),
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
                    "PRAGMA busy_timeout=20000;PRAGMA mmap_size=134217728;"
                    "PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-8000"
                ),
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise BadSetting(f"{name} must start with postgres://, not {parts.scheme!r}")
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or "") or text(f"{name.removesuffix('_URL')}_PASSWORD"),
        "HOST": unquote(query.get("host", parts.hostname or "")),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
