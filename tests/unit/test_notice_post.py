from __future__ import annotations

import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from llmauto.notices.address import Address
from llmauto.notices.post import Network, PostError, post, system_lookup, system_proxy
from tests.support.bot_api import BotApi, Says

PUBLIC = "93.184.215.14"
ADDRESS = Address(host="api.example", port=443)


class World:
    """A network in which every connection ends at one port on loopback. `asked`, `reached`: the ledger."""

    def __init__(self, port: int, *answers: Sequence[str], proxy: str = "", ca: Path | None = None) -> None:
        self.port = port
        self.answers = list(answers)
        self.asked: list[str] = []
        self.reached: list[tuple[str, int]] = []
        self.proxy = proxy
        self.ca = ca
        self.deaf: set[str] = set()

    def lookup(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    def connect(self, target: tuple[str, int], timeout_s: float) -> socket.socket:
        assert 0 < timeout_s <= 5
        self.reached.append(target)
        if target[0] in self.deaf:
            raise TimeoutError
        return socket.create_connection(("127.0.0.1", self.port), timeout_s)

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)

    @property
    def network(self) -> Network:
        return Network(proxy=lambda host: self.proxy, lookup=self.lookup, connect=self.connect, tls=self.tls)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for `api.example`, and its key; made for this one run of the tests."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    command = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=api.example"
    )
    argv = [openssl, *command.split(), "-addext", "subjectAltName=DNS:api.example"]
    done = subprocess.run(
        [*argv, "-out", paths[0], "-keyout", paths[1]], capture_output=True, check=False, timeout=30
    )
    if done.returncode:
        pytest.skip("this openssl makes no such certificate")
    return paths


def server_side(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_over_tls_the_certificate_is_checked_for_the_name_and_the_connection_is_to_the_checked_address(
    certificate: tuple[Path, Path],
) -> None:
    with BotApi(tls=server_side(certificate)) as api:
        world = World(api.port, [PUBLIC], ["127.0.0.1"], ca=certificate[0])
        assert post(ADDRESS, "/x", b"{}", timeout_s=5, network=world.network).status == 200
        assert world.asked == ["api.example"]
        assert world.reached == [(PUBLIC, 443)]
        assert api.requests[0].headers["Host"] == "api.example"


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    with BotApi(tls=server_side(certificate)) as api:
        with pytest.raises(
            PostError, match=re.escape("the certificate of `api.example` is not trusted: self")
        ):
            post(ADDRESS, "/x", b"{}", timeout_s=5, network=World(api.port, [PUBLIC]).network)
        assert api.requests == []


def test_a_certificate_for_another_name_is_refused(certificate: tuple[Path, Path]) -> None:
    with BotApi(tls=server_side(certificate)) as api:
        other = Address(host="other.example", port=443)
        world = World(api.port, [PUBLIC], ca=certificate[0])
        with pytest.raises(PostError, match=re.escape("the certificate of `other.example` is not trusted")):
            post(other, "/x", b"{}", timeout_s=5, network=world.network)
        assert api.requests == []


def test_a_server_without_tls_gets_nothing_to_read() -> None:
    with BotApi() as api:
        with pytest.raises(PostError, match=re.escape("`api.example` does not speak TLS as it should")):
            post(ADDRESS, "/geheim", b"{}", timeout_s=5, network=World(api.port, [PUBLIC]).network)
        assert api.requests == []


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"], ["::1"], ["fe80::1%eth0"], ["::ffff:127.0.0.1"],
        [PUBLIC, "192.168.0.1"], [],
    ],
)  # fmt: skip
def test_a_public_name_that_leads_to_a_private_address_is_not_connected_to(found: list[str]) -> None:
    world = World(1, found)
    with pytest.raises(
        PostError, match=re.escape("`api.example` leads to a private address, which is refused")
    ):
        post(ADDRESS, "/x", b"{}", timeout_s=5, network=world.network)
    assert world.reached == []


def test_a_local_name_that_leads_elsewhere_is_not_connected_to() -> None:
    world = World(1, [PUBLIC])
    local = Address(host="localhost", port=80, tls=False, local=True)
    with pytest.raises(PostError, match=re.escape("refused")):
        post(local, "/x", b"{}", timeout_s=5, network=world.network)
    assert world.reached == []


