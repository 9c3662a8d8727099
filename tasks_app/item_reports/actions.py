"""Reporting items, deciding reports, and making the version with a corrected key."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from plumbmark.accounts.models import User
from plumbmark.accounts.notices import queue_notice
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, DomainError, InvalidInput, NotAllowed, Problem
from plumbmark.common.outbox import record_event
from plumbmark.strict_json import has_surrogate
from tasks_app.authoring.corrected_versions import (
    build_corrected_version,
    check_target,
    discard_version,
)
from tasks_app.authoring.publication import publish_version
from tasks_app.datasets.key_corrections import question_of
from tasks_app.item_reports.permissions import (
    can_decide_report,
    can_report_item,
    can_withdraw_report,
)
from tasks_app.item_reports.targets import clean_target
from tasks_app.kinds import kind_of
from tasks_app.models import Item, ItemReport, Task, TaskVersion
from tasks_app.permissions import check_content
from tasks_app.scorings.actions import rescore_runs_of

MAX_REASON = 4_000
MAX_NOTE = 4_000
MAX_REPORTS_A_DAY = 20
"""Of one person."""
MAX_OPEN_REPORTS_OF_AN_ITEM = 20


class TooManyReports(DomainError):
    """The person reported as many items as one may in a day."""

    status = 429
    code = "too-many-reports"


def report_item(
    *,
    version: TaskVersion,
    item: Item,
    kind: str,
    reason: str,
    proposed: Any = None,
    by: User,
) -> ItemReport:
    """Report an item to its authors. Raises `TooManyReports` above `MAX_REPORTS_A_DAY`."""
    if not can_report_item(by, item, version):
        raise NotAllowed("You may not report this item.")
    _check_kind(version)
    check_content(version)
    reason = reason.strip()
    problems = _text_problems(reason, "reason", MAX_REASON, is_needed=True)
    if kind not in ItemReport.Kind.values:
        known = ", ".join(ItemReport.Kind.values)
        problems.append(Problem(f"must be one of {known}", "kind"))
    if problems:
        raise InvalidInput(problems)
    proposed = clean_target(proposed)
    _check_number(item, by)
    try:
        with transaction.atomic():
            report = ItemReport.objects.create(
                version=version,
                item=item,
                kind=kind,
                reason=reason,
                proposed=proposed,
                created_by=by,
            )
            audit.record("report-item", f"item-report:{report.public_id}", by=by)
            record_event("item_report.created", report_id=report.pk)
            _tell(
                version.task.created_by,
                by,
                f"An item of {version.task.title} was reported",
                f"{_name(by)} reported the item {item.key} of version {version.number}.",
                report,
            )
    except IntegrityError as error:
        raise Conflict(
            "You have reported this item already, and that report is open. Withdraw it to write "
            "another one."
        ) from error
    return report


def withdraw_report(*, report: ItemReport, by: User) -> ItemReport:
    """End one's own open report. It stays in the list."""
    if not can_withdraw_report(by, report):
        raise NotAllowed("Only who made a report may withdraw it.")
    with transaction.atomic():
        _decide(report, ItemReport.State.WITHDRAWN, note="", by=by)
        audit.record("withdraw-report", f"item-report:{report.public_id}", by=by)
    return report


def decline_report(*, report: ItemReport, note: str, by: User) -> ItemReport:
    """Leave the item as it is, with a public note that says why."""
    _check_decision(report, by)
    note = note.strip()
    problems = _text_problems(note, "note", MAX_NOTE, is_needed=True)
    if problems:
        raise InvalidInput(problems)
    with transaction.atomic():
        _decide(report, ItemReport.State.DECLINED, note=note, by=by)
        audit.record("decline-report", f"item-report:{report.public_id}", by=by)
        record_event("item_report.decided", report_id=report.pk)
        _tell(
            report.created_by,
            by,
            f"Your report on {report.version.task.title} was declined",
            f"{_name(by)} looked at your report of the item {report.item.key} and left the item "
            "as it is. The page of the report says why.",
            report,
        )
    return report


def item_to_correct(report: ItemReport) -> tuple[TaskVersion, Item]:
    """Return the task's latest version, and the reported item in it.

    Raise `Conflict` where it is there no more, asks something else, or cannot be corrected.
    """
    task = report.version.task
    version = (
        TaskVersion.objects.select_related("task__namespace", "data_file")
        .filter(pk=Task.objects.values("latest_version").get(pk=task.pk)["latest_version"])
        .first()
    )
    if version is None:
        raise Conflict("No version of this task is published.")
    _check_kind(version)
    check_content(version)
    item = Item.objects.filter(version=version, key=report.item.key).first()
    old = report.item
    if item is None or item.is_withheld:
        raise Conflict(
            f"Version {version.number}, the latest, has no item {old.key}. There is nothing to "
            "correct; say so, and decline the report."
        )
    if question_of(item.input, item.choices) != question_of(old.input, old.choices):
        raise Conflict(
            f"In version {version.number}, the latest, the item {old.key} asks something else. "
            "Look at it there; the report is about an earlier question."
        )
    if item.target is None:
        raise Conflict(
            "This item has no right answer in its data, so there is no key to correct. Change the "
            "scorer in the draft, and publish a new version."
        )
    return version, item


