"""Answering with an image or a sound: to who may see the item, and never as anything else."""

import re
from collections.abc import Sequence

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import content_disposition_header, parse_etags

from tasks_app.models import Attachment, AttachmentUse, Item, TaskDraft

# Browsers display a directly opened image with their own styles; nothing else runs.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
_RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})")


def attachment_of_item(item: Item, sha256: str) -> tuple[Attachment, str]:
    """Return an attachment of an item that the visitor may see, with its name; 404 if there is
    none.
    """
    if not item.is_withheld:
        for one in item.attachments:
            if one["sha256"] == sha256:
                return _attachment(sha256), one["name"]
    raise Http404


def attachment_of_draft(draft: TaskDraft, sha256: str) -> tuple[Attachment, str]:
    use = AttachmentUse.objects.filter(draft=draft, attachment__sha256=sha256).first()
    if use is None:
        raise Http404
    return _attachment(sha256), use.name


def _attachment(sha256: str) -> Attachment:
    row = Attachment.objects.filter(sha256=sha256, withheld_at__isnull=True).first()
    if row is None:
        raise Http404
    return row


def attachment_response(request: HttpRequest, found: tuple[Attachment, str]) -> HttpResponse:
    """Return the bytes with their detected type, or the part of them that was requested."""
    attachment, name = found
    # `GZipMiddleware` would pack what is packed already, and make nonsense of a part.
    request.META.pop("HTTP_ACCEPT_ENCODING", None)
    etag = f'"{attachment.sha256}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        return _with_headers(HttpResponseNotModified(), attachment, name)
    try:
        with attachment.file.open("rb") as file:
            data: bytes = file.read()
    except FileNotFoundError as error:
        raise Http404 from error
    part = _part(request.headers.get("Range", ""), len(data))
    response = HttpResponse(
        data if part is None else data[part.start : part.stop],
        content_type=attachment.media_type,
        status=200 if part is None else 206,
    )
    if part is not None:
        response.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(data)}"
    return _with_headers(response, attachment, name)


def _part(range_header: str, size: int) -> range | None:
    """Return the requested part: players ask for parts to seek in a sound. Other headers are
    ignored.
    """
    match = _RANGE.fullmatch(range_header.strip())
    if match is None or int(match[1]) >= size:
        return None
    stop = min(size, int(match[2]) + 1) if match[2] else size
    return range(int(match[1]), stop) if stop > int(match[1]) else None


def _with_headers(response: HttpResponse, attachment: Attachment, name: str) -> HttpResponse:
    headers = response.headers
    headers["ETag"] = f'"{attachment.sha256}"'
    headers["Accept-Ranges"] = "bytes"
    # Its visibility may change; its identity may not.
    headers["Cache-Control"] = "private, no-cache"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Content-Security-Policy"] = _POLICY
    disposition = content_disposition_header(False, name.rpartition("/")[2])
    headers["Content-Disposition"] = disposition or "inline"
    return response


__all__: Sequence[str] = ["attachment_of_draft", "attachment_of_item", "attachment_response"]
