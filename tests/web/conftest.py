"""A home with runs in it, its page's server, and a browser."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.pictured_home import PicturedHome
from tests.support.web_server import Server, browsing
from tests.support.web_tools import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    for name in ("starlette", "uvicorn", "playwright"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"`{name}` is not installed: `python -m tests.support.web_tools` does that")
    if chromium() is None:
        pytest.skip("there is no Chromium on this machine")
    with browsing() as found:
        yield found


@pytest.fixture
def home(tmp_path: Path) -> PicturedHome:
    return PicturedHome(tmp_path / "home")


@pytest.fixture
def server(home: PicturedHome) -> Iterator[Server]:
    made = Server(home.path)
    yield made
    made.stop()


class Seen:
    """What the browser complained of, and what it asked for."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.asked: set[str] = set()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def page(browser: Any, server: Server, seen: Seen) -> Iterator[Any]:
    """A page that is logged in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(8000)
    made = context.new_page()
    made.on("console", lambda said: seen.complaints.append(said.text) if said.type == "error" else None)
    made.on("pageerror", lambda error: seen.complaints.append(str(error)))
    made.on("request", lambda request: seen.asked.add(request.url))
    made.goto(server.link)
    made.wait_for_selector(".tiles")
    yield made
    context.close()


@pytest.fixture
def now() -> float:
    return time.time()