def accept_report(*, report: ItemReport, target: Any, note: str = "", by: User) -> ItemReport:
    """Correct the key of the reported item, and score all stored outputs anew.

    It publishes a version with the same questions and the corrected key, and queues the scorings,
    in one transaction. `target` is the new key: a text, a number, or a list of right answers. No
    model is asked for an answer; judges are, at the expense of `by`.
    """
    _check_decision(report, by)
    note, target = note.strip(), clean_target(target)
    problems = _text_problems(note, "note", MAX_NOTE, is_needed=False)
    if target is None:
        problems.append(Problem("give the right answer, or decline the report", "target"))
    if problems:
        raise InvalidInput(problems)
    base, item = item_to_correct(report)
    check_target(base, item, target)
    version = build_corrected_version(base, item, target, report=report.public_id, by=by)
    is_proposal = report.proposed is not None and report.proposed == target
    status = ItemReport.State.ACCEPTED if is_proposal else ItemReport.State.CORRECTED
    try:
        with transaction.atomic():
            publish_version(
                task=base.task, version=version, notes=_version_notes(report), replaces=base, by=by
            )
            _decide(
                report,
                status,
                note=note,
                by=by,
                key_before=item.target,
                key_after=target,
                resulting_version=version,
            )
            rescore_runs_of(version=version, by=by)
            audit.record(
                "accept-report",
                f"item-report:{report.public_id}",
                by=by,
                version=version.public_id,
            )
            record_event("item_report.decided", report_id=report.pk)
            record_event("item_report.accepted", report_id=report.pk, version_id=version.pk)
            _tell(
                report.created_by,
                by,
                f"Your report on {report.version.task.title} was accepted",
                f"{_name(by)} corrected the key of the item {report.item.key}. All stored outputs "
                "are scored anew; the page of the report shows what moves.",
                report,
            )
    except BaseException:
        # It has no number and no run, and nobody has seen it.
        discard_version(version)
        raise
    return report


def mark_followed(report: ItemReport) -> bool:
    """Note, in the caller's transaction, that the boards followed; False where it was before."""
    moment = now()
    open_ones = ItemReport.objects.filter(pk=report.pk, followed_at__isnull=True)
    is_first = bool(open_ones.update(followed_at=moment))
    if is_first:
        report.followed_at = moment
    return is_first


def _decide(report: ItemReport, status: str, *, note: str, by: User, **columns: Any) -> None:
    """Change an open report once; whoever comes second gets a `Conflict`."""
    changes = {
        "status": status,
        "note": note,
        "decided_by": by,
        "decided_at": now(),
        **columns,
    }
    if not ItemReport.objects.filter(pk=report.pk, status=ItemReport.State.OPEN).update(**changes):
        raise Conflict("This report is not open any more.")
    for name, value in changes.items():
        setattr(report, name, value)


def _check_decision(report: ItemReport, by: User) -> None:
    if not can_decide_report(by, report):
        raise NotAllowed("Only the task's authors decide on reports.")
    if not report.is_open:
        raise Conflict("This report is not open any more.")


def _check_kind(version: TaskVersion) -> None:
    if kind_of(version).runs_program:
        raise Conflict(
            "This task is a program: it makes its items and their scores itself, so no single key "
            "can be corrected here. Write to its author, who can publish a new version."
        )


def _check_number(item: Item, by: User) -> None:
    since = now() - timedelta(days=1)
    if ItemReport.objects.filter(created_by=by, created_at__gt=since).count() >= MAX_REPORTS_A_DAY:
        raise TooManyReports(
            f"You made {MAX_REPORTS_A_DAY} reports within a day, which is as many as one may. "
            "Continue tomorrow."
        )
    of_item = ItemReport.objects.filter(item=item, status=ItemReport.State.OPEN)
    if of_item.count() >= MAX_OPEN_REPORTS_OF_AN_ITEM:
        raise Conflict("Many people reported this item already. Its authors have yet to decide.")


def _text_problems(text: str, place: str, most: int, *, is_needed: bool) -> list[Problem]:
    if is_needed and not text:
        return [Problem("say why: it is public", place)]
    if len(text) > most:
        return [Problem(f"must have at most {most:,} characters", place)]
    if "\x00" in text or has_surrogate(text):
        return [Problem("has a character that cannot be stored", place)]
    return []


def _version_notes(report: ItemReport) -> str:
    """Return what changed, for everyone: nothing of a private item."""
    what = (
        "the key of a private item"
        if report.item.split == Item.Split.PRIVATE
        else f"the key of the item {report.item.key}"
    )
    return f"Corrected {what} after a report ({report.public_id}). The questions are the same."


def _name(user: User) -> str:
    namespace = getattr(user, "namespace", None)
    return f"@{namespace.handle}" if namespace is not None else "Somebody"


def _tell(to: User, by: User, subject: str, text: str, report: ItemReport) -> None:
    """Send a notice, unless it is one's own doing."""
    if to.pk == by.pk or not to.is_active or not to.email:
        return
    url = f"{settings.SITE_URL}{report.get_absolute_url()}"
    queue_notice(to=to.email, subject=" ".join(subject.split())[:200], body=f"{text}\n\n{url}\n")
