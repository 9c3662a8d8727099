"""The storage of exchanges: in their rows, or in objects of a storage beside the database.

Everything that writes, reads or moves an exchange's body goes through here; `withholding` lets it
go. Without `PLUMBMARK_EXCHANGE_STORAGE` all bodies lie in their rows.

An object holds the bodies of a batch, one after another, packed as rows have them, and is never
changed. A row then has the object, the start and the length. Objects are written before the
transaction that stores the rows: a crash between the two leaves an object that no row names, which
`orphans` finds, and the spool keeps the calls. If the storage does not answer, bodies go into
their rows, so that neither calls nor money wait for it, and `manage.py move_exchanges` moves them
later.
"""

import logging
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Length
from django.utils.translation import gettext as _
from prometheus_client import Counter

from plumbmark.common import clock
from plumbmark.common.errors import Busy
from plumbmark.common.metrics import OWN
from plumbmark.gateway.models import Exchange, ExchangeObject
from plumbmark.gateway.storage import bulk
from plumbmark.gateway.storage.records import CallRecord, ExchangePlace, compress

log = logging.getLogger(__name__)

STORAGE = "exchanges"
"""Its name among Django's storages."""
WRITE_PAUSE_SECONDS = 30.0
"""How long nothing is written to a storage that did not answer: calls are stored elsewhere."""
READ_PAUSE_SECONDS = 5.0
"""How long nothing is read from it, so that readers do not hold all threads of the pages."""
_PLACE_SECONDS = 6 * 3600.0
"""A call that is not stored for so long after its exchange is written to a new object."""
SWEEP_AGE = timedelta(hours=7)
"""Longer than that: no call can come to name an object that is swept."""
ORPHAN_AGE = timedelta(hours=24)
MAX_OBJECT_BYTES = 16 * 1024 * 1024
"""Of an object that is made of bodies that exist; one body may be larger by itself."""
_MERGED_GAP = 64 * 1024
"""Ranges of one object that lie closer are read at once."""
_ROWS = 500

_FAILURES = Counter(
    "plumbmark_exchange_storage_failures",
    "Requests to the storage of exchanges that failed, by what was wanted.",
    ["operation"],
    registry=OWN,
)


class StorageAway(Exception):
    """The storage does not answer, or not with what was asked for."""


class ObjectMissing(StorageAway):
    """The storage answers, and does not have what a row names."""


class ExchangesAway(Busy):
    """Exchanges cannot be read now; nothing of them is lost."""

    code = "exchanges-away"
    retry_seconds = 60

    def __init__(self) -> None:
        super().__init__(
            _(
                "The request and the response cannot be read at the moment, because the storage "
                "that has them does not answer. Nothing is lost: try again in a few minutes."
            )
        )


class Objects(Protocol):
    """The requests to a storage. All raise `StorageAway`."""

    def put(self, key: str, data: bytes) -> None: ...

    def get_range(self, key: str, start: int, length: int) -> bytes: ...

    def remove(self, keys: Sequence[str]) -> None: ...

    def listed(self) -> Iterator[tuple[str, datetime]]: ...


def is_elsewhere() -> bool:
    """Return whether new exchanges go into objects."""
    return STORAGE in settings.STORAGES


def _objects() -> Objects:
    if not is_elsewhere():
        raise StorageAway("PLUMBMARK_EXCHANGE_STORAGE is not set, and exchanges lie there")
    return cast(Objects, storages[STORAGE])


