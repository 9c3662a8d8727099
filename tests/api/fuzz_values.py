"""Values that are seldom sent: replaced in valid bodies, and written into addresses and headers."""

import copy
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any
from urllib.parse import unquote_to_bytes

JUNK: Sequence[Any] = (
    *(None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**40),
    *("", " ", "0", "-1", "null", "\0", "a\0b", "\ud800", "\U0001f600", "‮", "é" * 300, "%00"),
    *("x" * 5000, "../../etc/passwd", "<script>", "' OR 1=1 --", "{question}", "a\r\nb: c"),
    *([], {}, [None], [[]], {"": {}}, {"a": {"b": []}}, ["x"] * 1100, [{}], "9" * 400),
)
"""In JSON bodies."""

JUNK_TEXTS: Sequence[str] = (
    *("%00", "%ff", "%c3%28", "%ed%a0%80", "%0a", "%0d%0aa:b", "%e2%80%ae", "%25", "%2e%2e", "%f0"),
    *("-1", "0", "1.5", "1e9", "99999999999999999999", "9" * 300, "nan", "%C2%B2", "null", ""),
    *(
        "cD0x",
        "cD0tMQ==",
        "cj0xJnA9MQ==",
        "bz05OTk5OTk5OTk5OTk5OTk5",
        "cD0lMDA=",
        "AAAA",
        "=",
        "%3D",
    ),
    *("x" * 3000, "%27", "%22%3E", "..", "~", "a%2Fb", "[]", "{}", "true"),
)
"""Percent-encoded, for paths and queries; the third line looks like cursors."""

JUNK_VALUES = [unquote_to_bytes(text).decode("utf-8", "replace") for text in JUNK_TEXTS]
"""The same as they are read."""

JUNK_HEADERS: Sequence[dict[str, str]] = (
    {"If-Match": '"x'},
    {"If-None-Match": 'W/"\xff", *, "'},
    {"If-Modified-Since": "yesterday", "If-Unmodified-Since": "Mon, 99 Foo 0000 99:99:99 GMT"},
    {"If-Modified-Since": "Sun, 00 Jan 99999999999999999999 00:00:00 GMT"},
    {"Range": "bytes=9999999999999999999999-"},
    {"Range": "bytes=-0", "If-Range": "\xe9"},
    {"Range": "lines=a-b"},
    {"Accept": "text/nothing"},
    {"Accept": "*/*;q=x, ;;;"},
    {"Accept-Encoding": "\xff;q=9", "Accept-Language": "x" * 500},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer \xff\xfe"},
    {"Authorization": "Basic !!!"},
    {"Authorization": "Basic /////w=="},
    {"Authorization": "Bearer pmg_.zz.p.AAAA"},
    {"Authorization": "Bearer a b c"},
    {"Cookie": "sessionid=\xff; csrftoken=; theme=%00; messages=W10:x"},
    {"X-Request-Id": "\x7f" * 300},
    {"X-HTTP-Method-Override": "DELETE"},
    {"Idempotency-Key": "\xff" * 300},
    {"Idempotency-Key": " \xa0"},
    {"Origin": "null", "Referer": "http://[::1"},
    {"HX-Request": "true", "HX-Current-URL": "http://[", "HX-Target": "\xff"},
    {"X-Forwarded-For": "999.1.1.1, \xff", "Forwarded": "for=;"},
)
"""As WSGI has them: each character a byte."""

JUNK_CONTENTS: Sequence[tuple[str, bytes]] = (
    ("application/json", b""),
    ("application/json", b"{"),
    ("application/json", b"[" * 3000),
    ("application/json", b'{"a": ' * 500 + b"1" + b"}" * 500),
    ("application/json", b'{"title": "a", "title": "b"}'),
    ("application/json", b'{"title": "\\ud800"}'),
    ("application/json", b'{"\\u0000": 1}'),
    ("application/json", b'{"title": "\xff"}'),
    ("application/json", b"\xff\xfe{\x00}\x00"),
    ("application/json", b'{"title": NaN, "size": 1e999, "seed": -Infinity}'),
    ("application/json", b'{"size": ' + b"9" * 5000 + b"}"),
    ("application/json; charset=utf-7", b'{"title": "+AGE-"}'),
    ("application/json; charset=nothing", b'{"title": "a"}'),
    ("application/JSON ;x", b"{}"),
    ("text/plain", b"title=a"),
    ("nothing", b"{}"),
    ("", b"{}"),
    ("multipart/form-data", b"--x"),
    ("multipart/form-data; boundary=", b"--x"),
    ("multipart/form-data; boundary=\xff", b"--x"),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--"),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="\xff\x00/../"\r\n'
        b"Content-Type: \xff\r\n\r\na\xff\x00\r\n--x--\r\n",
    ),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="title"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n!\r\n--x--\r\n",
    ),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="definition"\r\n\r\na\x00\xff\r\n--x--\r\n',
    ),
    ("application/x-www-form-urlencoded", b"title=%ff&a=%00&=&&b"),
    ("application/x-www-form-urlencoded", b"title=%ed%a0%80"),
    ("application/x-www-form-urlencoded; charset=utf-16", b"title=a"),
    ("application/x-www-form-urlencoded; charset=nothing", b"title=a"),
)
"""Content types with bodies."""


def mutate(value: Any, luck: Random, times: int) -> Any:
    """Return a copy in which so many places are replaced, dropped or added."""
    whole = {"": copy.deepcopy(value)}
    for _ in range(times):
        holder, key = luck.choice(list(_places(whole)))
        action = luck.randrange(6)
        if action == 0 and isinstance(holder[key], dict):
            holder[key]["unknown"] = luck.choice(JUNK)
        elif action == 1 and (holder is not whole):
            del holder[key]
        elif action == 2 and isinstance(holder[key], list):
            holder[key].extend(copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(luck.choice(JUNK))
    return whole[""]


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(holder) if isinstance(holder, dict) else range(len(holder))
    for key in keys:
        yield holder, key
        if isinstance(holder[key], dict | list) and len(holder[key]) < 100:
            yield from _places(holder[key])
