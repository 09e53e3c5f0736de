"""How is one small request posted safely?

One answer comes, bounded in time and in size, or an error that tells no secret. No redirect is followed.
A name is resolved once, and what is connected to is an address that was checked. For public addresses the
system's proxy for https is used, as `urllib` finds it (`HTTPS_PROXY`, `NO_PROXY`; on Windows and macOS the
settings too): then the name is the proxy's to resolve. This machine's own addresses are reached directly.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from llmauto.notices.address import Address, may_connect

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ANSWER_LIMIT = 64 * 1024
"""Bytes of an answer; one that is longer is none."""


class PostError(Exception):
    """No answer came. The text may be shown: of what was posted, and where to, it names the host alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. `retry_after` is the header's text, "" where there is none."""

    status: int
    body: bytes
    retry_after: str = ""


def system_proxy(host: str) -> str:
    """The proxy that this system wants for https to `host`; "" for none."""
    return "" if proxy_bypass(host) else getproxies().get("https", "")


def system_lookup(host: str, port: int) -> Sequence[str]:
    """The IP addresses of a name. Raises `OSError`."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What a post needs of the world; tests bring their own."""

    proxy: Callable[[str], str] = system_proxy
    lookup: Callable[[str, int], Sequence[str]] = system_lookup
    connect: Callable[[tuple[str, int], float], socket.socket] = socket.create_connection
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    monotonic: Callable[[], float] = time.monotonic


def post(
    address: Address, path: str, body: bytes, *, timeout_s: float, network: Network | None = None
) -> Answer:
    """Post JSON to `path` below the address. Raises `PostError`; all of it takes `timeout_s` at the most.

    Only the look-up of the name is not bounded by that, but by the system's resolver.
    """
    network = network or Network()
    host = address.host
    with _safe_errors(host, timeout_s):
        deadline = _Deadline(network.monotonic, timeout_s)
        with contextlib.closing(_connected(address, network, deadline)) as plain:
            if not address.tls:
                return _exchange(plain, address, path, body, deadline)
            plain.settimeout(deadline.left())
            with network.tls().wrap_socket(plain, server_hostname=host) as secure:
                return _exchange(secure, address, path, body, deadline)


def _connected(address: Address, network: Network, deadline: _Deadline) -> socket.socket:
    """A connection to the address, or one through the proxy."""
    proxy = "" if address.local else network.proxy(address.host)
    if proxy:
        return _through(proxy, address, network, deadline)
    found = network.lookup(address.host, address.port)
    if not found or not all(may_connect(ip, local=address.local) for ip in found):
        raise PostError(f"`{address.host}` leads to a private address, which is refused")
    for number, ip in enumerate(found, 1):
        try:
            share_s = deadline.left() / (
                len(found) - number + 1
            )  # one that is deaf leaves time for the others
            return network.connect((ip, address.port), share_s)
        except OSError:
            if number == len(found):
                raise
    raise AssertionError("there is at least one address")


def _through(proxy: str, address: Address, network: Network, deadline: _Deadline) -> socket.socket:
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PostError("the proxy for https is none of the kind `http://host:port`")
    host = f"[{address.host}]" if ":" in address.host else address.host
    target = f"{host}:{address.port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login).decode('ascii')}")
    try:
        connection = network.connect((parts.hostname, parts.port or 80), deadline.left())
    except OSError:
        raise PostError("the proxy for https cannot be reached") from None
    try:
        stream = _Stream(connection, deadline)
        stream.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        response = http.client.HTTPResponse(cast("socket.socket", stream), method="CONNECT")
        response.begin()
        if response.status != 200:
            raise PostError(f"the proxy for https answered {response.status}")
    except BaseException:
        connection.close()
        raise
    return connection


def _exchange(
    connection: socket.socket, address: Address, path: str, body: bytes, deadline: _Deadline
) -> Answer:
    talk = http.client.HTTPConnection(address.host, address.port)
    talk.auto_open = 0  # it has one connection, and makes none
    talk.sock = _Stream(connection, deadline)
    headers = {
        "Host": address.host_header,
        "Content-Type": "application/json",
        "User-Agent": "llmauto",
        "Connection": "close",
    }
    talk.request("POST", address.path + path, body, headers)
    response = talk.getresponse()
    data = response.read(ANSWER_LIMIT + 1)
    if len(data) > ANSWER_LIMIT:
        raise PostError(f"`{address.host}` answered with more than {ANSWER_LIMIT // 1024} KiB")
    return Answer(status=response.status, body=data, retry_after=response.getheader("Retry-After") or "")


class _Deadline:
    """The end of all waiting: a socket's own time limit begins anew with every byte."""

    def __init__(self, monotonic: Callable[[], float], seconds: float) -> None:
        self._monotonic = monotonic
        self._ends_at = monotonic() + seconds

    def left(self) -> float:
        """Seconds. Raises `TimeoutError` where none are left."""
        left = self._ends_at - self._monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Stream(io.RawIOBase):
    """What `http.client` needs of a socket, under a deadline. Closing it leaves the socket to its owner."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        self._connection.settimeout(self._deadline.left())
        self._connection.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        """What comes back."""
        return io.BufferedReader(_Stream(self._connection, self._deadline))

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there, at least a byte of it."""
        self._connection.settimeout(self._deadline.left())
        return self._connection.recv_into(buffer)


@contextlib.contextmanager
def _safe_errors(host: str, timeout_s: float) -> Iterator[None]:
    """Whatever goes wrong becomes a `PostError`: the texts of these libraries quote what they were given."""
    try:
        yield
    except PostError:
        raise
    except Exception as error:  # noqa: BLE001
        raise PostError(_reason(error, host, timeout_s)) from None


def _reason(error: Exception, host: str, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"`{host}` gave no answer within {timeout_s:.3g} s"
    if isinstance(error, socket.gaierror):
        return f"`{host}` cannot be found"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of `{host}` is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"`{host}` does not speak TLS as it should"
    if isinstance(error, http.client.RemoteDisconnected):
        return f"`{host}` hung up without an answer"
    if isinstance(error, OSError):
        return f"`{host}` cannot be reached: {(error.strerror or type(error).__name__).lower()}"
    return f"`{host}` answered with what is no HTTP"