class _Health:
    """The last that this process saw of the storage."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._away_since: datetime | None = None
        self._failed_at = 0.0

    @property
    def is_away(self) -> bool:
        return self._away_since is not None

    def is_worth_trying(self, pause_seconds: float) -> bool:
        """Return whether the last failure, if it was the last that was seen, is so long ago."""
        return self._away_since is None or time.monotonic() >= self._failed_at + pause_seconds

    def note_failure(self, operation: str, error: Exception) -> None:
        _FAILURES.labels(operation).inc()
        with self._lock:
            self._failed_at = time.monotonic()
            if self._away_since is not None:
                return
            self._away_since = clock.now()
        log.warning(
            "the storage of exchanges does not answer (%s): %s. New exchanges go into the "
            "database until it does",
            operation,
            error,
        )

    def note_success(self) -> None:
        if self._away_since is None:
            return
        with self._lock:
            since, self._away_since = self._away_since, None
        if since is not None:
            log.warning(
                "the storage of exchanges answers again; `manage.py move_exchanges --since %s` "
                "moves what the database got meanwhile",
                since.isoformat(timespec="seconds"),
            )


health = _Health()


# --- writing ------------------------------------------------------------------------------------


def put_away(records: Sequence[CallRecord]) -> None:
    """Write the exchanges of calls into an object, before they are stored in the database.

    Without a storage, or if it does not answer, they go into their rows. Takes as long as the
    storage does, so it runs on no thread that others wait for.
    """
    if not is_elsewhere():
        return
    at = time.time()
    due = []
    for record in records:
        if record.place is not None and at - record.place.written_at > _PLACE_SECONDS:
            record.place = None
        if record.exchange and record.place is None:
            due.append(record)
    if not due or not health.is_worth_trying(WRITE_PAUSE_SECONDS):
        return
    try:
        places = _write_object([compress(record.exchange) for record in due])
    except StorageAway as error:
        health.note_failure("write", error)
        return
    health.note_success()
    for record, place in zip(due, places, strict=True):
        record.place = place


def _write_object(bodies: Sequence[bytes]) -> list[ExchangePlace]:
    key = f"{clock.today():%Y/%m/%d}/{uuid.uuid4()}"
    _objects().put(key, b"".join(bodies))
    written_at = time.time()
    places, start = [], 0
    for body in bodies:
        places.append(ExchangePlace(key, start, len(body), written_at))
        start += len(body)
    return places


def insert(records: Sequence[CallRecord]) -> None:
    """Insert the rows of these calls' exchanges. In the transaction that stores the calls."""
    placed = [record for record in records if record.place is not None]
    bulk.insert(
        Exchange,
        _FIELDS,
        (
            (record.id, compress(record.exchange), record.exchange_hash, None, "")
            for record in records
            if record.exchange and record.place is None
        ),
    )
    if not placed:
        return
    ids = _object_ids({record.place.key for record in placed if record.place is not None})
    bulk.insert(
        Exchange,
        (*_FIELDS, "stored_in", "start", "length"),
        (
            (record.id, b"", record.exchange_hash, None, "", ids[place.key], *place.range)
            for record in placed
            if (place := record.place) is not None
        ),
    )


_FIELDS = ("call", "body", "hash", "withheld_at", "withheld_reason")


def _object_ids(keys: Iterable[str]) -> dict[str, int]:
    facts = {"written_at": clock.now()}
    # A flush that was tried twice has its object already.
    return {
        key: ExchangeObject.objects.get_or_create(key=key, defaults=facts)[0].pk
        for key in sorted(keys)
    }


# --- reading ------------------------------------------------------------------------------------


def read_body(exchange: Exchange) -> bytes:
    """Return the packed body of one exchange; raises `ExchangesAway`."""
    return read_bodies([exchange])[exchange.call_id]


def read_bodies(exchanges: Sequence[Exchange]) -> dict[UUID, bytes]:
    """Return the packed bodies of exchanges, by call; raises `ExchangesAway`.

    Bodies that lie side by side in an object are read at once.
    """
    found = {one.call_id: bytes(one.body) for one in exchanges if one.stored_in_id is None}
    if len(found) < len(exchanges):
        if not health.is_worth_trying(READ_PAUSE_SECONDS):
            raise ExchangesAway
        try:
            found.update(_read_objects([one for one in exchanges if one.stored_in_id is not None]))
        except ObjectMissing as error:
            # No reason to spare the storage: others can be read.
            _FAILURES.labels("read").inc()
            log.error("an exchange is not in the storage that has it: %s", error)
            raise ExchangesAway from error
        except StorageAway as error:
            health.note_failure("read", error)
            raise ExchangesAway from error
        health.note_success()
    return found


def _read_objects(exchanges: Sequence[Exchange]) -> dict[UUID, bytes]:
    storage = _objects()
    keys = dict(
        ExchangeObject.objects.filter(pk__in={one.stored_in_id for one in exchanges}).values_list(
            "pk", "key"
        )
    )
    by_object: dict[int, list[_Span]] = defaultdict(list)
    for one in exchanges:
        assert one.stored_in_id is not None
        assert one.start is not None
        assert one.length is not None
        span = _Span(one.start, one.start + one.length, one.call_id)
        by_object[one.stored_in_id].append(span)
    found = {}
    for object_id, spans in by_object.items():
        for together in _neighbours(sorted(spans)):
            start, end = together[0].start, together[-1].end
            data = storage.get_range(keys[object_id], start, end - start)
            for span in together:
                found[span.call_id] = data[span.start - start : span.end - start]
    return found


class _Span(NamedTuple):
    """The bytes of an object that are a call's. No two overlap."""

    start: int
    end: int
    call_id: UUID


def _neighbours(spans: Sequence[_Span]) -> Iterator[list[_Span]]:
    together = [spans[0]]
    for span in spans[1:]:
        if span.start - together[-1].end > _MERGED_GAP:
            yield together
            together = []
        together.append(span)
    yield together


# --- erasing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SweepCounts:
    """The counts of a sweep: objects that went, and those of them whose rest was moved."""

    removed: int = 0
    rewritten: int = 0


