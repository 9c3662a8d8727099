"""Upper bounds of the tokens of files in a message, by the rules of the providers. Pure.

What a file is counts by its bytes, not by what its sender calls it. Providers read a PDF page by
page: its text, and an image of the page. They read text as text. What is not bounded by anything
that can be counted here, such as a video, whose length is only claimed by its own header, raises
`CannotBound`.
"""

import binascii
import io
import re

from plumbmark.common.errors import DomainError
from plumbmark.common.file_types import SIGNATURE_BYTES, detect_file_type

TOKENS_PER_IMAGE = 48_169
"""The most of all known providers: gpt-4o-mini counts 2,833 + 8 × 5,667 for an image of eight tiles
at full detail (https://platform.openai.com/docs/guides/images-vision).
"""
TOKENS_PER_PDF_PAGE = 8_192
"""Anthropic counts up to 3,000 tokens of text and 4,784 for the image of a page, OpenAI the text
and an image, Gemini 258 to 1,120 in all.
"""
BASE64_PER_AUDIO_TOKEN = 16
"""No provider counts more than 32 tokens a second, and no audio has under 1,000 bytes of one."""
_PAGE = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_TEXT_TYPES = {"application/json", "application/xml", "application/javascript"}
_MP3_STARTS = (b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2")


class CannotBound(DomainError):
    """There is no upper bound for what a part of the request costs."""

    code = "cannot-bound"


def bound_data_url(url: str) -> int:
    """Return the most tokens that the file in a `data:` URL can count for.

    Raises `CannotBound` for what is no image, PDF, text, WAV or MP3, or cannot be read.
    """
    found = _DATA_URL.match(url[:300])
    if found is None:
        raise CannotBound("A file is no data: URL, so there is no upper bound for its cost.")
    declared, encoded = found[1].strip().lower(), url[found.end() :]
    if "base64" not in found[2].lower():
        raise CannotBound("A file is no base64, so there is no upper bound for its cost.")
    start = _decode(encoded[: SIGNATURE_BYTES * 4])[:SIGNATURE_BYTES]
    kind = detect_file_type(start)
    if (kind or declared).startswith("image/"):
        return TOKENS_PER_IMAGE
    if kind == "application/pdf":
        return bound_pdf(_decode(encoded))
    if kind == "audio/wav" or (not kind and start.startswith(_MP3_STARTS)):
        return len(encoded) // BASE64_PER_AUDIO_TOKEN
    if not kind and (declared.startswith("text/") or declared in _TEXT_TYPES):
        return _bound_text(_decode(encoded))
    raise CannotBound(
        f"There is no upper bound for the cost of a file of type {kind or declared or 'unknown'}. "
        "Images, PDF, text, WAV and MP3 can be bounded; so can any file where the model's context "
        "is known."
    )


def _decode(encoded: str) -> bytes:
    plain = "".join(encoded.split()).replace("-", "+").replace("_", "/").replace("%3D", "=")
    try:
        return binascii.a2b_base64(plain.rstrip("=") + "=" * (-len(plain.rstrip("=")) % 4))
    except ValueError:
        raise CannotBound("A file is no base64, so there is no upper bound for its cost.") from None


def _bound_text(data: bytes) -> int:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise CannotBound(
            "A text file is no UTF-8, so there is no upper bound for its cost."
        ) from None
    return len(data)


def bound_pdf(data: bytes) -> int:
    """Return the most tokens that a PDF can count for: its pages at the dearest provider's rule.

    Pages are counted in the document's tree, and by their marks in the bytes, in case another
    reader finds pages that this one does not.
    """
    # Here, since it takes every process that starts 40 ms, and PDF files are rare.
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
        is_encrypted = reader.is_encrypted
        pages = 0 if is_encrypted else len(reader.pages)
    except Exception as error:  # The library raises many kinds for files that are no PDF.
        raise CannotBound(
            f"A PDF cannot be read ({type(error).__name__}), so there is no upper bound for its "
            "cost. Save it again with another program."
        ) from None
    if is_encrypted:
        raise CannotBound(
            "A PDF is encrypted, so there is no upper bound for its cost. Save it without a "
            "password."
        )
    return max(1, pages, len(_PAGE.findall(data))) * TOKENS_PER_PDF_PAGE
