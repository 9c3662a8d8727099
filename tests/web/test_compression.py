"""Pages packed small: the same bytes come out, in fewer than plain gzip needs."""

import gzip
import random

import pytest

from plumbmark.web.compression import compress_page

_chance = random.Random(20261121)
_TABLE = "<tbody>{}</tbody>".format(
    "".join(
        f"<tr><td>{_chance.randint(1, 10**6)}<td>{_chance.randint(1, 10**6)}\n" for _ in range(900)
    )
)
_WORDS = "".join(
    f"<p>{_chance.choice('abcdefgh')} quick brown {_chance.choice('foxes')} jumps over the lazy dog"
    for _ in range(200)
)


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"x",
        _WORDS.encode(),
        f"{_WORDS}{_TABLE}{_WORDS}".encode(),
        f"{_TABLE}{_WORDS}{_TABLE}".encode(),
        "<tbody>never closed é€😀".encode() * 900,
    ],
)
def test_what_is_packed_comes_out_again(page: bytes) -> None:
    assert gzip.decompress(compress_page(page)) == page


def test_a_long_table_among_words_takes_fewer_bytes() -> None:
    page = f"{_WORDS}{_TABLE}{_WORDS}".encode()

    assert len(compress_page(page)) < len(gzip.compress(page, 9, mtime=0))
