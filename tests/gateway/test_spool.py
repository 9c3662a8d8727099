"""The spool: what survives, who may read it, and what is thrown away."""

import os
import stat
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest

from plumbmark.gateway.storage.records import CallRecord
from plumbmark.gateway.storage.spool import Spool, find_abandoned, living_owners


def record(*, text: str = "x", hold: int = 10) -> CallRecord:
    return CallRecord(
        id=uuid4(),
        grant_id=1,
        payer_id=2,
        deployment_id=3,
        price_card_id=4,
        key="schlüssel\n1",
        role="candidate",
        is_private=True,
        day=date(2026, 3, 1),
        started_at=time.time(),
        subject="run:1",
        hold=hold,
        budget_ids=(7, 8),
        exchange=f'{{"request":"{text}\n"}}'.encode(),
    )


def end(made: CallRecord) -> CallRecord:
    made.status = "answered"
    made.charged = made.provider_cost = 5
    made.attempts = [{"at": 1.5, "ms": 3, "status": 200, "waited_ms": 0}]
    return made


def read(folder: Path) -> list[CallRecord]:
    return [found for spool in find_abandoned(folder) for found in spool.records()]


def die(spool: Spool) -> None:
    """Do what the kernel does: the lock goes, the files stay."""
    os.close(spool._lock)


def test_what_was_started_and_ended_is_read_back_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "one")
    started, ended = record(), record(text="y")
    for made in (started, ended):
        spool.start(made)
    spool.end(end(ended))
    die(spool)

    found = {made.id: made for made in read(tmp_path)}

    assert set(found) == {started.id, ended.id}
    assert found[started.id].status == ""
    assert found[started.id].hold == 10
    again = found[ended.id]
    assert (again.status, again.charged, again.budget_ids) == ("answered", 5, (7, 8))
    assert again.exchange == ended.exchange
    assert again.key == "schlüssel\n1"
    assert again.attempts == ended.attempts
    assert (again.day, again.is_private) == (date(2026, 3, 1), True)


def test_a_spool_that_is_held_is_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "one")
    spool.start(record())

    assert list(find_abandoned(tmp_path)) == []
    assert living_owners(tmp_path) == {"one"}

    die(spool)
    assert living_owners(tmp_path) == set()
    assert len(read(tmp_path)) == 1


def test_a_frame_cut_short_ends_the_reading_and_spoils_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, "one")
    first, second = record(), record()
    spool.start(first)
    spool.start(second)
    die(spool)
    path = next(tmp_path.glob("*.spool"))
    data = bytearray(path.read_bytes())
    used = data.rstrip(b"\0")
    data[len(used) - 3 : len(used)] = b"\0\0\0"
    path.write_bytes(data)

    found = read(tmp_path)

    assert [made.id for made in found] == [first.id]
    assert "cut short" in caplog.text


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder, "one")
    spool.start(record())

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    spool.close()


def test_what_is_stored_is_dropped_and_what_is_not_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plumbmark.gateway.storage.spool._SEGMENT_BYTES", 1000)
    spool = Spool(tmp_path, "one")
    made = [record(text="x" * 300) for _ in range(6)]
    for one in made:
        spool.start(one)
        spool.end(end(one))
    assert len(list(tmp_path.glob("*.spool"))) > 3

    spool.note_stored(made[:5])

    assert len(list(tmp_path.glob("*.spool"))) <= 2
    die(spool)
    assert [found.id for found in read(tmp_path)][-1] == made[5].id


def test_a_rewound_segment_shows_nothing_of_what_it_held(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "one")
    old = record(text="a" * 500)
    spool.start(old)
    spool.end(end(old))
    spool.note_stored([old])
    young = record()
    spool.start(young)
    die(spool)

    assert [found.id for found in read(tmp_path)] == [young.id]


def test_a_record_larger_than_a_segment_gets_one_of_its_own(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "one")
    large = record(text="z" * (5 * 1024 * 1024))
    spool.end(end(large))
    die(spool)

    assert len(read(tmp_path)[0].exchange) > 5 * 1024 * 1024


def test_closing_an_empty_spool_leaves_no_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "one")
    made = record()
    spool.start(made)
    spool.note_stored([made])

    spool.close()

    assert list(tmp_path.iterdir()) == []


def test_a_forked_child_does_not_keep_its_parents_spool_locked(tmp_path: Path) -> None:
    program = f"""
import os, sys, time
from pathlib import Path
from plumbmark.gateway.storage.spool import Spool
spool = Spool(Path({str(tmp_path)!r}), "parent")
child = os.fork()
if child == 0:
    spool.forget_after_fork()
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(600)
os._exit(0)
"""
    reader, writer = os.pipe()
    environment = {
        **os.environ,
        "PYTHONPATH": "platform:.",
        "DJANGO_SETTINGS_MODULE": "plumbmark.config.settings",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", "import django; django.setup()\n" + program],
        env=environment,
        stdout=writer,
    )
    os.close(writer)
    process.wait(timeout=300)
    # Told only when it has forgotten.
    child = int(os.read(reader, 100))
    try:
        assert [spool.owner for spool in find_abandoned(tmp_path)] == ["parent"]
    finally:
        os.kill(child, 9)
        os.close(reader)
