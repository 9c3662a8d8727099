"""The encoding of a text file, found from its bytes."""

import codecs
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from plumbmark.common.errors import InvalidInput, Problem

_CHUNK = 1 << 20
_SAMPLE = 256 * 1024
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LABELS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-32": "UTF-32",
    "cp1252": "Windows-1252 (Western Europe)",
    "cp1250": "Windows-1250 (Central Europe)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1255": "Windows-1255 (Hebrew)",
    "cp1256": "Windows-1256 (Arabic)",
    "mac_roman": "Mac Roman",
    "cp932": "Shift JIS (Japanese)",
    "euc_jp": "EUC-JP (Japanese)",
    "gb18030": "GB 18030 (Chinese)",
    "big5": "Big5 (Chinese)",
    "cp949": "CP949 (Korean)",
    "koi8_r": "KOI8-R (Cyrillic)",
}
"""The choices that people are offered; the keys are names of Python's codecs."""
_OF_ONE_BYTE = [name for name in LABELS if name not in {"utf-8", "utf-16", "utf-32"}]
_WESTERN_LETTERS = frozenset("äöüßÄÖÜàâæçéèêëîïôœùûÿÀÂÆÇÉÈÊËÎÏÔŒÙÛŸáíóúñÁÍÓÚÑãõÃÕåøÅØìòÌÒ’")
_WESTERN_SIGNS = frozenset("¿¡€£¥§°²³µ½¼¾«»„“”‘‚…–—•©®™×÷±·\u00a0")
_LIKE_WESTERN = {"cp1250", "cp1254", "mac_roman"}
"""They differ from Windows-1252 in so few letters that statistics confuse them."""
_MANY = 40
"""Characters outside of ASCII from which on statistics of languages decide."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding and where it is known from."""

    name: str
    """Of Python's codec."""
    is_guess: bool

    @property
    def label(self) -> str:
        return LABELS.get(self.name.removesuffix("-sig"), self.name)


def detect_encoding(path: Path) -> Encoding:
    """Return the encoding of a text file: by its mark, as UTF-8, or by the letters that it has.

    UTF-8 is checked over the whole file, since nothing else looks like it by accident. Raises
    `InvalidInput` for files that are no text.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return Encoding(name, is_guess=False)
    if wide := _wide_encoding(head):
        return Encoding(wide, is_guess=True)
    fault = _first_fault(path)
    if fault is None:
        return Encoding("utf-8", is_guess=False)
    if b"\x00" in head:
        raise InvalidInput([Problem("the file is no text: it has null bytes")])
    return Encoding(_guess(_sample_at(path, fault)), is_guess=True)


def _wide_encoding(head: bytes) -> str:
    """Return which UTF-16 a text without a mark is in: every other byte of Latin text is null."""
    pairs = len(head) // 2
    if pairs < 2:
        return ""
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if odd > 0.4 * pairs and even < 0.1 * pairs:
        name = "utf-16-le"
    elif even > 0.4 * pairs and odd < 0.1 * pairs:
        name = "utf-16-be"
    else:
        return ""
    text = head[: 2 * pairs].decode(name, errors="replace")
    controls = sum(ord(letter) < 32 and letter not in "\t\r\n" for letter in text)
    return name if controls < 0.01 * pairs else ""


def _first_fault(path: Path) -> int | None:
    """Return about where a file stops being UTF-8; None if it is UTF-8 to its end."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    read = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return read + error.start
            if not chunk:
                return None
            read += len(chunk)


def _sample_at(path: Path, fault: int) -> bytes:
    """Return the letters outside of ASCII with their surroundings, from the first fault on."""
    with path.open("rb") as file:
        file.seek(max(0, fault - 1000))
        return file.read(_SAMPLE)


def _guess(sample: bytes) -> str:
    western = _decoded(sample, "cp1252")
    is_western = western is not None and _looks_western(western)
    if is_western and sum(byte > 127 for byte in sample) < _MANY:
        return "cp1252"
    best = charset_normalizer.from_bytes(sample, cp_isolation=_OF_ONE_BYTE).best()
    if best is None or (is_western and best.encoding in _LIKE_WESTERN):
        return "cp1252"
    return best.encoding


def _looks_western(text: str) -> bool:
    """Return whether all letters are of Western Europe, and no sign stands within a word."""
    for before, letter, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if ord(letter) < 128 or letter in _WESTERN_LETTERS:
            continue
        if letter not in _WESTERN_SIGNS or (before.isalpha() and after.isalpha()):
            return False
    return True


def _decoded(sample: bytes, name: str) -> str | None:
    try:
        return sample.decode(name)
    except UnicodeDecodeError:
        return None
