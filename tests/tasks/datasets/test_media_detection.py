"""What files are, told from their bytes: good ones, disguised ones, broken ones, bombs."""

import contextlib
import hashlib
import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tasks_app.datasets.media import Media, MediaLimits, NotMedia, inspect_media
from tests.media_files import image, mp3, wav
from tests.reported_cases import folder

LIMITS = MediaLimits(file_bytes=200_000, pixels=1_000_000)


def why_not(data: bytes) -> str:
    with pytest.raises(NotMedia) as error:
        inspect_media(data, LIMITS)
    return str(error.value)


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
    ],
)
def test_images_are_known_by_their_bytes(form: str, media_type: str) -> None:
    data = image(form, size=(32, 24))

    found = inspect_media(data, LIMITS)

    assert found == Media(
        hashlib.sha256(data).hexdigest(), media_type, len(data), width=32, height=24
    )
    assert found.kind == "image"


def test_of_sounds_the_length_is_known() -> None:
    assert inspect_media(wav(0.5), LIMITS).duration_ms == 500
    found = inspect_media(mp3(38), LIMITS)
    assert (found.media_type, found.kind, found.duration_ms) == ("audio/mpeg", "audio", 992)
    tagged = b"ID3\x04\x00\x00\x00\x00\x02\x01" + bytes(257) + mp3(38) + b"TAG" + bytes(125)
    assert inspect_media(tagged, LIMITS).duration_ms == 992


