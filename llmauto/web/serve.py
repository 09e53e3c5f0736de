"""How is the page served, and how does a person get in? On this machine only, unless told otherwise."""

from __future__ import annotations

import contextlib
import html
import ipaddress
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from llmauto import files
from llmauto.errors import LlmautoError, UsageError
from llmauto.home import Home
from llmauto.rules.text import quoted
from llmauto.web.app import Page
from llmauto.web.guard import Hosts
from llmauto.web.keys import CODE_S, Keys

LOOPBACK = "127.0.0.1"
FOLDER = ".ui"
"""In the home's folder of calls, private: the key, and for an instant the page that opens the browser."""
EXPOSE = "--expose-without-encryption"
_WHY = (
    "whoever can read the network between you and this machine could take your session, and with it steer "
    f"agents that run as you: give `{EXPOSE}` if you want that; safer is a tunnel, as in "
    "`ssh -L 8765:127.0.0.1:8765 HOST`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Where to serve, and how. `port` 0 takes any that is free."""

    host: str = LOOPBACK
    port: int = 8765
    exposed: bool = False
    opens: bool = False


def serve(home: Home, wish: Wish, say: Callable[[str], None]) -> int:
    """Serve the page until Ctrl-C. `say` gets lines for the person.

    Raises:
        UsageError: the address is another machine's business, and nobody said so.
        LlmautoError: the port is taken, or the address is none of this machine's.
    """
    check_address(wish)
    keys = Keys()
    with _listening(wish) as listener:
        port = int(listener.getsockname()[1])
        page = Page(home, keys, hosts_for(wish.host, port))
        folder = home.calls / FOLDER
        files.make_private_dir(folder, root=home.path)
        token_file = folder / f"key-{port}"
        files.write_atomic(token_file, keys.token + "\n")
        try:
            _greet(keys, wish, (f"http://{shown_host(wish.host)}:{port}/", folder), token_file, say)
            _server(page).run(sockets=[listener])
        finally:
            with contextlib.suppress(OSError):
                token_file.unlink()
    return 0


def check_address(wish: Wish) -> None:
    """Raises `UsageError` where the page would leave this machine, and nobody said that it may."""
    if is_loopback(wish.host) or wish.exposed:
        return
    raise UsageError(
        f"`--host {wish.host}` lets other machines reach the page, without encryption", hint=_WHY
    )


def is_loopback(host: str) -> bool:
    """Whether that address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def hosts_for(host: str, port: int) -> Hosts:
    """Under which names the page may be asked for."""
    anywhere = host in ("0.0.0.0", "::")
    names = {"127.0.0.1", "localhost", "::1", host}
    if anywhere:
        names |= {socket.gethostname(), socket.getfqdn()}
    return Hosts(names, port, any_address=anywhere)


def shown_host(host: str) -> str:
    """The host as an address of the page has it."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def _listening(wish: Wish) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in wish.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let another program take the port away
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((wish.host, wish.port))
        except (OSError, OverflowError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise LlmautoError(
                f"cannot serve on {quoted(wish.host)} port {wish.port}: {reason}",
                hint="`--port 0` takes any port that is free",
            ) from error
        listener.listen(128)
        yield listener
    finally:
        listener.close()


def _server(page: Page) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            page.app,
            ws="none",
            access_log=False,
            log_config=None,
            log_level="critical",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=64 * 1024,
            http="h11",
            loop="asyncio",
        )
    )


def _greet(
    keys: Keys, wish: Wish, place: tuple[str, Path], token_file: Path, say: Callable[[str], None]
) -> None:
    address, folder = place
    if not is_loopback(wish.host):
        say(f"warning: other machines can reach this page, and nothing on the way is encrypted: {_WHY}")
    code = keys.new_code(time.monotonic())
    say(f"the page:  {address}#code={code}")
    say(f"           (counts once, for {CODE_S / 60:.0f} minutes; later log in with the key in {token_file})")
    say("Ctrl-C ends it; the runs go on")
    if wish.opens:
        _open_browser(f"{address}#code={keys.new_code(time.monotonic())}", folder)


def _open_browser(address: str, folder: Path) -> None:
    """By a private file that leads there: what stands on a command line, every user can read."""
    import threading
    import webbrowser

    path = folder / f"open-{files.temp_mark()}.html"
    files.write_atomic(
        path,
        f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; '
        f'url={html.escape(address)}"><title>llmauto</title>',
    )
    webbrowser.open(path.as_uri())
    timer = threading.Timer(30.0, path.unlink, kwargs={"missing_ok": True})
    timer.daemon = True
    timer.start()