def sweep() -> SweepCounts:
    """Let the bytes of erased exchanges go; raises `StorageAway`.

    Objects that no row names any longer are removed. Of others, the rest is moved to a new object.
    """
    removed = rewritten = 0
    due = ExchangeObject.objects.filter(
        has_erased=True, written_at__lt=clock.now() - SWEEP_AGE
    ).order_by("pk")
    for stored in due:
        rows = list(stored.exchanges.all())
        if rows:
            move(rows)
            rewritten += 1
        removed += _remove_if_unused(stored)
    return SweepCounts(removed, rewritten)


def _remove_if_unused(stored: ExchangeObject) -> int:
    if stored.exchanges.exists():
        return 0
    # The row goes last: if the storage does not answer, the next sweep finds it again.
    _objects().remove([stored.key])
    stored.delete()
    return 1


def mark_unused() -> int:
    """Mark objects that no row names, however that came; return how many."""
    unused = ExchangeObject.objects.filter(has_erased=False).exclude(
        pk__in=Exchange.objects.filter(stored_in__isnull=False).values("stored_in")
    )
    # One that is being stored has no rows yet for anybody else.
    return unused.filter(written_at__lt=clock.now() - ORPHAN_AGE).update(has_erased=True)


def orphans() -> Iterator[str]:
    """Yield the keys of objects that no row names, and that no process can be about to name."""
    before = clock.now() - ORPHAN_AGE
    old = [key for key, written_at in _objects().listed() if written_at < before]
    for start in range(0, len(old), _ROWS):
        chunk = old[start : start + _ROWS]
        known = set(ExchangeObject.objects.filter(key__in=chunk).values_list("key", flat=True))
        yield from (key for key in chunk if key not in known)


def remove_orphans(keys: Sequence[str]) -> None:
    _objects().remove(keys)


# --- moving -------------------------------------------------------------------------------------


def in_rows(*, since: datetime | None = None) -> QuerySet[Exchange]:
    """Return the exchanges whose bodies lie in their rows, by id; those of calls since a time."""
    found = Exchange.objects.filter(stored_in=None, withheld_at=None).exclude(body=b"")
    if since is not None:
        found = found.filter(call__started_at__gte=since)
    return found.order_by("call_id")


def in_objects() -> QuerySet[Exchange]:
    return Exchange.objects.filter(stored_in__isnull=False).order_by("call_id")


def batches(exchanges: QuerySet[Exchange]) -> Iterator[list[Exchange]]:
    """Yield exchanges in batches that make one object each."""
    last: UUID | None = None
    while True:
        following = exchanges if last is None else exchanges.filter(call_id__gt=last)
        # Lengths first: so many bodies with images would not fit into memory.
        sizes = following.annotate(size=Coalesce(F("length"), Length("body")))
        ids: list[UUID] = []
        total = 0
        for call_id, size in sizes.values_list("call_id", "size")[:_ROWS]:
            if ids and total + size > MAX_OBJECT_BYTES:
                break
            ids.append(call_id)
            total += size
        if not ids:
            return
        last = ids[-1]
        yield list(Exchange.objects.filter(pk__in=ids).order_by("call_id"))


def move(rows: Sequence[Exchange]) -> int:
    """Move bodies to a new object, wherever they lie; return how many. Raises `StorageAway`.

    Rows that were erased or moved meanwhile stay as they are.
    """
    bodies = _bodies_to_move(rows)
    places = _write_object([bodies[row.call_id] for row in rows])
    with transaction.atomic():
        stored_in = _object_ids({places[0].key})[places[0].key]
        moved = 0
        for row, place in zip(rows, places, strict=True):
            start, length = place.range
            moved += _unchanged(row).update(
                body=b"", stored_in=stored_in, start=start, length=length
            )
        if moved < len(rows):
            ExchangeObject.objects.filter(pk=stored_in).update(has_erased=True)
        _mark_left(rows)
    return moved


def move_back(rows: Sequence[Exchange]) -> int:
    """Move bodies from objects into their rows; return how many. Raises `StorageAway`."""
    bodies = _bodies_to_move(rows)
    with transaction.atomic():
        moved = sum(
            _unchanged(row).update(
                body=bodies[row.call_id], stored_in=None, start=None, length=None
            )
            for row in rows
        )
        _mark_left(rows)
    return moved


def _mark_left(rows: Sequence[Exchange]) -> None:
    """Note that objects have bodies that lie elsewhere now."""
    left = {row.stored_in_id for row in rows if row.stored_in_id is not None}
    ExchangeObject.objects.filter(pk__in=left, has_erased=False).update(has_erased=True)


def _bodies_to_move(rows: Sequence[Exchange]) -> Mapping[UUID, bytes]:
    inside = {row.call_id: bytes(row.body) for row in rows if row.stored_in_id is None}
    outside = [row for row in rows if row.stored_in_id is not None]
    return {**inside, **(_read_objects(outside) if outside else {})}


def _unchanged(row: Exchange) -> QuerySet[Exchange]:
    """Return the row, if its body still lies where it did."""
    return Exchange.objects.filter(
        pk=row.pk, withheld_at=None, stored_in=row.stored_in_id, start=row.start
    )
