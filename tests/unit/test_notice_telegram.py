from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmauto.home import Home, HowFound
from llmauto.notices import NoNotices, notifier_for
from llmauto.notices.address import parse_address
from llmauto.notices.outbox import Outbox, Tried
from llmauto.notices.post import ANSWER_LIMIT
from llmauto.notices.telegram import Bot, TelegramNotifier
from llmauto.settings import Settings, TelegramSettings, load_settings
from tests.support.bot_api import OK, BotApi, Hangs, Play, Says, Sends, Waits, fails

TOKEN = "987654321:geheim-GEHEIM_x7Kq93nd"
FACTS = {"chain": "night", "round": "3", "status": "ALL_DONE", "next": "llmauto chain status night"}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "NO_PROXY",
        "no_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


def settings(url: str, **more: object) -> Settings:
    telegram = TelegramSettings(enabled=True, chat_id="-100123", api_url=url)
    return Settings(telegram=replace(telegram, **more))  # type: ignore[arg-type]


def tried(*plays: Play, timeout_s: float = 5.0) -> tuple[Tried, BotApi]:
    with BotApi(*plays) as api:
        bot = Bot(
            parse_address(api.url), TOKEN, "-100123", clean=lambda text: text.replace(TOKEN, "[redacted]")
        )
        return bot.deliver("hello", timeout_s), api


def played(*plays: Says | Sends | Hangs) -> tuple[list[tuple[str, bool, str]], BotApi, list[float]]:
    """What becomes of one notice when each wait takes no time."""
    waits = Waits()
    with BotApi(*plays) as api:
        bot = Bot(parse_address(api.url), TOKEN, "-100123", clean=str)
        notifier = TelegramNotifier(Outbox("telegram", bot.deliver, wait=waits), clean=str)
        notifier.send("night: all_done", FACTS)
        found: list[tuple[str, bool, str]] = []
        pause = threading.Event()
        for _ in range(2000):
            if found:
                break
            pause.wait(0.005)
            found += notifier.results()
        return found, api, waits.asked


def test_a_notice_reaches_the_chat_as_plain_text() -> None:
    with BotApi() as api:
        notifier = notifier_for(settings(api.url), {"TELEGRAM_BOT_TOKEN": f"{TOKEN}\n"})
        notifier.send("night: all_done", FACTS)
        notifier.close(10)
    assert notifier.results() == [("telegram", True, "night: all_done")]
    request = api.requests[0]
    assert request.path == f"/bot{TOKEN}/sendMessage"
    assert request.body["chat_id"] == "-100123"
    assert "parse_mode" not in request.body
    assert request.body["link_preview_options"] == {"is_disabled": True}
    assert (
        request.text
        == "night: all_done\nchain: night\nround: 3\nstatus: ALL_DONE\nnext: llmauto chain status night"
    )
    assert request.headers["Host"] == f"127.0.0.1:{api.port}"


def test_the_address_may_have_a_path_and_come_from_the_environment(tmp_path: Path) -> None:
    home = Home(
        path=tmp_path, how_found=HowFound.OPTION, workdir_base=tmp_path, private=False, shipped=tmp_path
    )
    with BotApi() as api:
        environ = {
            "LLMAUTO_TELEGRAM_ENABLED": "true",
            "LLMAUTO_TELEGRAM_CHAT_ID": "42",
            "LLMAUTO_TELEGRAM_API_URL": f"{api.url}/telegram/",
            "LLMAUTO_TELEGRAM_BOT_TOKEN_ENV": "MY_TOKEN",
            "MY_TOKEN": TOKEN,
        }
        notifier = notifier_for(load_settings(home, environ), environ)
        notifier.send("t", {})
        notifier.close(10)
    assert api.requests[0].path == f"/telegram/bot{TOKEN}/sendMessage"
    assert api.requests[0].body["chat_id"] == "42"


def test_the_words_of_a_link_pass_without_secrets_of_the_environment() -> None:
    environ = {"TELEGRAM_BOT_TOKEN": TOKEN, "GITHUB_TOKEN": "x7Kq93nd+geheim"}
    with BotApi() as api:
        notifier = notifier_for(settings(api.url), environ)
        notifier.send(f"t {TOKEN}", {"why": f"push with x7Kq93nd+geheim failed: {json.dumps(environ)}"})
        notifier.close(10)
    text = api.requests[0].text
    assert "geheim" not in text
    assert "push with [redacted GITHUB_TOKEN] failed" in text
    assert notifier.results() == [("telegram", True, "t [redacted TELEGRAM_BOT_TOKEN]")]


@pytest.mark.parametrize("status", [500, 502, 503, 408, 429])
def test_what_may_pass_is_tried_again(status: int) -> None:
    found, api, waits = played(fails(status), fails(status), Says())
    assert found == [("telegram", True, "night: all_done")]
    assert len(api.requests) == 3
    assert waits == [1.0, 5.0]


