"""Detection of a file's type from its bytes only: never from its name or its sender's claim.

An image is decoded completely, so that every stored one can be shown and sent; its pixels are
counted from the header first. Only the four formats that every provider accepts are ever passed to
the decoder.
"""

import hashlib
import io
import threading
from collections import OrderedDict
from dataclasses import dataclass

from plumbmark.common.file_types import detect_file_type
from plumbmark.engine.media import AUDIO, IMAGE
from tasks_app.datasets.media.wav import WavError, read_wav

_IMAGE_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
}
"""The names by which the decoder knows them; no other format is ever handed to it."""
ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
}
TAKEN = "PNG, JPEG, WebP and GIF images, WAV and MP3 audio are taken"
_SAMPLE_RATES = range(4_000, 384_001)
_ONE_DECODES = threading.Lock()
"""Decoded pixels are many times a file's size: one image at a time in a process."""

_OTHERS = {
    "application/pdf": "a PDF",
    "application/zip": "a ZIP archive or an office document",
    "application/gzip": "a gzip file",
    "image/bmp": "a BMP image",
    "image/tiff": "a TIFF image",
    "image/x-icon": "an icon",
    "image/heic": "a HEIC image",
    "image/heif": "a HEIF image",
    "image/avif": "an AVIF image",
    "audio/ogg": "an Ogg file",
    "audio/flac": "a FLAC file",
    "audio/mp4": "an M4A file",
    "video/x-matroska": "a Matroska or WebM file",
    "video/mp4": "a video or an MPEG-4 file",
    "application/x-executable": "a program",
}
"""Types of files that are not taken, as they are called in messages."""


class NotMedia(ValueError):
    """The bytes are not an accepted image or audio; the message says what they are."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """The limits of one file."""

    file_bytes: int = 10 * 1024 * 1024
    pixels: int = 25_000_000


@dataclass(frozen=True, slots=True)
class Media:
    """An image or audio as its bytes tell."""

    sha256: str
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None

    @property
    def kind(self) -> str:
        return kind_of(self.media_type)


def kind_of(media_type: str) -> str:
    return IMAGE if media_type.startswith("image/") else AUDIO


def inspect_media(data: bytes, limits: MediaLimits) -> Media:
    """Detect the type of a file by its bytes; `NotMedia` says what is wrong with them."""
    if not data:
        raise NotMedia("is empty")
    if len(data) > limits.file_bytes:
        raise NotMedia(f"has {len(data):,} bytes; at most {limits.file_bytes:,} are taken")
    seen = (hashlib.sha256(data).hexdigest(), limits.pixels)
    known = _SEEN.get(seen)
    if known is None:
        known = _inspect(data, seen[0], limits)
        _SEEN[seen] = known
        while len(_SEEN) > _MAX_DETECTED_BYTES:
            _SEEN.popitem(last=False)
    return known


_SEEN: OrderedDict[tuple[str, int], Media] = OrderedDict()
"""Facts of accepted files: a preview reads the same ones again and again."""
_MAX_DETECTED_BYTES = 20_000


def _inspect(data: bytes, digest: str, limits: MediaLimits) -> Media:
    media_type = detect_file_type(data)
    if (form := _IMAGE_FORMATS.get(media_type)) is not None:
        width, height = _check_image(data, form, limits)
        return Media(digest, media_type, len(data), width, height)
    if media_type == "audio/wav":
        return Media(digest, media_type, len(data), duration_ms=_check_wav(data))
    start = _after_id3(data)
    if _frame(data, start) is not None:
        return Media(digest, "audio/mpeg", len(data), duration_ms=_check_mp3(data, start))
    raise NotMedia(f"is {_instead(data)}; {TAKEN}")


def _check_image(data: bytes, form: str, limits: MediaLimits) -> tuple[int, int]:
    # Here, because only who takes files needs the decoder: no worker, and not the gateway.
    from PIL import Image

    # Pixels are bounded below, by a setting, before anything is decoded.
    Image.MAX_IMAGE_PIXELS = None
    format_name = "WebP" if form == "WEBP" else form
    try:
        with _ONE_DECODES, Image.open(io.BytesIO(data), formats=[form]) as image:
            width, height = image.size
            if width * height > limits.pixels:
                raise NotMedia(
                    f"is a {format_name} of {width:,} × {height:,} pixels; at most "
                    f"{limits.pixels:,} pixels are taken"
                )
            # Of an animation the first frame: providers use no other.
            image.load()
    except NotMedia:
        raise
    except Exception as error:
        # A decoder meets broken files with all kinds of exceptions.
        reason = str(error).rstrip(".")[:120] or type(error).__name__
        raise NotMedia(f"begins like a {format_name} image and is broken: {reason}") from error
    return width, height


def _check_wav(data: bytes) -> int:
    try:
        sound = read_wav(data)
    except WavError as error:
        raise NotMedia(f"is a WAV that cannot be read ({error}); PCM samples are taken") from error
    if sound.rate not in _SAMPLE_RATES:
        raise NotMedia(f"is a WAV of {sound.rate:,} samples a second; 4,000 to 384,000 are taken")
    there = sound.frames_there
    if not there or there < sound.frames:
        raise NotMedia(f"is a WAV that is cut off: {there:,} of {sound.frames:,} samples are there")
    return sound.frames * 1000 // sound.rate


# --- MP3 --------------------------------------------------------------------------------------

_BITRATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def _after_id3(data: bytes) -> int:
    """Return where the sound begins: after an ID3v2 tag, if there is one."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return size + (20 if data[5] & 0x10 else 10)


def _frame(data: bytes, at: int) -> tuple[int, float] | None:
    """Return the length in bytes and in seconds of the frame of layer III that begins there."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    bitrate_index, rate_index = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer != 1 or rate_index == 3 or bitrate_index in (0, 15):
        return None
    bitrate = _BITRATES[1 if version == 3 else 2][bitrate_index] * 1000
    rate = _RATES[version][rate_index]
    samples = 1152 if version == 3 else 576
    length = samples // 8 * bitrate // rate + (data[at + 2] >> 1 & 1)
    return length, samples / rate


def _check_mp3(data: bytes, start: int) -> int:
    at, seconds, count = start, 0.0, 0
    while (frame := _frame(data, at)) is not None and at + frame[0] <= len(data):
        at += frame[0]
        seconds += frame[1]
        count += 1
    # Two frames in a row are not an accident; tags may follow the last, but not be most of the
    # file.
    if count < 2 or at - start < (len(data) - start) // 2:
        raise NotMedia("begins like an MP3 and is broken: its frames do not follow each other")
    return int(seconds * 1000)


# --- What it is instead -----------------------------------------------------------------------


def _instead(data: bytes) -> str:
    if (name := _OTHERS.get(detect_file_type(data))) is not None:
        return name
    head = data[:512].lstrip().lower()
    if b"<svg" in head:
        return "an SVG drawing"
    if head.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    try:
        data[:256].decode("utf-8")
    except UnicodeDecodeError:
        return "no image and no audio"
    return "a text"
