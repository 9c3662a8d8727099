"""Names of files and ids in other Unicode forms, and names in ZIPs that do not say theirs."""

import io
import json
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from plumbmark.common.errors import InvalidInput
from tasks_app.datasets import AttachedFiles, KnownFile, import_data
from tasks_app.datasets.media.archives import entries_of, open_archive, read_entry
from tasks_app.definitions import parse_definition
from tasks_app.runs.output_files import outputs_from
from tests.reported_cases import folder, read_rows

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
PLAIN = """\
plumbmark: 1
data: {id: id, target: answer}
prompt: {messages: [{role: user, content: "{question}"}]}
scorers: [{type: exact}]
"""
WITH_PHOTO = """\
plumbmark: 1
data: {id: id, target: answer}
prompt: {messages: [{role: user, content: [{image: "{photo}"}, {text: "Which bird?"}]}]}
scorers: [{type: exact}]
"""


@pytest.fixture
def keys(written: Callable[[bytes, str], Path], scratch: Path) -> Callable[..., list[str]]:
    def run(*rows: dict[str, str], definition: str = PLAIN, **files: KnownFile) -> list[str]:
        text = "\n".join(json.dumps({"question": "q", "answer": "x", **row}) for row in rows)
        path = written(text.encode(), "data.jsonl")
        with import_data(
            path,
            name="data.jsonl",
            definition=parse_definition(definition),
            attached=AttachedFiles(files=files),
        ) as found:
            return [item.key for item in found]

    return run


def test_ids_that_look_the_same_are_the_same(keys: Callable[..., list[str]]) -> None:
    assert keys({"id": DECOMPOSED}) == [COMPOSED]
    with pytest.raises(InvalidInput, match="is in line 1 already"):
        keys({"id": COMPOSED}, {"id": DECOMPOSED})


@pytest.mark.parametrize("stored", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("sent", [COMPOSED, DECOMPOSED])
def test_an_output_finds_its_item_in_either_form(stored: str, sent: str) -> None:
    rows = [{"id": sent, "output": "x"}]

    [found] = outputs_from(iter(rows), positions={stored: 0}, repeats=1)

    assert (found.ordinal, found.output) == (0, "x")


@pytest.mark.parametrize("attached", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("named", [COMPOSED, DECOMPOSED])
def test_a_file_is_found_in_either_form(
    keys: Callable[..., list[str]], attached: str, named: str
) -> None:
    photo = KnownFile("1" * 64, "image/png", 100)
    files = {f"birds/{attached}.png": photo}

    for name in (f"birds/{named}.png", f"{named}.png"):
        assert keys({"id": "1", "photo": name}, definition=WITH_PHOTO, **files) == ["1"]


def zip_with(raw_name: bytes, *, says_utf_8: bool = False, extra: bytes = b"") -> io.BytesIO:
    """Return a ZIP of one entry whose name is these bytes."""
    placeholder = "n" * len(raw_name)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo(placeholder)
        info.extra = extra
        archive.writestr(info, b"content")
    data = made.getvalue().replace(placeholder.encode(), raw_name)
    if says_utf_8:
        for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = data.index(signature) + offset
            data = data[: at + 1] + bytes([data[at + 1] | 0x08]) + data[at + 2 :]
    return io.BytesIO(data)


def unicode_path(name: str, raw_name: bytes) -> bytes:
    """Return Info-ZIP's field for a name."""
    content = b"\x01" + struct.pack("<L", zlib.crc32(raw_name)) + name.encode()
    return struct.pack("<HH", 0x7075, len(content)) + content


OTHER_FIELD = struct.pack("<HH", 0x5455, 5) + bytes(5)


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (zip_with("rötel.png".encode()), "rötel.png"),
        (zip_with(unicodedata.normalize("NFD", "rötel.png").encode()), "rötel.png"),
        (zip_with("rötel.png".encode(), says_utf_8=True), "rötel.png"),
        (zip_with("鳥/赤.png".encode()), "鳥/赤.png"),
        # No UTF-8: the code page of the standard.
        (zip_with("rötel.png".encode("cp437")), "rötel.png"),
        # Info-ZIP says the name apart, if the field belongs to this name.
        (zip_with(b"r?tel.png", extra=unicode_path("rötel.png", b"r?tel.png")), "rötel.png"),
        (
            zip_with(
                b"r\x94tel.png", extra=OTHER_FIELD + unicode_path("rötel.png", b"r\x94tel.png")
            ),
            "rötel.png",
        ),
        (zip_with(b"r\x94tel.png", extra=unicode_path("other.png", b"another")), "rötel.png"),
        (zip_with(b"plain.png"), "plain.png"),
    ],
)
def test_a_zips_names_are_read_as_they_were_meant(made: io.BytesIO, name: str) -> None:
    with open_archive(made) as archive:
        [entry] = entries_of(archive, most=10)

        assert not isinstance(entry, str), entry
        assert entry.name == name
        assert read_entry(archive, entry, most=100) == b"content"


def test_the_reported_names_are_compared_in_one_form(
    written: Callable[[bytes, str], Path], scratch: Path
) -> None:
    case = folder("34")
    definition = parse_definition((case / "definition.yaml").read_text("utf-8"))

    def keys_in(name: str) -> list[str]:
        path = written((case / name).read_bytes(), name)
        with import_data(path, name=name, definition=definition) as found:
            return [item.key for item in found]

    assert keys_in("one-form.jsonl") == [COMPOSED]
    with pytest.raises(InvalidInput, match="is in line 1 already"):
        keys_in("two-forms.jsonl")
    [output] = outputs_from(
        iter(read_rows(case / "outputs-decomposed.jsonl")), positions={COMPOSED: 0}, repeats=1
    )
    assert output.output == "x"


def test_what_macos_adds_is_left_out() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("__MACOSX/._rötel.png", "._rötel.png", ".DS_Store", "rötel.png"):
            archive.writestr(name, b"content")
    with open_archive(made) as archive:
        assert [entry.name for entry in entries_of(archive, most=10)] == ["rötel.png"]  # type: ignore[union-attr]
