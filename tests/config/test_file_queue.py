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
        queue = opened.SimpleQueue("bells")
        for number in range(_MESSAGES):
            queue.put({"writer": writer, "number": number, "padding": "x" * 2000})
        queue.close()


def _read(folder: Path, taken: "multiprocessing.Queue[Any]") -> None:
    with connection(folder) as opened:
        queue = opened.SimpleQueue("bells")
        while True:
            try:
                message = queue.get(timeout=3)
            except Empty:
                break
            taken.put((message.payload["writer"], message.payload["number"]))
            message.ack()
        queue.close()
    taken.put(None)


def test_two_writers_and_two_readers_pass_every_message_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    taken: multiprocessing.Queue[Any] = context.Queue()
    processes = [context.Process(target=_read, args=(tmp_path, taken)) for _ in range(2)]
    processes += [context.Process(target=_write, args=(tmp_path, writer)) for writer in range(2)]
    for process in processes:
        process.start()
    found: list[tuple[int, int]] = []
    readers = 2
    while readers:
        if (entry := taken.get(timeout=60)) is None:
            readers -= 1
        else:
            found.append(entry)
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    assert sorted(found) == [(writer, n) for writer in range(2) for n in range(_MESSAGES)]
    assert not list((tmp_path / "messages").iterdir())


def test_what_a_dead_writer_left_half_written_is_never_delivered(tmp_path: Path) -> None:
    with connection(tmp_path) as opened:
        queue = opened.SimpleQueue("bells")
        folder = tmp_path / "messages"
        (folder / f"1_{uuid.uuid4()}.bells.msg").write_text("")
        (folder / f"2_{uuid.uuid4()}.bells.msg").write_text('{"body": "cut off in the mi')
        queue.put({"whole": True})
        assert queue.get(timeout=5).payload == {"whole": True}
        with pytest.raises(Empty):
            queue.get(timeout=0.2)
        queue.close()
