"""The pictures in the docs, made anew: `python -m tests.support.screenshots` writes `docs/images/*.png`.

They show a home that is told for them: no model was called for what is seen.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.pictured_home import PicturedHome
from tests.support.web_server import Server, browsing, environment
from tests.support.web_tools import ROOT

IMAGES = ROOT / "docs" / "images"


def main() -> int:
    """Tell the home, look at it, keep what is seen."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.gettempdir()) / "example"  # its path is seen in the pictures
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _take(PicturedHome(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _take(home: PicturedHome) -> None:
    now = time.time()
    home.finished(now)
    home.stopped(now)
    home.blocked(now)
    told = home.bugfix(now, gate=True)
    lock = home.lock("bugfix")
    server = Server(home.path)
    try:
        with browsing() as browser:
            context = browser.new_context(viewport={"width": 1240, "height": 860}, reduced_motion="reduce")
            page = context.new_page()
            page.goto(server.link)
            page.wait_for_selector("tbody tr")
            _keep(page, "runs", height=700)
            page.goto(f"{server.address}#/run/{told.run}")
            page.wait_for_selector(".one")
            _choose(page, 4, "diff")
            _keep(page, "run-light")
            page.emulate_media(color_scheme="dark")
            _choose(page, 10, "activity")
            _keep(page, "run-dark")
            page.goto(f"{server.address}#/figures")
            page.wait_for_selector("text=Cost by day")
            page.emulate_media(color_scheme="light")
            _keep(page, "figures", height=760)
            page.set_viewport_size({"width": 390, "height": 844})
            page.goto(f"{server.address}#/run/{told.run}")
            page.wait_for_selector(".one")
            page.wait_for_timeout(400)
            _keep(page, "run-phone")
            _report(context.new_page(), home)
    finally:
        server.stop()
        lock.release()


def _choose(page: Any, bar: int, tab: str) -> None:
    page.locator(".one").nth(bar).click()
    page.click(f"#tab-{tab}")
    page.wait_for_timeout(500)
    page.mouse.move(5, 5)


def _keep(page: Any, name: str, height: int | None = None) -> None:
    clip = {"x": 0, "y": 0, "width": 1240, "height": height} if height else None
    page.screenshot(path=str(IMAGES / f"{name}.png"), clip=clip)


def _report(page: Any, home: PicturedHome) -> None:
    argv = [sys.executable, "-m", "llmauto", "--home", str(home.path), "chain", "report", "nightly-refactor"]
    done = subprocess.run(argv, env=environment(), capture_output=True, encoding="utf-8", check=True)
    path = home.path / "report.html"
    path.write_text(done.stdout, "utf-8")
    page.set_viewport_size({"width": 1100, "height": 760})
    page.goto(path.as_uri())
    page.screenshot(path=str(IMAGES / "report.png"))


if __name__ == "__main__":
    sys.exit(main())
