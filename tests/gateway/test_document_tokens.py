"""What files in a message can cost at most, and the refusal of what cannot be bounded."""

import base64
import io
import wave
from typing import Any

import pytest
from pypdf import PdfWriter

from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.catalogue import prices
from plumbmark.gateway.catalogue.document_tokens import (
    TOKENS_PER_IMAGE,
    TOKENS_PER_PDF_PAGE,
    CannotBound,
    bound_data_url,
    bound_pdf,
)
from plumbmark.gateway.models import Call
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(40)


def pdf(pages: int, password: str = "") -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=200, height=200)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def wav(seconds: int) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(8000 * seconds))
    return made.getvalue()


def data_url(data: bytes, kind: str = "application/octet-stream") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def request(data: bytes, kind: str = "application/pdf") -> ModelRequest:
    file = {"type": "file", "file": {"file_data": data_url(data, kind), "filename": "x"}}
    return ModelRequest([{"role": "user", "content": [file]}], max_output_tokens=32)


@pytest.mark.parametrize("pages", [1, 3, 40])
def test_a_pdf_is_bounded_by_its_pages(pages: int) -> None:
    assert bound_pdf(pdf(pages)) == pages * TOKENS_PER_PDF_PAGE


def test_pages_that_the_tree_leaves_out_count_too() -> None:
    hidden = pdf(2) + b"\n9 0 obj << /Type /Page >> endobj\n" * 98

    assert bound_pdf(hidden) == 100 * TOKENS_PER_PDF_PAGE


@pytest.mark.parametrize(
    ("data", "declared", "tokens"),
    [
        (PNG, "image/png", TOKENS_PER_IMAGE),
        (PNG, "text/plain", TOKENS_PER_IMAGE),
        (pdf(2), "text/plain", 2 * TOKENS_PER_PDF_PAGE),
        ("Größe".encode(), "text/plain", 7),
        (b'{"a": 1}', "application/json", 8),
    ],
)
def test_a_file_counts_by_its_bytes(data: bytes, declared: str, tokens: int) -> None:
    assert bound_data_url(data_url(data, declared)) == tokens


def test_sound_is_bounded_by_its_length() -> None:
    # 8,000 bytes a second, of which no provider counts more than 32 tokens.
    assert bound_data_url(data_url(wav(30), "audio/wav")) >= 30 * 32


@pytest.mark.parametrize(
    ("data", "declared", "said"),
    [
        (MP4, "video/mp4", "file of type video/mp4"),
        (MP4, "text/plain", "file of type video/mp4"),
        (b"\x1aE\xdf\xa3" + bytes(40), "video/webm", "video/x-matroska"),
        (b"PK\x03\x04" + bytes(40), "application/zip", "application/zip"),
        (b"\x00\x01\x02", "", "unknown"),
        (b"\xff\xfe\x00", "text/plain", "no UTF-8"),
        (b"%PDF-1.7 and nothing more", "application/pdf", "cannot be read"),
        (pdf(1, "secret"), "application/pdf", "encrypted"),
    ],
)
def test_what_has_no_bound_is_named(data: bytes, declared: str, said: str) -> None:
    with pytest.raises(CannotBound, match=said):
        bound_data_url(data_url(data, declared))


@pytest.mark.parametrize("url", ["data:application/pdf,%25PDF", "data:text/plain;base64,§§§"])
def test_what_is_no_base64_has_no_bound(url: str) -> None:
    with pytest.raises(CannotBound):
        bound_data_url(url)


def test_a_file_without_a_bound_is_bounded_by_the_models_context() -> None:
    card = prices.FixedPrices(1_000_000, 0)

    assert prices.bound_call_cost(card, request(MP4), None, 5_000) == 5_000
    with pytest.raises(CannotBound):
        prices.bound_call_cost(card, request(MP4))


def test_the_platforms_key_pays_for_no_file_without_a_bound(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)

    refused = rows.call_one(grant, deployment, request(MP4, "video/mp4"))
    bounded = rows.call_one(grant, deployment, request(pdf(3)))
    known = rows.deployment(fake_provider.url, slug="fake/known")
    known.model.context_tokens = 1_000_000
    known.model.save()
    in_context = rows.call_one(rows.grant(grant.payer, known), known, request(MP4, "video/mp4"))

    assert refused.failure is not None
    assert (refused.failure.code, refused.attempts) == ("cannot-bound", 0)
    assert "video/mp4" in refused.failure.message
    assert (bounded.attempts, in_context.attempts) == (1, 1)
    assert Call.objects.count() == 2


def test_an_own_key_may_be_asked_about_any_file(
    store: Store, fake_provider: FakeProvider, settings: Any
) -> None:
    settings.ALLOW_PRIVATE_PROVIDERS = True
    anna = rows.namespace()
    deployment = rows.deployment(fake_provider.url, owner=anna, priced=False)

    result: Any = rows.call_one(rows.grant(anna, deployment), deployment, request(MP4))

    assert result.attempts == 1