@pytest.mark.parametrize(
    ("status", "said", "hint"),
    [
        (400, "Bad Request: chat not found", "is `telegram.chat_id` right"),
        (401, "Unauthorized", "is the bot's token right?"),
        (403, "Forbidden: bot was blocked by the user", "may the bot write"),
        (404, "Not Found", "is the bot's token right?"),
    ],
)
def test_what_will_not_pass_is_tried_once_and_says_why(status: int, said: str, hint: str) -> None:
    found, api, _ = played(fails(status, said))
    assert len(api.requests) == 1
    assert found[0][:2] == ("telegram", False)
    assert found[0][2].startswith(f"night: all_done: HTTP {status}: {said} ({hint}")


def test_a_flood_limit_is_kept() -> None:
    found, _, waits = played(fails(429, "Too Many Requests: retry after 9", retry_after=9), Says())
    assert found[0][1]
    assert [round(wait) for wait in waits] == [9]


def test_a_flood_limit_may_come_as_a_header() -> None:
    found, _, waits = played(Says(429, b"slow down", (("Retry-After", "7"),)), Says())
    assert found[0][1]
    assert [round(wait) for wait in waits] == [7]


def test_a_long_flood_limit_ends_the_notice() -> None:
    found, api, waits = played(fails(429, "Too Many Requests", retry_after=3600))
    assert found[0][2] == "night: all_done: HTTP 429: Too Many Requests (it asks for 3600 s of peace)"
    assert len(api.requests) == 1
    assert waits == []


def test_a_group_that_became_another_is_named() -> None:
    outcome, _ = tried(fails(400, "group chat was upgraded", migrate_to_chat_id=-1009))
    assert outcome.why.endswith("(the group has become another: set `telegram.chat_id` to -1009)")


def test_a_redirect_is_not_followed() -> None:
    with BotApi() as other:
        outcome, api = tried(Says(302, b"", (("Location", f"{other.url}/x"),)))
    assert outcome == Tried(delivered=False, why="a redirect (302), which is not followed")
    assert len(api.requests) == 1
    assert other.requests == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>log in to this network</html>",
        b"[]",
        b"null",
        b'{"ok": 1}',
        b"\xff",
        b"[" * 60_000,
        b'{"ok"',
    ],
)
def test_an_answer_that_is_none_of_the_api_is_no_delivery(body: bytes) -> None:
    outcome, _ = tried(Says(200, body))
    assert outcome == Tried(delivered=False, why="the answer is not one of the Bot API", again=True)


def test_a_failure_that_comes_as_success_is_one() -> None:
    outcome, _ = tried(Says(200, b'{"ok": false, "error_code": 403, "description": "blocked"}'))
    assert not outcome.delivered
    assert not outcome.again
    assert outcome.why.startswith("HTTP 403: blocked")


def test_the_words_of_an_answer_are_bounded_plain_and_without_the_token() -> None:
    outcome, _ = tried(fails(400, f"\x1b[31m/bot{TOKEN}/sendMessage\n" + "x" * 9000))
    assert outcome.why.startswith("HTTP 400: /bot[redacted]/sendMessage xxx")
    assert len(outcome.why) < 400


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def test_an_answer_in_chunks_or_without_a_length_is_read() -> None:
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n0\r\n\r\n" % (len(OK), OK)
    assert tried(Sends((chunked,)))[0].delivered
    assert tried(Sends((HEAD + b"\r\n" + OK,)))[0].delivered


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    outcome, _ = tried(Sends((HEAD + b"\r\n", *[b" " * 20_000] * 8)))
    assert outcome.why == f"`127.0.0.1` answered with more than {ANSWER_LIMIT // 1024} KiB"
    assert outcome.again


@pytest.mark.parametrize(
    "raw", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500]
)
def test_what_is_no_http_is_a_failed_try(raw: bytes) -> None:
    outcome, _ = tried(Sends((raw,)))
    assert outcome == Tried(delivered=False, why="`127.0.0.1` answered with what is no HTTP", again=True)


def test_a_server_that_hangs_up_is_a_failed_try() -> None:
    outcome, _ = tried(Sends(()))
    assert outcome.why in (
        "`127.0.0.1` hung up without an answer",
        "`127.0.0.1` cannot be reached: connection reset by peer",
    )
    assert outcome.again


def test_a_server_that_never_answers_has_a_bounded_time() -> None:
    outcome, _ = tried(Hangs(), timeout_s=0.1)
    assert outcome == Tried(delivered=False, why="`127.0.0.1` gave no answer within 0.1 s", again=True)


def test_a_server_that_sends_a_byte_now_and_then_has_no_more_time() -> None:
    drip = Sends((HEAD + b"\r\n", *[b" "] * 500), pause_s=0.02)
    outcome, _ = tried(drip, timeout_s=0.15)
    assert outcome.why == "`127.0.0.1` gave no answer within 0.15 s"


