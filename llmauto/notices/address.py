"""Which addresses may notices go to?

To public ones over https, and to this machine's own over http too: a test's server, or a person's. All
other private ones are refused, however they are written, also where a public name leads there.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?"
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PATH = re.compile(r"[!-~]*")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressError(ValueError):
    """An address that notices may not go to; the text says why and does not quote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where an API is. `path` begins with a slash or is empty; `local` is this machine's own."""

    host: str
    port: int
    path: str = ""
    tls: bool = True
    local: bool = False

    @property
    def host_header(self) -> str:
        """The host as HTTP writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def parse_address(url: str) -> Address:
    """The address that a URL names. Raises `AddressError`."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise AddressError("is no address") from None
    if parts.scheme not in ("http", "https"):
        raise AddressError("has to begin with `https://`")
    if "@" in parts.netloc or parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise AddressError("may have a host, a port and a path, and nothing else")
    local = _is_local(host)
    if parts.scheme == "http" and not local:
        raise AddressError("has to begin with `https://`: only this machine's own may do without")
    tls = parts.scheme == "https"
    if port == 0:
        raise AddressError("names port 0")
    return Address(
        host=host, port=port or (443 if tls else 80), path=parts.path.rstrip("/"), tls=tls, local=local
    )


def _is_local(host: str) -> bool:
    """Whether the host is this machine. Raises `AddressError` where it may be nobody's."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        # No domain ends in a number, and C libraries take such a name for an address: `127.1`.
        if not _NAME.fullmatch(host) or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            raise AddressError("names no host") from None
        return host == "localhost"
    if not may_connect(host, local=True) and not may_connect(host, local=False):
        raise AddressError("is a private address, which is refused")
    return bool(ip.is_loopback) and may_connect(host, local=True)


def may_connect(ip: str, *, local: bool) -> bool:
    """Whether an IP address may be connected to: this machine's own if `local`, else public ones alone."""
    try:
        found = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            return not local and _is_public(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
        if found.ipv4_mapped or found.sixtofour or found.teredo:
            return False
    return found.is_loopback if local else _is_public(found)


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)
