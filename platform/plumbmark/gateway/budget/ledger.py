"""The ledger in the database: every statement that moves money.

Budgets are leased, settled and released only here, each in one transaction that keeps `spent +
reserved <= cap` at every reservation and `reserved = Σ leases`. Rows are always locked in the same
order: budgets by id, then leases.

Reserve and release lines record the day's budget; the month's and the grant's change in the same
transaction. So for each day Σ reserved − Σ released − Σ charged is what is reserved now.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from plumbmark.common import clock
from plumbmark.common.attempts import attempt_each
from plumbmark.gateway.budget.money import dollars, nanodollars
from plumbmark.gateway.models import (
    Budget,
    BudgetLease,
    Call,
    LedgerLine,
    QuotaPolicy,
)
from plumbmark.gateway.storage import bulk, exchanges
from plumbmark.gateway.storage.records import CallRecord, cost_before_last

_TRIES = 8
_SHARE_OF_LEFT = 4
"""A lease takes at most a quarter of what is left, so that processes do not strand each other."""
_IDS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class OpenBudget:
    """A budget row as a process knows it."""

    id: int
    kind: str
    period_start: date | None


@dataclass(frozen=True, slots=True)
class BudgetRequest:
    """A request to one budget: at least `need`, better `want`."""

    budget_id: int
    need: int
    want: int


@dataclass(frozen=True, slots=True)
class Amounts:
    """The amounts taken, by budget."""

    amounts: dict[int, int]


@dataclass(frozen=True, slots=True)
class Shortage:
    """The budget that could not give what was needed, in nanodollars."""

    budget_id: int
    kind: str
    period_start: date | None
    cap: int
    spent: int
    left: int
    need: int


@dataclass(frozen=True, slots=True)
class FlushResult:
    """The outcome of a flush: leases that were swept meanwhile, and charges that fell away."""

    gone: frozenset[int]
    refunds: dict[int, int]


class _Short(Exception):
    def __init__(self, shortage: Shortage) -> None:
        self.shortage = shortage


class _Raced(Exception):
    """Another process changed a row between our read and our conditional write."""


def limits_of(payer_id: int) -> tuple[int, int]:
    """Return the caps of day and month: from the namespace's own policy, the default or the
    settings.
    """
    policies = QuotaPolicy.objects.filter(Q(namespace=payer_id) | Q(namespace=None))
    found = {policy.namespace_id: policy for policy in policies}
    policy = found.get(payer_id) or found.get(None)
    if policy is not None:
        return policy.day_cap, policy.month_cap
    return limits_of_settings()


def limits_of_settings() -> tuple[int, int]:
    """Return the caps of day and month where no policy gives others."""
    return nanodollars(settings.QUOTA_DAY_USD), nanodollars(settings.QUOTA_MONTH_USD)


def open_budgets(
    *, payer_id: int, grant_id: int, cap: int | None, day: date
) -> tuple[OpenBudget, ...]:
    """Return the budgets that a call of this day is charged to; create those that are missing."""
    day_cap, month_cap = limits_of(payer_id)
    rows = [
        Budget.objects.get_or_create(
            payer_id=payer_id, kind=kind, period_start=start, grant=None, defaults={"cap": limit}
        )[0]
        for kind, start, limit in (
            (Budget.Kind.DAY, day, day_cap),
            (Budget.Kind.MONTH, day.replace(day=1), month_cap),
        )
    ]
    if cap is not None:
        rows.append(
            Budget.objects.get_or_create(
                grant_id=grant_id,
                defaults={"payer_id": payer_id, "kind": Budget.Kind.GRANT, "cap": cap},
            )[0]
        )
    return tuple(OpenBudget(row.pk, row.kind, row.period_start) for row in rows)


def take(
    *,
    owner: str,
    payer_id: int,
    grant_id: int,
    subject: str,
    day: date,
    asks: Iterable[BudgetRequest],
) -> Amounts | Shortage:
    """Lease from all requested budgets, or from none.

    Each gives max(need, min(want, a quarter of what is left)): near the end these are single holds,
    the exact form.
    """
    wanted = sorted(asks, key=lambda ask: ask.budget_id)
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                return _take(owner, payer_id, grant_id, subject, day, wanted)
        except _Short as short:
            return short.shortage
        except (_Raced, IntegrityError):
            continue
    # Many processes at once: the exact need is the least that can be fought over.
    with transaction.atomic():
        rows = {row.pk: row for row in Budget.objects.filter(pk__in=[a.budget_id for a in wanted])}
    return _shortage(rows[wanted[0].budget_id], wanted[0].need)


def _shortage(row: Budget, need: int) -> Shortage:
    return Shortage(row.pk, row.kind, row.period_start, row.cap, row.spent, row.left, need)


def _take(
    owner: str, payer_id: int, grant_id: int, subject: str, day: date, asks: Sequence[BudgetRequest]
) -> Amounts:
    rows = {row.pk: row for row in Budget.objects.filter(pk__in=[ask.budget_id for ask in asks])}
    amounts: dict[int, int] = {}
    for ask in asks:
        row = rows[ask.budget_id]
        if row.left < ask.need:
            raise _Short(_shortage(row, ask.need))
        amount = max(ask.need, min(ask.want, row.left // _SHARE_OF_LEFT))
        if not amount:
            # Requested ahead of need, from an exhausted budget.
            amounts[row.pk] = 0
            continue
        leased = Budget.objects.filter(
            pk=row.pk, cap__gte=F("spent") + F("reserved") + amount
        ).update(reserved=F("reserved") + amount)
        if not leased:
            raise _Raced
        amounts[row.pk] = amount
    for budget_id, amount in amounts.items():
        if not amount:
            continue
        grown = BudgetLease.objects.filter(owner=owner, budget=budget_id).update(
            amount=F("amount") + amount, seen_at=clock.database_now()
        )
        if not grown:
            BudgetLease.objects.create(
                owner=owner, budget_id=budget_id, amount=amount, seen_at=clock.database_now()
            )
        if rows[budget_id].kind == Budget.Kind.DAY:
            LedgerLine.objects.create(
                payer_id=payer_id,
                grant_id=grant_id,
                kind=LedgerLine.Kind.RESERVE,
                reason=f"{dollars(amount)} reserved for calls of {subject}"[:200],
                amount=amount,
                day=day,
                at=clock.now(),
            )
    return Amounts(amounts)


def settle(
    *,
    owner: str,
    records: Sequence[CallRecord],
    closing: Collection[int] = (),
    closing_reason: str = "no longer needed",
    may_be_stored: bool = False,
) -> FlushResult:
    """Store calls and settle them, and give the leases of the budgets in `closing` back.

    One transaction. `may_be_stored` says that an earlier try may have been committed after all, or
    that this is a replay: calls that are there already are skipped, so nothing is charged twice.
    """
    check = may_be_stored
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                return _settle(owner, records, closing, closing_reason, check)
        except (_Raced, IntegrityError):
            # One of our keys has an answer already; the next try looks for them.
            if attempt == _TRIES - 1:
                raise
            check = True
    raise AssertionError("unreachable")


def _settle(
    owner: str,
    records: Sequence[CallRecord],
    closing: Collection[int],
    closing_reason: str,
    check: bool,
) -> FlushResult:
    if check and records:
        stored = _find_stored_ids([record.id for record in records])
        records = [record for record in records if record.id not in stored]
    refunds = _mark_duplicates(records, looks_up=check)
    now = clock.now()
    deltas: dict[int, int] = defaultdict(int)
    unleased: dict[int, int] = defaultdict(int)
    for record in records:
        if record.charged and not record.is_duplicate:
            for budget_id in record.budget_ids:
                target = unleased if budget_id in record.unleased_ids else deltas
                target[budget_id] += record.charged
    lost = _charge(owner, deltas, unleased, closing, closing_reason, now)
    if records:
        lines = _settle_lines(records, now)
        _store(records, lines)
    if deltas or closing:
        BudgetLease.objects.filter(owner=owner).update(seen_at=clock.database_now())
    # A lease that went back took its refund along.
    return FlushResult(lost, {key: refunds[key] for key in refunds if key not in closing})


def _find_stored_ids(ids: Sequence[Any]) -> set[Any]:
    stored: set[Any] = set()
    for start in range(0, len(ids), _IDS_PER_QUERY):
        chunk = ids[start : start + _IDS_PER_QUERY]
        stored.update(Call.objects.filter(pk__in=chunk).values_list("pk", flat=True))
    return stored


def _mark_duplicates(records: Sequence[CallRecord], *, looks_up: bool) -> dict[int, int]:
    """Mark duplicate calls of a key; return what is released by them, by budget.

    Without `looks_up`, compare only these records with each other: other duplicates are rare and
    violate a constraint.
    """
    refunds: dict[int, int] = defaultdict(int)
    by_grant: dict[int, list[CallRecord]] = defaultdict(list)
    for record in records:
        record.is_duplicate = False
        if record.key and record.status == Call.Status.ANSWERED:
            by_grant[record.grant_id].append(record)
    for grant_id, answered in by_grant.items():
        seen: set[str] = set()
        keys = [record.key for record in answered]
        for start in range(0, len(keys) if looks_up else 0, _IDS_PER_QUERY):
            seen.update(
                Call.objects.filter(
                    grant=grant_id,
                    key__in=keys[start : start + _IDS_PER_QUERY],
                    status=Call.Status.ANSWERED,
                    is_duplicate=False,
                ).values_list("key", flat=True)
            )
        for record in answered:
            if record.key in seen:
                record.is_duplicate = True
                if record.charged:
                    for budget_id in record.budget_ids:
                        if budget_id not in record.unleased_ids:
                            refunds[budget_id] += record.charged
            seen.add(record.key)
    return refunds


def _charge(
    owner: str,
    deltas: dict[int, int],
    unleased: dict[int, int],
    closing: Collection[int],
    closing_reason: str,
    now: datetime,
) -> frozenset[int]:
    """Move `deltas` from reserved to spent against the owner's leases, then close leases."""
    touched = sorted({*deltas, *unleased, *closing})
    if not touched:
        return frozenset()
    leases = dict(
        BudgetLease.objects.filter(owner=owner, budget__in=touched).values_list(
            "budget_id", "amount"
        )
    )
    lost = {budget_id for budget_id, amount in deltas.items() if leases.get(budget_id, -1) < amount}
    returned: dict[int, int] = {}
    for budget_id in touched:
        spent = deltas.get(budget_id, 0) + unleased.get(budget_id, 0)
        freed = 0 if budget_id in lost else deltas.get(budget_id, 0)
        if budget_id in closing and budget_id in leases and budget_id not in lost:
            returned[budget_id] = leases[budget_id] - freed
            freed = leases[budget_id]
        if spent or freed:
            Budget.objects.filter(pk=budget_id).update(
                spent=F("spent") + spent, reserved=F("reserved") - freed
            )
    for budget_id in touched:
        if budget_id in lost or budget_id not in leases:
            continue
        row = BudgetLease.objects.filter(owner=owner, budget=budget_id, amount=leases[budget_id])
        if budget_id in returned:
            changed = row.delete()[0]
        elif budget_id in deltas:
            changed = row.update(amount=F("amount") - deltas[budget_id])
        else:
            continue
        if not changed:
            raise _Raced
    _release_lines(returned, closing_reason, now)
    return frozenset(lost)


