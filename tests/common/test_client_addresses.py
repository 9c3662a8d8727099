"""Whose request it is, whatever the client writes into its headers."""

import pytest

from plumbmark.common.client_addresses import client_address


@pytest.mark.parametrize(
    ("forwarded_for", "proxies", "address"),
    [
        ("", 0, "10.0.0.1"),
        ("6.6.6.6", 0, "10.0.0.1"),
        ("1.2.3.4", 1, "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4", 1, "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4, 10.0.0.2", 2, "1.2.3.4"),
        (" , ", 1, "10.0.0.1"),
        ("", 1, "10.0.0.1"),
        ("1.2.3.4", 2, "10.0.0.1"),
    ],
)
def test_only_what_trusted_proxies_added_counts(
    forwarded_for: str, proxies: int, address: str
) -> None:
    assert client_address("10.0.0.1", forwarded_for, proxies=proxies) == address
