"""Tables as downloads, written before the first byte is sent.

So an error is a page and no broken file, and a slow reader keeps no query of the database open.
"""

import tempfile
from functools import partial
from typing import IO

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from plumbmark.common.client_addresses import network_of
from plumbmark.common.heavy_work import heavy_work
from plumbmark.common.table_files import MEDIA_TYPES, WRITERS, TableFile, write_csv

HEAVY_ROWS = 10_000
"""A table with so many rows takes a web process about a tenth of a second or longer."""
MAX_IN_MEMORY = 1024 * 1024


def respond_with_table(
    request: HttpRequest, table: TableFile, extension: str, *, expected_rows: int
) -> HttpResponseBase:
    """Return a table as a file. Each reader gets one large file at a time."""
    if extension not in WRITERS:
        raise Http404
    write = WRITERS[extension]
    if extension == "csv" and request.GET.get("bom") == "1":
        write = partial(write_csv, with_bom=True)
    target = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY)  # noqa: SIM115 - see below
    try:
        with heavy_work(owner=reader_of(request), is_heavy=expected_rows >= HEAVY_ROWS):
            write(table, target)
        response = respond_with_written(target)
    except BaseException:
        target.close()
        raise
    mark_as_file(response, f"{table.name}.{extension}", MEDIA_TYPES[extension])
    return response


def respond_with_written(target: IO[bytes]) -> HttpResponseBase:
    """Return what was written to a temporary file. A small one is closed at once, a large one by
    the response.
    """
    size = target.tell()
    target.seek(0)
    if size > MAX_IN_MEMORY:
        response = FileResponse(target)
        response["Content-Length"] = str(size)
        return response
    content = target.read()
    target.close()
    return HttpResponse(content)


def mark_as_file(response: HttpResponseBase, name: str, media_type: str) -> None:
    """Set the headers of a download. `name` consists of letters, digits, `.`, `-` and `_`."""
    response["Content-Type"] = media_type
    response["Content-Disposition"] = f'attachment; filename="{name}"'


def reader_of(request: HttpRequest) -> str:
    """Return whom a limit counts: the person, or the network that a stranger comes from."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return f"user-{user.pk}"
    return f"network-{network_of(request.META.get('REMOTE_ADDR', ''))}"