def test_the_other_addresses_of_a_name_are_tried_within_the_same_time() -> None:
    with BotApi() as api:
        world = World(api.port, ["127.0.0.2", "127.0.0.3"])
        world.deaf = {"127.0.0.2"}
        local = Address(host="localhost", port=80, tls=False, local=True)
        assert post(local, "/x", b"{}", timeout_s=5, network=world.network).status == 200
        assert [ip for ip, _ in world.reached] == ["127.0.0.2", "127.0.0.3"]


def test_a_name_that_cannot_be_found_is_said_so() -> None:
    def lookup(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(PostError, match=re.escape("`api.example` cannot be found")):
        post(ADDRESS, "/x", b"{}", timeout_s=5, network=Network(proxy=lambda host: "", lookup=lookup))


class Proxy:
    """A proxy that answers `CONNECT` with one status, and then is a pipe to a port on loopback."""

    def __init__(self, status: bytes, port: int) -> None:
        self.heads: list[bytes] = []
        self._status = status
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError), self._listener.accept()[0] as client:
            client.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            self.heads.append(head)
            client.sendall(b"HTTP/1.1 " + self._status + b"\r\nVia: x\r\n\r\n")
            if self._status.startswith(b"200"):
                with socket.create_connection(("127.0.0.1", self._port), 10) as server:
                    back = threading.Thread(target=_pipe, args=(server, client), daemon=True)
                    back.start()
                    _pipe(client, server)
                    back.join(10)

    def close(self) -> None:
        self._listener.close()
        self._thread.join(10)


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def proxy(status: bytes, port: int = 1) -> Iterator[Proxy]:
    one = Proxy(status, port)
    try:
        yield one
    finally:
        one.close()


def test_through_a_proxy_the_name_is_the_proxys_to_resolve(certificate: tuple[Path, Path]) -> None:
    with BotApi(tls=server_side(certificate)) as api, proxy(b"200 fine", api.port) as between:
        world = World(between.port, proxy="http://me:pass%40word@proxy.example:3128", ca=certificate[0])
        assert post(ADDRESS, "/x", b"{}", timeout_s=5, network=world.network).status == 200
        assert world.asked == []
        assert world.reached == [("proxy.example", 3128)]
        lines = between.heads[0].decode().split("\r\n")
        assert lines[0] == "CONNECT api.example:443 HTTP/1.1"
        assert "Proxy-Authorization: Basic bWU6cGFzc0B3b3Jk" in lines
        assert len(api.requests) == 1


def test_a_proxy_that_refuses_is_said_so_without_its_password() -> None:
    with proxy(b"407 who are you") as between:
        world = World(between.port, proxy="http://me:password@proxy.example:3128")
        with pytest.raises(PostError, match=r"^the proxy for https answered 407$"):
            post(ADDRESS, "/x", b"{}", timeout_s=5, network=world.network)


@pytest.mark.parametrize("setting", ["socks5://proxy.example:1080", "http://", "http://proxy.example:port"])
def test_a_proxy_of_another_kind_is_not_used(setting: str) -> None:
    world = World(1, [PUBLIC], proxy=setting)
    with pytest.raises(PostError):
        post(ADDRESS, "/x", b"{}", timeout_s=5, network=world.network)
    assert world.reached == []


def test_a_proxy_that_is_away_is_said_so() -> None:
    world = World(1, proxy="proxy.example:3128")
    with pytest.raises(PostError, match=r"^the proxy for https cannot be reached$"):
        post(ADDRESS, "/x", b"{}", timeout_s=5, network=world.network)


def test_this_machines_own_addresses_need_no_proxy() -> None:
    with BotApi(Says()) as api:
        local = Address(host="127.0.0.1", port=api.port, tls=False, local=True)
        network = Network(proxy=lambda host: "http://proxy.example:3128")
        assert post(local, "/x", b"{}", timeout_s=5, network=network).status == 200


def test_the_proxy_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", ".internal.example")
    assert system_proxy("api.example") == "http://proxy.example:3128"
    assert system_proxy("api.internal.example") == ""


def test_the_systems_lookup_gives_addresses() -> None:
    assert system_lookup("127.0.0.1", 80) == ["127.0.0.1"]