def _release_lines(returned: dict[int, int], reason: str, now: datetime) -> None:
    amounts = {budget_id: amount for budget_id, amount in returned.items() if amount}
    if not amounts:
        return
    days = Budget.objects.filter(pk__in=amounts, kind=Budget.Kind.DAY)
    LedgerLine.objects.bulk_create(
        LedgerLine(
            payer_id=row.payer_id,
            kind=LedgerLine.Kind.RELEASE,
            reason=f"{dollars(amounts[row.pk])} released: {reason}"[:200],
            amount=amounts[row.pk],
            day=row.period_start or now.date(),
            at=now,
        )
        for row in days
    )


def _line_kind(record: CallRecord) -> str:
    if record.is_duplicate or record.status == Call.Status.LOST:
        return LedgerLine.Kind.LOSS
    return LedgerLine.Kind.SETTLE


def _settle_lines(
    records: Sequence[CallRecord], now: datetime
) -> dict[tuple[int, date, str], LedgerLine]:
    """Return one line per grant, day and kind; overruns get a line beside their settle line."""
    groups: dict[tuple[int, date, str], list[CallRecord]] = defaultdict(list)
    overruns: dict[tuple[int, date], list[CallRecord]] = defaultdict(list)
    for record in records:
        kind = _line_kind(record)
        groups[record.grant_id, record.day, kind].append(record)
        if kind == LedgerLine.Kind.SETTLE and _excess(record):
            overruns[record.grant_id, record.day].append(record)
    lines: dict[tuple[int, date, str], LedgerLine] = {}
    for key, members in groups.items():
        is_loss = key[2] == LedgerLine.Kind.LOSS
        lines[key] = LedgerLine(
            payer_id=members[0].payer_id,
            grant_id=key[0],
            kind=key[2],
            reason=_loss_reason(members) if is_loss else _settle_reason(members),
            charged=0 if is_loss else sum(record.charged for record in members),
            provider_cost=sum(record.provider_cost - _excess(record) for record in members),
            calls=len(members),
            day=key[1],
            at=now,
        )
    for (grant_id, day), members in overruns.items():
        excess = sum(_excess(record) for record in members)
        lines[grant_id, day, LedgerLine.Kind.OVERRUN] = LedgerLine(
            payer_id=members[0].payer_id,
            grant_id=grant_id,
            kind=LedgerLine.Kind.OVERRUN,
            reason=_overrun_reason(members, excess),
            provider_cost=excess,
            calls=len(members),
            day=day,
            at=now,
        )
    LedgerLine.objects.bulk_create(lines.values())
    return lines


