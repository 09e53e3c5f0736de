"""The page in a real browser: what it shows, what it lets people do, and whether everybody can use it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from llmauto import events as ev
from llmauto.journal.sqlite import SqliteJournal
from tests.support.pictured_home import PicturedHome
from tests.support.web_server import Server, environment
from tests.support.web_tools import AXE
from tests.web.conftest import Seen

pytestmark = pytest.mark.web

EVIL = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"


def open_run(page: Any, server: Server, run: str) -> None:
    page.goto(f"{server.address}#/run/{run}")
    page.wait_for_selector(".one")


def events(home: PicturedHome, chain: str) -> list[ev.Event]:
    with SqliteJournal.open(home.path / "journal.db", readonly=True) as journal:
        latest = journal.latest(chain)
        return [] if latest is None else list(journal.events(latest.run))


def wait_until(page: Any, found: Any, seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until, "it did not happen"
        page.wait_for_timeout(100)


@contextmanager
def running(home: PicturedHome, name: str, pace: float, **keys: Any) -> Iterator[str]:
    """A demo chain that really runs, in a process of its own; its run."""
    chain = {"breakers": {"no_progress": 0}, **keys}
    (home.path / "chains" / f"{name}.json").write_text(json.dumps(chain), "utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "llmauto", "--home", str(home.path), "chain", "start", name],
        env=environment() | {"DEMO_PACE": str(pace)}, cwd=home.path, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 15
        while not (found := events(home, name)):
            assert time.monotonic() < until
            time.sleep(0.1)
        started = found[0]
        assert isinstance(started, ev.RunStarted)
        yield started.run
        process.wait(20)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


# --- the way in -------------------------------------------------------------------------------------


def test_the_link_logs_in_once_and_leaves_no_trace(browser: Any, server: Server) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.link)
    page.wait_for_selector(".tiles")
    assert "code" not in page.url
    page.reload()
    page.wait_for_selector(".tiles")
    assert context.cookies() == []
    other = browser.new_context().new_page()
    other.goto(server.link)
    other.wait_for_selector("text=This code was used already")
    other.fill("#key", "wrong")
    other.click("text=Log in")
    other.wait_for_selector("text=does not count")
    other.fill("#key", server.key())
    other.click("text=Log in")
    other.wait_for_selector(".tiles")
    assert server.stop() == 130
    assert "Traceback" not in server.said
    assert not list((server.home / "calls" / ".ui").glob("key-*"))


def test_the_key_is_private_and_is_printed_nowhere(server: Server) -> None:
    (path,) = (server.home / "calls" / ".ui").glob("key-*")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    key = server.key()
    server.stop()
    assert key not in server.said


# --- what is seen -----------------------------------------------------------------------------------


def test_all_runs_are_listed_and_those_that_need_somebody_first(
    page: Any, server: Server, home: PicturedHome, now: float
) -> None:
    home.finished(now)
    home.blocked(now)
    page.wait_for_selector("text=worker asks a question")
    assert page.locator("tbody tr").count() == 7
    assert "release" in page.locator(".need").inner_text()
    page.locator(".need").click()
    page.wait_for_selector("text=Two changelogs are there")
    assert "llmauto chain handoff release" in page.locator(".end").inner_text()


def test_a_run_answers_what_how_much_when_and_why(
    page: Any, server: Server, home: PicturedHome, now: float
) -> None:
    lock = home.lock("bugfix")
    told = home.bugfix(now)
    open_run(page, server, told.run)
    said = page.locator(".answers").inner_text()
    for words in (
        "bugfix",
        "RUNNING",
        "round 4 of 10 · reviewer",
        "of $25",
        "1 call of unknown cost",
        "of 6h00",
    ):
        assert words in said, words
    assert page.locator(".lane").all_inner_texts() == ["controller", "worker", "reviewer"]
    assert page.locator(".one").count() == 12
    assert page.locator("rect.bar.bad").count() == 1
    lock.release()
    page.wait_for_selector("text=The runner has died")
    home.stopped(now)
    open_run(page, server, "nightly-refactor-20261124-010011-02ab")
    assert "Ended: budget" in page.locator(".end").inner_text()


def test_a_wait_that_goes_on_is_seen_as_one(
    page: Any, server: Server, home: PicturedHome, now: float
) -> None:
    lock = home.lock("bugfix")
    told = home.waiting(now)
    open_run(page, server, told.run)
    assert "waits until" in page.locator(".answers").inner_text()
    assert page.locator(".one rect.bar").last.get_attribute("class") == "bar wait"
    assert "waited for the usage limit" in page.locator("rect.gap").last.text_content()
    lock.release()


def test_what_happens_is_shown_as_it_happens(
    page: Any, server: Server, home: PicturedHome, now: float
) -> None:
    lock = home.lock("bugfix")
    told = home.bugfix(now)
    open_run(page, server, told.run)
    told.end(30.0, cost_usd=1.0).hand_over(
        "reviewer", "Verdict: APPROVED\n", verdict="APPROVED"
    ).over().keep()
    page.wait_for_selector("text=round 4 is over")
    page.wait_for_selector("text=round 5 of 10")
    told.begin("controller")
    told.keep()
    page.wait_for_selector(".one[aria-label^='round 5, controller: at work']")
    page.wait_for_selector("#detail-title:has-text('R5 · controller')")
    lock.release()


def test_an_agent_is_seen_at_work(page: Any, server: Server, home: PicturedHome, now: float) -> None:
    told = home.bugfix(now)
    open_run(page, server, told.run)
    page.wait_for_selector(".said")
    assert page.locator(".toolbox").count() == 3
    folder = home.path / "calls" / told.run / f"{told.progress.calls:04d}-reviewer"
    with (folder / "stdout").open("a", encoding="utf-8") as file:
        file.write('{"type": "text", "text": "One more thing."}\n')
    page.wait_for_selector("text=One more thing.")
    page.locator(".toolbox summary").first.click()
    page.wait_for_selector("text=Grep SettingsError in settings.py")


def test_the_session_of_an_agent_is_said_to_be_one(
    page: Any, server: Server, home: PicturedHome, now: float
) -> None:
    told = home.bugfix(now)
    folder = home.path / "calls" / told.run / f"{told.progress.calls:04d}-reviewer"
    init = {"type": "system", "subtype": "init", "session_id": "s-4711", "model": "claude-opus-4-6"}
    (folder / "backend.txt").write_text("claude", "utf-8")
    (folder / "stdout").write_text(json.dumps(init) + "\n", "utf-8")
    open_run(page, server, told.run)
    page.wait_for_selector(".said:text-is('session s-4711 with claude-opus-4-6')")


def test_every_tab_shows_what_it_says(
    page: Any, server: Server, home: PicturedHome, now: float, seen: Seen
) -> None:
    told = home.bugfix(now)
    open_run(page, server, told.run)
    page.locator(".one").nth(4).click()
    expected = {
        "handoff": ".diff .plus", "diff": ".diff .file", "compare": "text=Handoff of worker, R1 → R2",
        "prompt": "text=You are a worker.", "result": "text=worker: done, see the handoff.",
        "errors": "text=nothing moved for 15m00s", "raw": "text=This turn, as it is kept",
        "activity": ".toolbox",
    }  # fmt: skip
    for name, selector in expected.items():
        page.click(f"#tab-{name}")
        page.wait_for_selector(f"#panel >> {selector}")
    page.click("#tab-diff")
    page.click("text=Whole round")
    page.wait_for_selector("[aria-pressed=true]:has-text('Whole round')")
    page.wait_for_selector(".diff .file")
    assert seen.complaints == []
    assert all(url.startswith(server.address) for url in seen.asked), seen.asked


def test_a_run_of_500_rounds_opens_at_once_and_shows_the_earlier_ones_on_demand(
    page: Any, server: Server, home: PicturedHome, now: float
) -> None:
    run = home.long(500, now).run
    begun = time.monotonic()
    open_run(page, server, run)
    assert time.monotonic() - begun < 5.0
    assert page.locator(".one").count() == 600
    page.click("text=Earlier rounds")
    wait_until(page, lambda: page.locator(".one").count() == 1500)
    page.click("text=Fit")
    assert page.evaluate(
        "document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth"
    )


def test_a_run_of_10_rounds_fits_without_scrolling(
    page: Any, server: Server, home: PicturedHome, now: float
) -> None:
    open_run(page, server, home.long(10, now).run)
    assert page.locator("text=R10").count() >= 1
    assert page.evaluate(
        "document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth"
    )


def test_commands_in_a_sentence_are_seen_as_such(
    page: Any, server: Server, home: PicturedHome, now: float
) -> None:
    page.wait_for_selector("text=No run of this home has begun yet")
    assert page.locator("main code", has_text="llmauto chain start demo").count() == 1
    told = home.blocked(now)
    open_run(page, server, told.run)
    page.wait_for_selector(".end code:text-is('chain start release')")
    page.wait_for_selector("#panel code:text-is('llmauto clean')")
    assert "`" not in page.locator("main").inner_text()


def test_where_nothing_has_run_the_figures_show_no_empty_tables(page: Any, server: Server) -> None:
    page.click("text=Figures")
    page.wait_for_selector("text=No call was made yet")
    assert page.locator("table").count() == 0


def test_figures_are_added_up(page: Any, server: Server, home: PicturedHome, now: float) -> None:
    home.finished(now)
    page.click("text=Figures")
    page.wait_for_selector("text=Cost by day")
    page.locator(".column").nth(4).wait_for()
    page.locator("select option", has_text="docs-review").wait_for(state="attached")


def test_what_agents_write_is_text_and_nothing_else(
    page: Any, server: Server, home: PicturedHome, now: float
) -> None:
    told = home.bugfix(now)
    told.end(5.0, "crashed", message=EVIL)
    told.tell(ev.Noted(code="warning", message=EVIL))
    told.hand_over("reviewer", EVIL, verdict=EVIL[:60], message=EVIL).keep()
    folder = home.path / "calls" / told.run / f"{told.progress.calls:04d}-reviewer"
    (folder / "stdout").write_text(json.dumps({"type": "text", "text": EVIL}) + "\n", "utf-8")
    (folder / "prompt.md").write_text(EVIL, "utf-8")
    open_run(page, server, told.run)
    for name in ("activity", "handoff", "prompt", "errors", "raw"):
        page.click(f"#tab-{name}")
        page.wait_for_selector("#panel:has-text('onerror')")
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img, main script").count() == 0


# --- what is done -----------------------------------------------------------------------------------

LOOP = [{"name": "worker", "backend": "demo", "prompt": "Do it."}, {"name": "look", "role": "gate"}]


def test_a_gate_is_approved_from_the_page(page: Any, server: Server, home: PicturedHome) -> None:
    with running(home, "gated", 0, mode="once", links=LOOP) as run:
        open_run(page, server, run)
        page.wait_for_selector(".need.gate")
        page.get_by_role("button", name="Approve").click()
        page.wait_for_selector("text=Ended: completed")
    answered = [one for one in events(home, "gated") if isinstance(one, ev.GateAnswered)]
    assert [one.approved for one in answered] == [True]


def test_a_gate_is_denied_with_a_reason(page: Any, server: Server, home: PicturedHome) -> None:
    with running(home, "gated", 0, mode="once", links=LOOP) as run:
        open_run(page, server, run)
        page.get_by_role("button", name="Deny").click()
        page.fill("#dialog-text", "not on a Friday")
        page.click("dialog >> button[type=submit]")
        page.wait_for_selector("text=Ended:")
    answered = [one for one in events(home, "gated") if isinstance(one, ev.GateAnswered)]
    assert [(one.approved, one.reason) for one in answered] == [(False, "not on a Friday")]


def test_a_run_is_paused_steered_resumed_and_stopped(page: Any, server: Server, home: PicturedHome) -> None:
    links = [{"name": "worker", "backend": "demo", "prompt": "Do it."}]
    with running(home, "slow", 4, max_rounds=50, links=links) as run:
        open_run(page, server, run)
        page.click("text=Pause")
        page.wait_for_selector("text=paused by a person", timeout=15000)
        page.click("text=Steer")
        page.click("dialog >> button[type=submit]")
        page.wait_for_selector("text=Write something first")
        page.fill("#dialog-text", "Keep @README.md as it is")
        page.click("dialog >> button[type=submit]")
        page.wait_for_selector("text=the next agent is told")
        page.click("text=Resume")
        page.wait_for_selector("button:has-text('Pause')", timeout=15000)
        page.click("text=Stop ▾")
        page.click("text=After this link")
        page.fill("#dialog-text", "that is enough")
        page.click("dialog >> button[type=submit]")
        page.wait_for_selector("text=Ended: stop_requested", timeout=20000)
    told = events(home, "slow")
    assert [(one.text, one.afar) for one in told if isinstance(one, ev.Steered)] == [
        ("Keep @README.md as it is", True)
    ]
    assert [one.reason for one in told if isinstance(one, ev.StopAsked)] == ["that is enough"]


# --- for everybody ----------------------------------------------------------------------------------


def test_the_keyboard_is_enough(page: Any, server: Server, home: PicturedHome, now: float) -> None:
    lock = home.lock("bugfix")
    told = home.bugfix(now)
    open_run(page, server, told.run)
    page.wait_for_selector(".one[aria-pressed=true]")
    page.locator(".one[aria-pressed=true]").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#detail-title").inner_text() == "R3 · reviewer"
    page.keyboard.press("ArrowUp")
    assert page.locator("#detail-title").inner_text() == "R3 · worker"
    page.keyboard.press("Home")
    assert page.locator("#detail-title").inner_text() == "R1 · worker"
    page.locator("#tab-activity").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-handoff"
    page.locator("text=Stop ▾").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "After this link"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "Now: end the call"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == "Stop ▾"
    page.get_by_role("button", name="Steer").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "dialog-text"
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    lock.release()


def test_nothing_is_cut_off_on_a_phone(page: Any, server: Server, home: PicturedHome, now: float) -> None:
    lock = home.lock("bugfix")
    told = home.bugfix(now, gate=True)
    home.stopped(now)
    page.set_viewport_size({"width": 360, "height": 740})
    for place in ("#/", f"#/run/{told.run}", "#/run/nightly-refactor-20261124-010011-02ab", "#/figures"):
        page.goto(f"{server.address}{place}")
        page.wait_for_selector(".one" if "run/" in place else "table")
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, place
    page.goto(f"{server.address}#/")
    assert "12 calls, 1 failed" in page.locator("tbody tr", has_text="bugfix").inner_text()
    lock.release()


def test_light_and_dark_follow_the_system_until_somebody_chooses(page: Any, server: Server) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(paper)
    assert light != dark
    page.click("#theme")
    assert page.evaluate(paper) == light
    page.reload()
    page.wait_for_selector(".tiles")
    assert page.evaluate(paper) == light


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_serious(
    page: Any, server: Server, home: PicturedHome, now: float, colours: str
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not there: `python -m tests.support.web_tools` gets it")
    lock = home.lock("bugfix")
    gated = home.bugfix(now, gate=True)
    home.stopped(now)
    home.finished(now)
    page.emulate_media(color_scheme=colours)
    script = AXE.read_text("utf-8")
    found: list[str] = []

    def look(where: str) -> None:
        page.evaluate(script)
        result = page.evaluate("axe.run(document)")
        found.extend(
            f"{where}: {one['id']}: {one['help']}: {one['nodes'][0]['html'][:160]}"
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
        )

    page.wait_for_selector("tbody tr")
    look("all runs")
    open_run(page, server, gated.run)
    page.locator(".one").nth(4).click()
    for name in ("activity", "handoff", "diff", "compare", "prompt", "result", "errors", "raw"):
        page.click(f"#tab-{name}")
        page.wait_for_timeout(250)
        look(name)
    page.get_by_role("button", name="Deny").click()
    look("dialog")
    page.keyboard.press("Escape")
    page.goto(f"{server.address}#/figures")
    page.wait_for_selector("text=Cost by day")
    look("figures")
    page.evaluate("localStorage.clear()")
    page.reload()
    page.wait_for_selector("#key")
    look("login")
    lock.release()
    assert not found, "\n".join(found)


def test_a_report_is_as_good_without_a_script(
    browser: Any, home: PicturedHome, now: float, tmp_path: Path
) -> None:
    home.bugfix(now)
    argv = [sys.executable, "-m", "llmauto", "--home", str(home.path), "chain", "report", "bugfix"]
    done = subprocess.run(argv, env=environment(), capture_output=True, encoding="utf-8", check=True)
    path = tmp_path / "r.html"
    path.write_text(done.stdout, "utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("rect.bar").count() >= 12
    assert "round 4 of 10" in page.locator("dl").inner_text()
    context.close()
