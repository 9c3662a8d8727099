"""Whose request it is, whatever the client writes into its headers."""

import pytest

from plumbmark.common.client_addresses import client_address, network_of


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


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("unix:", "unix:"),
    ],
)
def test_a_customer_with_a_network_is_one_client(address: str, network: str) -> None:
    assert network_of(address) == network
