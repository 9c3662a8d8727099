"""The chunks of a WAV file.

Python's own `wave` takes other formats from version to version, and believes the sizes of a file
that was written to a pipe.
"""

import struct
from dataclasses import dataclass

_PCM = 1
_EXTENSIBLE = 0xFFFE
_NAMES = {
    2: "ADPCM",
    3: "floating-point samples",
    6: "A-law",
    7: "µ-law",
    17: "IMA ADPCM",
    85: "MP3",
}
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""Of the identifiers whose first two bytes are the code of a format."""
_MIN_UNKNOWN_SIZE = 0x7FFF_F000
"""From here on a size is what programs write that do not know it yet."""


class WavError(ValueError):
    """Why the samples cannot be read."""


@dataclass(frozen=True, slots=True)
class Wav:
    """The samples of a file, as it describes them and as they are there."""

    rate: int
    """Samples of a channel in a second."""
    frames: int
    """Samples of a channel, as the file says; what is there, where it does not say."""
    frames_there: int


def read_wav(data: bytes) -> Wav:
    """Return what a RIFF file of PCM samples has in it."""
    rate = block = 0
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if kind == b"fmt ":
            rate, block = _read_format(data[at : at + size])
        elif kind == b"data":
            if not block:
                raise WavError("its format does not come before its samples")
            return _measure(data, at, size, rate, block)
        # Chunks begin at even places.
        at += size + size % 2
    raise WavError("it ends before its samples" if block else "it has no format")


def _read_format(content: bytes) -> tuple[int, int]:
    """Return the rate, and the bytes of one sample of all channels."""
    if len(content) < 16:
        raise WavError("its format is cut off")
    code, channels, rate, _, block, bits = struct.unpack_from("<HHLLHH", content)
    if code == _EXTENSIBLE:
        identifier = content[24:40]
        if len(identifier) < 16 or identifier[2:] != _SUBFORMAT_TAIL:
            raise WavError("its extended format is unknown")
        code = int.from_bytes(identifier[:2], "little")
    if code != _PCM:
        raise WavError(f"its format is {_NAMES.get(code, f'number {code}')}")
    if not channels or not 1 <= bits <= 32 or block != channels * -(-bits // 8):
        raise WavError(f"{channels} channels of {bits} bits do not make {block} bytes")
    return rate, block


def _measure(data: bytes, at: int, size: int, rate: int, block: int) -> Wav:
    there = len(data) - at
    # A recorder that writes to a pipe cannot go back to say how much it wrote.
    riff_size = int.from_bytes(data[4:8], "little")
    is_unknown = size >= _MIN_UNKNOWN_SIZE or (size == 0 and riff_size in {0, 0xFFFF_FFFF})
    if is_unknown:
        return Wav(rate, there // block, there // block)
    return Wav(rate, size // block, min(size, there) // block)