def test_a_port_where_nobody_listens_is_a_failed_try() -> None:
    with BotApi() as api:
        url = api.url
    outcome = Bot(parse_address(url), TOKEN, "1", clean=str).deliver("x", 5)
    assert outcome == Tried(
        delivered=False, why="`127.0.0.1` cannot be reached: connection refused", again=True
    )


def test_the_end_of_a_run_is_not_held_up() -> None:
    with BotApi(Hangs()) as api:
        notifier = notifier_for(settings(api.url), {"TELEGRAM_BOT_TOKEN": TOKEN})
        notifier.send("night: all_done", FACTS)
        assert api.came.wait(5)
        notifier.close(0.05)
        assert notifier.results() == [
            ("telegram", False, "night: all_done: no answer came before the run was over")
        ]


@pytest.mark.parametrize(
    "play",
    [
        fails(500, TOKEN),
        fails(400, f"https://api/bot{TOKEN}/sendMessage"),
        fails(401, base64.b64encode(TOKEN.encode()).decode()),
        fails(404, urllib.parse.quote(TOKEN, safe="")),
        Says(200, TOKEN.encode()),
        Says(302, b"", (("Location", f"/bot{TOKEN}"),)),
        Sends((f"HTTP/1.1 {TOKEN}\r\n\r\n".encode(),)),
        Sends(()),
        Hangs(),
    ],
)
def test_the_token_appears_nowhere(
    play: Play, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with BotApi(play) as api:
        notifier = notifier_for(settings(api.url), {"TELEGRAM_BOT_TOKEN": TOKEN})
        notifier.send(f"title {TOKEN}", FACTS | {"why": TOKEN})
        assert api.came.wait(5)
        notifier.close(0.3)
        out, err = capfd.readouterr()
        seen = f"{notifier.results()} {notifier!r} {vars(notifier)} {caplog.text} {out} {err} {api.texts}"
    assert TOKEN not in seen
    assert "geheim" not in seen.lower()
    assert base64.b64encode(TOKEN.encode()).decode()[:-4] not in seen


def test_a_token_with_odd_signs_stays_one_part_of_the_path() -> None:
    with BotApi() as api:
        notifier = notifier_for(settings(api.url), {"TELEGRAM_BOT_TOKEN": '1:a"b<c>'})
        notifier.send("t", {})
        notifier.close(10)
    assert api.requests[0].path == "/bot1:a%22b%3Cc%3E/sendMessage"


def test_where_notices_are_off_nothing_is_sent_and_nothing_is_said() -> None:
    with BotApi() as api:
        for notifier in (
            notifier_for(settings(api.url, enabled=False), {"TELEGRAM_BOT_TOKEN": TOKEN}),
            notifier_for(settings(api.url), {"TELEGRAM_BOT_TOKEN": TOKEN}, enabled=False),
        ):
            notifier.send("t", FACTS)
            notifier.close(10)
            assert notifier.problem == ""
            assert list(notifier.results()) == []
    assert api.requests == []


@pytest.mark.parametrize(
    ("more", "token", "problem"),
    [
        ({}, "", "`TELEGRAM_BOT_TOKEN` is not set, it has to hold the bot's token"),
        ({}, "1:ge/heim", "`TELEGRAM_BOT_TOKEN` holds something that is no bot's token"),
        ({}, "1:geheim\r\nX: y", "`TELEGRAM_BOT_TOKEN` holds something that is no bot's token"),
        ({}, "1:geheim" * 99, "`TELEGRAM_BOT_TOKEN` holds something that is far too long for a bot's token"),
        ({"chat_id": " "}, TOKEN, "`telegram.chat_id` is not set, it says who gets them"),
        (
            {"api_url": "http://geheim@10.0.0.1"},
            TOKEN,
            "`telegram.api_url` may have a host, a port and a path, and nothing else",
        ),
        (
            {"api_url": "https://169.254.169.254"},
            TOKEN,
            "`telegram.api_url` is a private address, which is refused",
        ),
    ],
)
def test_what_is_missing_is_said_once_and_nothing_is_sent(
    more: dict[str, str], token: str, problem: str
) -> None:
    with BotApi() as api:
        notifier = notifier_for(settings(api.url, **more), {"TELEGRAM_BOT_TOKEN": token})
        assert isinstance(notifier, NoNotices)
        assert notifier.problem == f"no notices: {problem}"
        assert list(notifier.results()) == []
        for _ in range(3):
            notifier.send("t", FACTS)
        assert list(notifier.results()) == [("telegram", False, notifier.problem)]
        notifier.send("t", FACTS)
        notifier.close(10)
        assert list(notifier.results()) == []
    assert api.requests == []


def test_where_notices_are_off_none_of_their_modules_is_loaded() -> None:
    code = (
        "import sys; from llmauto.notices import notifier_for; from llmauto.settings import Settings;"
        "before = set(sys.modules); notifier_for(Settings(), {}).send('t', {});"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name == "notices-telegram":
            thread.join(5)
            assert not thread.is_alive()
