"""The comparing itself: a difference, a missing file and a change of form are seen."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

import pytest

from tests.golden import golden


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(golden, "_FOLDER", tmp_path)
    monkeypatch.setattr(golden, "_IS_UPDATE", False)
    return tmp_path


@pytest.fixture
def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], None]:
    def write(name: str, value: object) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(golden, "_IS_UPDATE", True)
            golden.check(name, value)

    return write


def test_what_was_written_is_found_again_in_any_order_of_keys(
    store: Callable[[str, object], None],
) -> None:
    store("deep/x.json", {"b": [1, "é\ud800"], "a": {"c": None}})

    golden.check("deep/x.json", {"a": {"c": None}, "b": [1, "é\ud800"]})


@pytest.mark.parametrize(
    "changed", [{"a": 1.0}, {"a": True}, {"a": "1"}, {"a": 1, "b": None}, {}, [1], "{}"]
)
def test_every_change_is_seen(store: Callable[[str, object], None], changed: object) -> None:
    store("x.json", {"a": 1})

    with pytest.raises(AssertionError, match=r"x\.json, stored"):
        golden.check("x.json", changed)


def test_a_line_end_is_seen(store: Callable[[str, object], None]) -> None:
    store("x.txt", "a\r\n")

    with pytest.raises(AssertionError, match="ends of lines"):
        golden.check("x.txt", "a\n")


def test_a_missing_file_is_a_failure(folder: Path) -> None:
    with pytest.raises(AssertionError, match="PLUMBMARK_UPDATE_GOLDEN"):
        golden.check("x.json", {})


def test_objects_are_written_by_their_fields() -> None:
    class Word(Enum):
        ONE = "one"

    @dataclass
    class Thing:
        at: datetime
        word: Word
        inner: tuple[int, ...]

    found = golden.plain(Thing(datetime(2026, 1, 1, tzinfo=UTC), Word.ONE, (1, 2)))

    assert found == {"at": "2026-01-01T00:00:00+00:00", "word": "one", "inner": [1, 2]}


def test_fractions_keep_twelve_digits() -> None:
    assert golden.round_numbers({"a": [0.1 + 0.2, 1, True]}) == {"a": [0.3, 1, True]}
