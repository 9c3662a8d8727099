"""The queue in a folder: nothing half-written is ever read, nothing is taken twice."""

import multiprocessing
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

from plumbmark.config import file_queue

_MESSAGES = 300


def connection(folder: Path) -> Connection:
    file_queue.use()
    for name in ("messages", "control"):
        (folder / name).mkdir(exist_ok=True)
    return Connection(
        "filesystem://localhost",
        transport_options={
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
        },
    )


def _write(folder: Path, writer: int) -> None:
    with connection(folder) as opened:
        queue = opened.SimpleQueue("jobs")
        for number in range(_MESSAGES):
            queue.put({"writer": writer, "number": number, "padding": "x" * 2000})
        queue.close()


def _read(folder: Path, taken: "multiprocessing.Queue[Any]", are_all_there: Any) -> None:
    """Until all are there, and then until nothing more is: a message that comes twice is taken."""
    with connection(folder) as opened:
        queue = opened.SimpleQueue("jobs")
        while True:
            is_over = are_all_there.is_set()
            try:
                message = queue.get(timeout=0.5)
            except Empty:
                if is_over:
                    break
                continue
            taken.put((message.payload["writer"], message.payload["number"]))
            message.ack()
        queue.close()
    taken.put(None)


def test_two_writers_and_two_readers_pass_every_message_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    taken: multiprocessing.Queue[Any] = context.Queue()
    are_all_there = context.Event()
    arguments = (tmp_path, taken, are_all_there)
    processes = [context.Process(target=_read, args=arguments) for _ in range(2)]
    processes += [context.Process(target=_write, args=(tmp_path, writer)) for writer in range(2)]
    for process in processes:
        process.start()
    found: list[tuple[int, int]] = []
    readers = 2
    while readers:
        try:
            entry = taken.get(timeout=1)
        except Empty:
            assert not any(process.exitcode for process in processes), "one of them died"
            continue
        if entry is None:
            readers -= 1
        else:
            found.append(entry)
        if len(set(found)) == 2 * _MESSAGES:
            are_all_there.set()
    for process in processes:
        process.join(300)
        assert process.exitcode == 0
    assert sorted(found) == [(writer, n) for writer in range(2) for n in range(_MESSAGES)]
    assert not list((tmp_path / "messages").iterdir())


def test_what_a_dead_writer_left_half_written_is_never_delivered(tmp_path: Path) -> None:
    with connection(tmp_path) as opened:
        queue = opened.SimpleQueue("jobs")
        folder = tmp_path / "messages"
        (folder / f"1_{uuid.uuid4()}.jobs.msg").write_text("")
        (folder / f"2_{uuid.uuid4()}.jobs.msg").write_text('{"body": "cut off in the mi')
        queue.put({"whole": True})
        assert queue.get(timeout=60).payload == {"whole": True}
        with pytest.raises(Empty):
            queue.get(timeout=0.2)
        queue.close()


def _listen(folder: Path, number: int, start: Any) -> None:
    with connection(folder) as opened:
        channel = opened.channel()
        start.wait(300)
        for again in range(20):
            channel._queue_bind("jobs", "", "", f"listener-{number}-{again}")


def test_all_who_begin_to_listen_at_once_are_heard(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    processes = [
        context.Process(target=_listen, args=(tmp_path, number, start)) for number in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        assert process.exitcode == 0

    with connection(tmp_path) as opened:
        heard = {bound.queue for bound in opened.channel().get_table("jobs")}
    assert heard == {f"listener-{number}-{again}" for number in range(4) for again in range(20)}


@pytest.mark.parametrize("left", ["", '[["", "", "bel'])
def test_a_table_that_a_dead_process_left_half_written_is_made_anew(
    tmp_path: Path, left: str
) -> None:
    # kombu remembers for the whole process what is bound: a name that no other test has.
    name = uuid.uuid4().hex
    with connection(tmp_path) as opened:
        (tmp_path / "control" / f"{name}.exchange").write_text(left)
        queue = opened.SimpleQueue(name)
        queue.put({"whole": True})

        assert queue.get(timeout=60).payload == {"whole": True}
        assert [bound.queue for bound in opened.channel().get_table(name)] == [name]
        queue.close()
