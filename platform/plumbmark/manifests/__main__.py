"""Verify downloaded runs and standings, offline: `python -m plumbmark.manifests verify FILE…`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plumbmark.manifests.run_files import Checks, Difference, verify_run
from plumbmark.manifests.standings_files import verify_standings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 where everything checked agrees, 1 at a difference, 2 if a file cannot be
    read.
    """
    parser = argparse.ArgumentParser(prog="python -m plumbmark.manifests", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser(
        "verify", help="check files, and name the first thing that differs"
    )
    verify.add_argument("files", nargs="+", type=Path, metavar="FILE")
    files: list[Path] = parser.parse_args(arguments).files
    snapshots = []
    try:
        for file in files:
            document = _read_snapshot(file)
            if document is not None:
                snapshots.append(document)
                continue
            with file.open(encoding="utf-8", errors="surrogatepass") as lines:
                _print(str(file), verify_run(lines))
        if snapshots:
            _print("standings", verify_standings(snapshots))
    except Difference as difference:
        print(f"DIFFERS: {difference}")
        return 1
    except (OSError, UnicodeError) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 2
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        print(f"DIFFERS: the file lacks a part or has another form ({error!r})")
        return 1
    return 0


def _read_snapshot(file: Path) -> dict[str, Any] | None:
    """Return the document of a snapshot; None if the file is not one JSON document of that form."""
    with file.open("rb") as content:
        first = content.readline()
        rest = content.readline()
    try:
        is_run = bool(rest) and "manifest" in json.loads(first)
    except ValueError:
        is_run = False
    if is_run:
        return None
    try:
        document = json.loads(file.read_bytes())
    except ValueError:
        return None
    return document if isinstance(document, dict) and "content_hash" in document else None


def _print(name: str, report: Checks) -> None:
    print(f"{name}: agrees")
    for line in report.lines:
        print(f"  checked: {line}")
    for line in report.notes:
        print(f"  not checked: {line}")


if __name__ == "__main__":
    sys.exit(main())
