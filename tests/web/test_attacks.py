"""Who is let in, and what can be done to the page's server? Each case on every route that the app has."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra `web` is not installed")
pytest.importorskip("uvicorn", reason="the extra `web` is not installed")

from starlette.routing import Route

from llmauto.errors import LlmautoError, UsageError
from llmauto.home import Home, HowFound, shipped_root
from llmauto.journal.sqlite import SqliteJournal
from llmauto.web.app import Page
from llmauto.web.guard import LARGEST_BODY, PUBLIC, Hosts
from llmauto.web.keys import CODE_S, Keys
from llmauto.web.serve import Wish, check_address, hosts_for, is_loopback, serve
from tests.support.told_runs import ToldHome
from tests.support.web_client import Answer, Client

pytestmark = pytest.mark.web

EVIL = "<script>alert(1)</script>"
HOSTS = (
    "evil.example",
    "evil.example:8765",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.0.0.1:8766",
    "localhost.evil.example:8765",
    "127.0.0.1.evil.example:8765",
    "127.0.0.1:8765.evil.example",
    "0.0.0.0:8765",
    "[::ffff:127.0.0.1]:8765",
    "2130706433:8765",
    "127.1:8765",
    "evil@127.0.0.1:8765",
    "",
    " ",
)


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def told(tmp_path: Path) -> ToldHome:
    home = ToldHome(tmp_path / "home")
    home.run(task=EVIL).call().handoff(f"{EVIL}\n").end()
    folder = home.calls / "r1" / "0001-worker"
    folder.mkdir(parents=True)
    (folder / "prompt.md").write_text(EVIL, "utf-8")
    (folder / "stdout").write_text("hello\n", "utf-8")
    (tmp_path / "secret").write_text("secret", "utf-8")
    return home


@pytest.fixture
def page(told: ToldHome, keys: Keys) -> Iterator[Page]:
    home = Home(
        path=told.path,
        how_found=HowFound.OPTION,
        workdir_base=told.path,
        private=False,
        shipped=shipped_root(),
    )
    made = Page(home, keys, hosts_for("127.0.0.1", 8765))
    yield made
    made.hub.close()
    made.reader.close()


@pytest.fixture
def routes(page: Page) -> list[tuple[str, str]]:
    """Every route of the app, with its method, filled with what is there."""
    found = []
    for route in page.routes.routes:
        assert isinstance(route, Route)
        path = route.path
        for name, value in {
            "{run}": "r1", "{chain}": "x", "{bar:int}": "0", "{call:int}": "1", "{round:int}": "1",
            "{name}": "app.js",
        }.items():  # fmt: skip
            path = path.replace(name, value)
        assert "{" not in path, path
        found += [(method, path) for method in route.methods or () if method != "HEAD"]
    assert len(found) >= 20
    return found


def ask(client: Client, method: str, path: str, **headers: str) -> Answer:
    return client.get(path, **headers) if method == "GET" else client.post(path, **headers)


def requests(told: ToldHome) -> int:
    with SqliteJournal.open(told.path / "journal.db") as journal:
        return len(journal.take("x"))


def test_a_foreign_name_is_refused_before_any_routing(
    page: Page, keys: Keys, routes: list[tuple[str, str]]
) -> None:
    client = Client(page, keys.token)
    for method, path in [*routes, ("GET", "/nothing"), ("POST", "/nothing")]:
        for host in HOSTS if path in ("/", "/api/overview") else HOSTS[:3]:
            assert ask(client, method, path, host=host).status == 421, (path, host)


def test_the_names_of_this_machine_are_answered_to(page: Page, keys: Keys) -> None:
    client = Client(page, keys.token)
    for host in ("127.0.0.1:8765", "localhost:8765", "LOCALHOST:8765", "[::1]:8765"):
        assert client.get("/api/overview", host=host).status == 200


def test_without_a_key_every_route_but_the_way_in_is_closed(
    page: Page, routes: list[tuple[str, str]]
) -> None:
    for key in ("", "Bearer wrong", "Basic abc", "Bearer ", "Bearer " + "x" * 43):
        for method, path in [*routes, ("GET", "/nothing"), ("GET", "/api/../secret")]:
            if path in PUBLIC or path.startswith("/static/"):
                continue
            found = ask(Client(page), method, path, authorization=key)
            assert found.status == 401, (path, key)
            assert found.json() == {"error": "log in first"}


def test_what_needs_no_key_holds_no_data(page: Page, told: ToldHome) -> None:
    shown = [Client(page).get(path).body for path in ("/", "/static/app.js", "/static/page.css")]
    assert all(shown)
    assert not any(b"r1" in body and b"worker" in body for body in shown)


def test_a_key_in_the_address_counts_for_nothing(page: Page, keys: Keys) -> None:
    for query in (f"?token={keys.token}", f"?key={keys.token}", f"?authorization=Bearer {keys.token}"):
        assert Client(page).get(f"/api/overview{query}").status == 401
    assert Client(page).get("/api/overview", cookie=f"session={keys.token}").status == 401


def test_another_page_can_make_nobody_act(
    page: Page, keys: Keys, routes: list[tuple[str, str]], told: ToldHome
) -> None:
    client = Client(page, keys.token)
    lock = told.lock()
    foreign = (
        "null",
        "http://evil.example",
        "http://127.0.0.1:9999",
        "https://127.0.0.1:8765",
        "",
        "http://",
    )
    for method, path in routes:
        if method == "POST":
            for origin in foreign:
                assert client.post(path, {"kind": "stop"}, origin=origin).status == 403, (path, origin)
            for site in ("cross-site", "same-site"):
                assert client.post(path, {"kind": "stop"}, sec_fetch_site=site).status == 403
            for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
                assert client.post(path, {"kind": "stop"}, content_type=kind).status == 415, (path, kind)
        else:
            assert client.get(path, origin="http://evil.example").status == 403, path
    lock.release()
    assert requests(told) == 0


def test_reading_changes_nothing_and_takes_no_other_method(
    page: Page, keys: Keys, routes: list[tuple[str, str]], told: ToldHome
) -> None:
    client = Client(page, keys.token)
    client.get("/api/overview")
    before = {
        path: path.read_bytes() for path in told.path.rglob("*") if path.is_file() and "-shm" not in path.name
    }
    for method, path in routes:
        if method == "GET":
            assert client.get(path).status == 200, path
            assert client.post(path).status in (404, 405), path
        for other in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            headers = {"origin": "http://127.0.0.1:8765", "content-type": "application/json"}
            found = client.request(other, path, headers)
            assert found.status in (404, 405)
            assert "access-control-allow-origin" not in found.headers
    after = {
        path: path.read_bytes() for path in told.path.rglob("*") if path.is_file() and "-shm" not in path.name
    }
    assert after == before


def test_every_answer_forbids_what_a_page_could_be_used_for(
    page: Page, keys: Keys, routes: list[tuple[str, str]]
) -> None:
    answers = [ask(Client(page, keys.token), method, path) for method, path in routes]
    answers += [Client(page).get("/api/overview"), Client(page).get("/", host="evil.example")]
    for found in answers:
        policy = found.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["referrer-policy"] == "no-referrer"
        assert found.headers["cache-control"] == "no-store"
        assert "set-cookie" not in found.headers
        assert keys.token.encode() not in found.body


def test_no_path_leads_out(page: Page, keys: Keys, told: ToldHome, tmp_path: Path) -> None:
    client = Client(page, keys.token)
    outside = told.calls / "r1" / "0002-worker"
    outside.symlink_to(tmp_path)
    told.run("r2").call().call(attempt=2)
    (told.calls / "r2").symlink_to(tmp_path)
    steps = (
        "../secret",
        "..%2fsecret",
        "%2e%2e/secret",
        "....//secret",
        "/etc/passwd",
        "%00",
        "a%00b",
        "..\\secret",
    )
    paths = [
        *(f"/static/{step}" for step in steps),
        *(f"/api/runs/{step}" for step in steps),
        *(f"/api/runs/r1/calls/{step}/prompt" for step in steps),
        "//static/app.js", "/static//app.js", "/static/", "/api/runs/r1/calls/2/prompt",
        "/api/runs/r2/calls/1/prompt",
        "/api/runs/r1/calls/99999999999/prompt", "/api/runs/r1/bars/99/handoff", "/api/runs/r1/bars/-1/diff",
        "/api/runs/r1/events?after=x", "/api/runs/r1/bars?before=-1", "/api/runs/r1/compare?a=9e9",
    ]  # fmt: skip
    for path in paths:
        found = client.get(path)
        assert found.status == 404, path
        assert b"secret" not in found.body.replace(b"secret'", b"")


def test_a_link_in_a_calls_folder_is_not_followed(
    page: Page, keys: Keys, told: ToldHome, tmp_path: Path
) -> None:
    prompt = told.calls / "r1" / "0001-worker" / "prompt.md"
    prompt.unlink()
    prompt.symlink_to(tmp_path / "secret")
    assert b"secret" not in Client(page, keys.token).get("/api/runs/r1/calls/1/prompt").body


def test_what_agents_wrote_comes_as_json_and_never_as_a_page(page: Page, keys: Keys) -> None:
    client = Client(page, keys.token)
    for path in ("/api/runs/r1", "/api/runs/r1/bars/0/handoff", "/api/runs/r1/calls/1/prompt"):
        found = client.get(path)
        assert found.headers["content-type"].startswith("application/json")
        assert EVIL in str(found.json())


def test_a_body_that_is_none_is_refused(page: Page, keys: Keys) -> None:
    client = Client(page, keys.token)
    headers = {"origin": "http://127.0.0.1:8765", "content-type": "application/json"}
    path = "/api/chains/x/ask"
    assert client.request("POST", path, headers, b"{").status == 400
    assert client.request("POST", path, headers, b"[]").status == 400
    assert client.request("POST", path, headers, b"[" * 100_000).status == 400
    large = {**headers, "content-length": str(LARGEST_BODY + 1)}
    assert client.request("POST", path, large, b"{}").status == 413
    assert client.request("POST", path, {**headers, "content-length": ""}, b"{}").status == 411
    for body in (
        {"kind": "rm"},
        {"kind": 1},
        {"kind": "steer", "text": 1},
        {"kind": "steer", "text": "a\0b"},
    ):
        assert client.post(path, body).status == 400, body
    assert client.post("/api/chains/..%2fx/ask", {"kind": "stop"}).status == 404


def test_a_code_opens_one_session_and_no_second_one() -> None:
    keys = Keys()
    now = time.monotonic()
    code = keys.new_code(now)
    session = keys.open_session(code, now)
    assert session is not None
    assert keys.allows(f"Bearer {session}")
    assert keys.open_session(code, now) is None
    assert keys.open_session(keys.new_code(now), now + CODE_S + 1) is None
    assert not keys.allows(f"Bearer {code}")
    keys.close_session(session)
    assert not keys.allows(f"Bearer {session}")


def test_the_key_has_256_bits_and_is_new_with_each_start() -> None:
    assert len(Keys().token) >= 43
    assert Keys().token != Keys().token


def test_logging_in_by_the_page(page: Page, keys: Keys) -> None:
    found = Client(page).post("/api/login", {"key": keys.token})
    session = found.json()["session"]
    assert Client(page, session).get("/api/overview").status == 200
    for wrong in ("", "x", 5, None, [keys.token]):
        assert Client(page).post("/api/login", {"key": wrong}).status == 401
    assert Client(page, session).post("/api/logout").status == 200
    assert Client(page, session).get("/api/overview").status == 401


def test_another_address_needs_a_word_that_says_what_it_means() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.7", "box.example"):
        with pytest.raises(UsageError, match="without encryption") as caught:
            check_address(Wish(host=host))
        assert "--expose-without-encryption" in (caught.value.hint or "")
        check_address(Wish(host=host, exposed=True))
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        assert is_loopback(host)
        check_address(Wish(host=host))


def test_a_port_that_is_taken_is_an_error_with_a_way_out(page: Page) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(LlmautoError, match="cannot serve on") as caught:
            serve(page.reader.home, Wish(port=taken.getsockname()[1]), lambda _: None)
    assert "--port 0" in (caught.value.hint or "")


def test_on_all_addresses_a_name_that_can_be_made_to_point_here_is_still_refused() -> None:
    hosts: Hosts = hosts_for("0.0.0.0", 8765)
    assert hosts.allow("192.168.1.7:8765")
    assert hosts.allow("[fe80::1]:8765")
    assert not hosts.allow("evil.example:8765")


# --- what is asked of a run -------------------------------------------------------------------------


def test_a_request_reaches_the_runner_as_the_command_lines_do(page: Page, keys: Keys, told: ToldHome) -> None:
    client = Client(page, keys.token)
    lock = told.lock()
    for kind in ("stop", "stop_now", "pause", "resume", "steer"):
        assert client.post("/api/chains/x/ask", {"kind": kind, "text": "now @/etc/passwd"}).status == 200
    with SqliteJournal.open(told.path / "journal.db") as journal:
        taken = [(one.kind, one.text) for one in journal.take("x")]
    lock.release()
    assert [kind for kind, _ in taken] == ["stop", "stop_now", "pause", "resume", "steer_afar"]
    assert taken[-1][1] == "now @/etc/passwd"


def test_nothing_is_asked_of_a_run_that_nobody_plays(page: Page, keys: Keys, told: ToldHome) -> None:
    client = Client(page, keys.token)
    assert client.post("/api/chains/x/ask", {"kind": "stop"}).status == 409
    assert client.post("/api/chains/x/ask", {"kind": "approve"}).status == 409
    assert client.post("/api/chains/nope/ask", {"kind": "stop"}).status == 404
    assert requests(told) == 0


# --- streams ----------------------------------------------------------------------------------------


def test_a_stream_begins_with_the_whole(page: Page, keys: Keys) -> None:
    client = Client(page, keys.token)
    found = client.get("/api/runs/r1/stream")
    assert found.headers["content-type"].startswith("text/event-stream")
    assert found.body.startswith(b"event: whole\ndata: {")
    assert client.get("/api/overview/stream").body.startswith(b"event: overview\n")
    assert client.get("/api/runs/nope/stream").body.startswith(b"event: gone\n")