def test_an_animation_is_taken_with_its_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])

    assert inspect_media(target.getvalue(), LIMITS).width == 8


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7 ...", "is a PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "is an SVG drawing"),
        (b"<?xml version='1.0'?>\n<svg></svg>", "is an SVG drawing"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "is an HTML page"),
        (b"PK\x03\x04rest", "is a ZIP archive"),
        (b"only words", "is a text"),
        (b"\x00\x00\x00\x18ftypheic", "is a HEIC image"),
        (b"\x00\x00\x00\x18ftypisom", "a video"),
        (b"OggS....", "is an Ogg file"),
        (b"BM......", "is a BMP image"),
        (b"\x89\x00\xff\xfe\x01", "is no image and no audio"),
        (b"\x89PNG\r\n\x1a\n" + b"junk" * 10, "begins like a PNG image and is broken"),
        (b"GIF89a", "begins like a GIF image and is broken"),
        (b"\xff\xd8\xff" + bytes(50), "begins like a JPEG image and is broken"),
        (b"RIFF\x00\x00\x00\x00WEBP" + bytes(30), "begins like a WebP image and is broken"),
        (b"RIFF\x00\x00\x00\x00WAVE" + bytes(30), "is a WAV that cannot be read"),
        (b"\xff\xfb\x90\x00" + bytes(413), "begins like an MP3 and is broken"),
        (mp3(2) + bytes(3000), "begins like an MP3 and is broken"),
        (bytes(200_001), "has 200,001 bytes; at most 200,000"),
    ],
)
def test_what_is_no_image_and_no_audio_is_called_by_its_name(data: bytes, says: str) -> None:
    assert says in why_not(data)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_image_that_is_cut_off_is_refused(form: str) -> None:
    target = io.BytesIO()
    Image.effect_noise((64, 64), 80).convert("RGB").save(target, form)
    whole = target.getvalue()

    assert "is broken" in why_not(whole[: len(whole) // 2])


def test_a_sound_that_is_cut_off_is_refused() -> None:
    assert "cut off" in why_not(wav(0.5)[:-1000])


def wav_of(
    code: int = 1,
    *,
    channels: int = 1,
    bits: int = 16,
    before: bytes = b"",
    size: int | None = None,
    riff_size: int | None = None,
    subformat: int | None = None,
) -> bytes:
    """Return a tenth of a second at 8 kHz, with a header of this kind."""
    block = channels * -(-bits // 8)
    samples = bytes(800 * block)
    form = struct.pack("<HHLLHH", code, channels, 8000, 8000 * block, block, bits)
    if subformat is not None:
        tail = bytes.fromhex("000000001000800000aa00389b71")
        form += struct.pack("<HHLH", 22, bits, 0, subformat) + tail
    chunks = before + b"fmt " + struct.pack("<L", len(form)) + form
    chunks += b"data" + struct.pack("<L", len(samples) if size is None else size) + samples
    length = len(chunks) + 4 if riff_size is None else riff_size
    return b"RIFF" + struct.pack("<L", length) + b"WAVE" + chunks


@pytest.mark.parametrize(
    "data",
    [
        wav_of(),
        wav_of(bits=24),
        wav_of(channels=2, bits=8),
        wav_of(0xFFFE, subformat=1),
        wav_of(0xFFFE, channels=6, bits=24, subformat=1),
        # Written to a pipe: the sizes are not known when the header is written.
        wav_of(size=0xFFFF_FFFF, riff_size=0xFFFF_FFFF),
        wav_of(size=0x7FFF_FFFF, riff_size=0x7FFF_FFFF),
        wav_of(size=0x7FFF_F000, riff_size=0x7FFF_F024),
        wav_of(size=0, riff_size=0),
        wav_of(0xFFFE, subformat=1, size=0xFFFF_FFFF, riff_size=0xFFFF_FFFF),
        # Other chunks before, one of an odd length and so with a byte of padding.
        wav_of(before=b"LIST" + struct.pack("<L", 3) + b"abc\x00"),
    ],
)
def test_pcm_is_taken_whichever_header_says_so(data: bytes) -> None:
    found = inspect_media(data, LIMITS)

    assert (found.media_type, found.duration_ms) == ("audio/wav", 100)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (wav_of(3, bits=32), "its format is floating-point samples"),
        (wav_of(7, bits=8), "its format is µ-law"),
        (wav_of(0xFFFE, bits=32, subformat=3), "its format is floating-point samples"),
        (wav_of(0xFFFE), "its extended format is unknown"),
        (wav_of(999), "its format is number 999"),
        (wav_of(channels=0), "0 channels of 16 bits do not make 0 bytes"),
        (wav_of(bits=64), "1 channels of 64 bits do not make 8 bytes"),
        (wav_of()[:36], "it ends before its samples"),
        (wav_of()[:12], "it has no format"),
        (wav_of()[:24], "its format is cut off"),
        (b"RIFF\x00\x00\x00\x00WAVEdata\x04\x00\x00\x00abcd", "does not come before its samples"),
        (wav_of(size=5000), "cut off: 800 of 2,500 samples are there"),
        (wav_of(size=0), "cut off: 0 of 0 samples are there"),
    ],
)
def test_a_wav_that_is_not_taken_is_told_why(data: bytes, says: str) -> None:
    assert says in why_not(data)


def test_the_reported_sounds_are_taken() -> None:
    for name in ("call-extensible.wav", "call-piped.wav"):
        found = inspect_media((folder("35") / name).read_bytes(), LIMITS)

        assert (found.media_type, found.duration_ms) == ("audio/wav", 100)


def test_a_rate_that_would_cheat_the_bound_of_its_cost_is_refused() -> None:
    assert "4,000 to 384,000" in why_not(wav(rate=100, seconds=5))


def png_of(width: int, height: int) -> bytes:
    """Return a small file that claims to be huge."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    import tracemalloc

    tracemalloc.start()
    said = why_not(png_of(40_000, 40_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert "40,000 × 40,000 pixels" in said
    assert peak < 5_000_000


@given(st.binary(max_size=200), st.sampled_from([b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"ID3"]))
def test_any_bytes_are_judged(data: bytes, head: bytes) -> None:
    with contextlib.suppress(NotMedia):
        assert inspect_media(head + data, LIMITS).size