def _overrun_reason(members: Sequence[CallRecord], excess: int) -> str:
    count, before = _calls(len(members)), sum(cost_before_last(one.attempts) for one in members)
    if not before:
        why = f"{count} cost {dollars(excess)} more than was reserved"
    elif before == excess:
        why = f"{dollars(excess)} for attempts that broke off before the answers of {count}"
    else:
        why = (
            f"{count} cost {dollars(excess)} more than is charged: {dollars(before)} for attempts "
            "that broke off, the rest above what was reserved"
        )
    return f"{why}; the platform bears it"[:200]


def _excess(record: CallRecord) -> int:
    """Return the cost of a metered, answered call that is not charged: above its reservation, or
    for attempts that broke off before the answer.
    """
    if not record.budget_ids or record.is_duplicate or record.status != Call.Status.ANSWERED:
        return 0
    return record.provider_cost - record.charged


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _settle_reason(members: Sequence[CallRecord]) -> str:
    answered = sum(record.status == Call.Status.ANSWERED for record in members)
    failed = len(members) - answered
    parts = []
    if answered:
        parts.append(f"{_calls(answered)} answered")
    if failed:
        parts.append(f"{_calls(failed)} failed, not charged")
    return f"{members[0].subject}: {'; '.join(parts)}"[:200]


