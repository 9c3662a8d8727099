"""Real images and sounds, made on the spot."""

import base64
import io
import math
import wave
import zipfile
from collections.abc import Mapping

from PIL import Image


def image(form: str = "PNG", colour: str = "red", size: tuple[int, int] = (32, 24)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, form)
    return target.getvalue()


def wav(seconds: float = 0.2, pitch: int = 440, rate: int = 8000) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        for n in range(int(seconds * rate)):
            level = int(12_000 * math.sin(2 * math.pi * pitch * n / rate))
            sound.writeframesraw(level.to_bytes(2, "little", signed=True))
    return target.getvalue()


def mp3(frames: int = 10) -> bytes:
    """Return silence: 128 kbit/s at 44.1 kHz, 417 bytes a frame."""
    return (b"\xff\xfb\x90\x00" + bytes(413)) * frames


def zipped(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
