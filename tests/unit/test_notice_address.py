from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmauto.notices.address import Address, AddressError, may_connect, parse_address


def test_the_api_of_telegram_may_be_posted_to() -> None:
    assert parse_address("https://api.telegram.org") == Address(host="api.telegram.org", port=443)


def test_a_port_and_a_path_may_be_named() -> None:
    address = parse_address(" https://Bots.Example.org:8443/telegram/ ")
    assert (address.host, address.port, address.path) == ("bots.example.org", 8443, "/telegram")
    assert address.host_header == "bots.example.org:8443"


@pytest.mark.parametrize(
    ("url", "host", "header"),
    [
        ("http://127.0.0.1:8081", "127.0.0.1", "127.0.0.1:8081"),
        ("http://localhost:80", "localhost", "localhost"),
        ("http://[::1]:8081/x", "::1", "[::1]:8081"),
        ("https://127.0.0.9", "127.0.0.9", "127.0.0.9"),
    ],
)
def test_this_machines_own_addresses_may_do_without_tls(url: str, host: str, header: str) -> None:
    address = parse_address(url)
    assert address.local
    assert (address.host, address.host_header) == (host, header)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.telegram.org",
        "file:///etc/passwd",
        "ftp://api.telegram.org",
        "api.telegram.org",
        "https://",
        "https:///x",
        "https://169.254.169.254",
        "https://10.0.0.1",
        "https://192.168.1.5:8443",
        "https://[fe80::1]",
        "https://[fd00::1]",
        "https://0.0.0.0",
        "https://[::]",
        "https://224.0.0.1",
        "http://127.1:8081",
        "https://127.1",
        "http://0x7f000001",
        "https://0x7f000001",
        "http://0177.0.0.1",
        "https://2130706433",
        "http://[::ffff:127.0.0.1]:8081",
        "https://[::ffff:127.0.0.1]",
        "https://[::ffff:8.8.8.8]",
        "https://[64:ff9b::7f00:1]",
        "https://[2002:7f00:1::]",
        "http://localhost.",
        "http://localhost.example.org",
        "http://127.0.0.1@evil.example",
        "https://user:password@api.telegram.org",
        "https://api.telegram.org?x=1",
        "https://api.telegram.org#x",
        "https://api.telegram.org/a b",
        "https://api.telegram.org:99999",
        "https://api.telegram.org:0",
        "https://api.tele gram.org",
        "https://api.telegram.org\\@127.0.0.1",
        "https://[::1",
        "https://bücher.example",
        "https://a..b",
        "https://-a.example",
    ],
)
def test_nothing_else_may_be_posted_to(url: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(url)
    assert "password" not in str(caught.value)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_no_text_is_too_odd(text: str) -> None:
    for url in (text, f"https://{text}", f"http://{text}"):
        try:
            address = parse_address(url)
        except AddressError:
            continue
        assert address.tls or address.local


@pytest.mark.parametrize("ip", ["8.8.8.8", "2606:4700::1111", "149.154.167.220", "64:ff9b::808:808"])
def test_public_addresses_may_be_connected_to(ip: str) -> None:
    assert may_connect(ip, local=False)
    assert not may_connect(ip, local=True)


@pytest.mark.parametrize(
    "ip",
    ["127.0.0.1", "::1", "10.1.2.3", "169.254.169.254", "fe80::1%eth0", "::ffff:8.8.8.8", "224.0.0.1", "x"],
)
def test_private_ones_may_not(ip: str) -> None:
    assert not may_connect(ip, local=False)