def _loss_reason(members: Sequence[CallRecord]) -> str:
    twice = sum(record.is_duplicate for record in members)
    parts = []
    if twice:
        parts.append(f"{_calls(twice)} answered a second time")
    if lost := len(members) - twice:
        parts.append(f"{_calls(lost)} broken off in flight, at most")
    return f"{members[0].subject}: {'; '.join(parts)}; the platform bears it"[:200]


def _store(records: Sequence[CallRecord], lines: dict[tuple[int, date, str], LedgerLine]) -> None:
    bulk.insert(
        Call,
        _CALL_FIELDS,
        (
            (
                record.id,
                record.grant_id,
                record.deployment_id,
                record.price_card_id,
                lines[record.grant_id, record.day, _line_kind(record)].pk,
                record.key,
                record.is_duplicate,
                record.role,
                record.status,
                record.error_code,
                record.error_message,
                record.attempts,
                record.provider_request_id,
                record.upstream_model,
                record.finish_reason,
                clock.moment(record.started_at),
                record.latency_ms,
                record.input_tokens,
                record.output_tokens,
                record.cached_input_tokens,
                record.reasoning_tokens,
                record.usage_estimated,
                0 if record.is_duplicate else record.charged,
                record.provider_cost,
                record.is_private,
            )
            for record in records
        ),
    )
    exchanges.insert(records)


_CALL_FIELDS = (
    "id",
    "grant",
    "deployment",
    "price_card",
    "ledger_line",
    "key",
    "is_duplicate",
    "role",
    "status",
    "error_code",
    "error_message",
    "attempts",
    "provider_request_id",
    "upstream_model",
    "finish_reason",
    "started_at",
    "latency_ms",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "reasoning_tokens",
    "usage_estimated",
    "charged",
    "provider_cost",
    "is_private",
)


def keep_alive(*, owner: str) -> None:
    """Say that the owner of these leases lives."""
    BudgetLease.objects.filter(owner=owner).update(seen_at=clock.database_now())


def release_owner(*, owner: str, reason: str) -> int:
    """Give every lease of an owner back; returns how many there were."""
    budget_ids = list(BudgetLease.objects.filter(owner=owner).values_list("budget_id", flat=True))
    settle(owner=owner, records=(), closing=budget_ids, closing_reason=reason)
    return len(budget_ids)


def sweep_silent(*, living: Collection[str]) -> int:
    """Give back the leases of owners that have been silent for longer than a lease's life.

    `living` are owners known to live on this host, or whose spool could not be replayed yet: spools
    are replayed before, never after.
    """
    before = clock.database_now(-timedelta(seconds=settings.BUDGET_LEASE_SECONDS))
    silent = (
        BudgetLease.objects.filter(seen_at__lt=before)
        .exclude(owner__in=living)
        .order_by()
        .values_list("owner", flat=True)
        .distinct()
    )
    released = attempt_each(
        "release a silent lease",
        list(silent),
        lambda owner: release_owner(owner=owner, reason="its process stopped responding"),
        max_attempts=None,
    )
    return sum(released)
