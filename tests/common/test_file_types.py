"""The type of a file by its first bytes."""

import pytest

from plumbmark.common.file_types import SIGNATURE_BYTES, detect_file_type


@pytest.mark.parametrize(
    ("start", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"GIF89a\x01\x00", "image/gif"),
        (b"GIF88a\x01\x00", ""),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"RIFF\x24\x00\x00\x00AVI LIST", ""),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "image/heic"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00", "video/mp4"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"PK\x03\x04\x14\x00", "application/zip"),
        (b"PAR1\x15\x04", "application/vnd.apache.parquet"),
        (b"\xff\xfb\x90\x00", ""),
        (b"ID3\x04\x00", ""),
        (b"question,target\n", ""),
        (b"", ""),
    ],
)
def test_a_file_is_what_its_first_bytes_say(start: bytes, media_type: str) -> None:
    assert detect_file_type(start) == media_type
    assert detect_file_type(start[:SIGNATURE_BYTES]) == media_type
