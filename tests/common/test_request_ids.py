"""Which ids of requests are taken from clients."""

import re

import pytest

from plumbmark.common.request_ids import choose_request_id


@pytest.mark.parametrize(
    "sent",
    ["a", "req_011CSHoEeqs5C35K2UUqR7Fy", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "1.2", "x" * 128],
)
def test_a_safe_id_is_kept(sent: str) -> None:
    assert choose_request_id(sent) == sent


@pytest.mark.parametrize(
    "sent",
    ["", " ", "a b", "a\n", "a\r\nSet-Cookie: x=1", "é", "١", "<script>", "a,b", "%0a", "x" * 129],
)
def test_any_other_is_replaced_by_a_new_one(sent: str) -> None:
    first, second = choose_request_id(sent), choose_request_id(sent)

    assert first != second
    assert re.fullmatch("[0-9a-f]{32}", first)
