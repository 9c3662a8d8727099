"""Checks downloaded snapshots: the hash of each, and the chain from one to the next."""

from collections.abc import Mapping, Sequence
from typing import Any

from plumbmark.manifests.hashes import content_hash
from plumbmark.manifests.run_files import Checks, Difference
from plumbmark.manifests.run_manifests import chain_hash


def verify_standings(documents: Sequence[Mapping[str, Any]]) -> Checks:
    """Check snapshots as the API returns them; `Difference` names the first thing that differs."""
    report = Checks()
    ordered = sorted(documents, key=lambda one: (one["version"], one["number"]))
    before: Mapping[str, Any] | None = None
    for one in ordered:
        where = f"snapshot {one['number']}"
        if one["content"] is None:
            report.note(f"the content of {where}: it is withheld, only its hash is here")
        else:
            found = content_hash(one["content"])
            if found != one["content_hash"]:
                raise Difference(
                    f"{where}, its content: the file comes to {found}, its content_hash is "
                    f"{one['content_hash']}"
                )
            report.lines.append(f"the content of {where}, {found}")
        _check_link(before, one, where, report)
        before = one
    return report


def _check_link(
    before: Mapping[str, Any] | None, one: Mapping[str, Any], where: str, report: Checks
) -> None:
    previous = one["previous_hash"]
    if previous is None:
        if one["number"] > 1:
            report.note(f"what came before {where}: it was made before snapshots were chained")
        return
    is_next = before is not None and (before["version"], before["number"] + 1) == (
        one["version"],
        one["number"],
    )
    if before is None or not is_next:
        report.note(f"what came before {where}: give that file too")
        return
    found = chain_hash(
        content=before["content_hash"],
        number=before["number"],
        previous=before["previous_hash"],
    )
    if found != previous:
        raise Difference(
            f"{where}, its previous_hash: snapshot {before['number']} comes to {found}, it says "
            f"{previous}"
        )
    report.lines.append(f"the chain from snapshot {before['number']} to {one['number']}")
