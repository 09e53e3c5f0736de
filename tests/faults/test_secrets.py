"""X6: six secrets, in every writing, on their way into everything that llmauto writes or prints."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.faults.held import until
from tests.faults.test_kills import Victim
from tests.support.bot_api import BotApi, fails

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills by signal"),
]

SECRETS = {
    "ANTHROPIC_API_KEY": "sk-ant-api03-Zq9/x+Y7w==_L0ng",
    "GITHUB_TOKEN": "ghp_0123456789abcdefABCDEF0123456789abcd",
    "DB_PASSWORD": "p@ss \"w\\rd' <&> ü€",
    "TELEGRAM_BOT_TOKEN": "123456789:AAF-bot_token_of-thirtyfive-charsXYZ",
    "DATABASE_URL": "postgres://me:hunter2hunter2%2F@db.example/x",
    "CLOUD_SECRET": "two\nlines/of+secret=42",
}
CORES = dict(SECRETS) | {"DATABASE_URL": "hunter2hunter2/"}
"""What of each is the secret: of an address it is the password."""


def writings(secret: str) -> dict[str, str]:
    """How programs write a secret."""
    raw = secret.encode()
    return {
        "raw": secret,
        "json": json.dumps(secret)[1:-1],
        "json in json": json.dumps(json.dumps({"key": secret})),
        "url": quote(secret, safe=""),
        "hex": raw.hex(),
        "base64": base64.b64encode(raw).decode(),
        "base64 of more": base64.b64encode(b"user:" + raw).decode(),
        "exception": f"HTTPError: 401 for https://api.example/{quote(secret)}/sendMessage?k={secret!r}",
    }


def needles() -> dict[str, bytes]:
    """What must be found nowhere: each secret in each writing; of base64 what does not hang on neighbours."""
    found = {}
    for name, secret in CORES.items():
        for how, text in writings(secret).items():
            data = text.encode()
            if how == "base64 of more":
                data = data[8:-4]
            if how == "exception":
                data = quote(secret).encode()
            if how == "json in json":
                data = json.dumps(json.dumps(secret)[1:-1])[1:-1].encode()
            found[f"{name} as {how}"] = data
    return found


def found_in(data: bytes) -> list[str]:
    return [what for what, needle in needles().items() if needle in data]


class Spy:
    """A run whose agent betrays all it knows, by every way there is. `said` is what people were shown."""

    def __init__(self, folder: Path, api: BotApi) -> None:
        self.victim = Victim(folder, 2, grace_seconds=1)
        project = self.victim.project
        project.env |= SECRETS
        config = {"telegram": {"enabled": True, "chat_id": "42", "api_url": api.url}}
        (project.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        links = [
            {"name": "worker", "prompt": "Do the work.", "telegram_update": True},
            {"name": "reviewer", "prompt": "Review it.", "telegram_update": True, "handoff": "output"},
        ]
        project.chain(
            "c", mode="loop", max_rounds=2, breakers={"no_progress": 0}, links=links, grace_seconds=1,
            on_link_failure="continue",
        )  # fmt: skip
        self.said: list[bytes] = []

    def state(self, name: str) -> str:
        return str(self.victim.project.folder / "state" / "c" / name)

    def betray(self) -> list[dict[str, Any]]:
        """Steps that print and write every secret in every writing."""
        texts = [text for secret in CORES.values() for text in writings(secret).values()]
        lines = "\n".join(f"a {text} b" for text in texts)
        steps: list[dict[str, Any]] = [{"assistant": lines}, {"err": lines}]
        for secret in CORES.values():
            for cut in (1, len(secret) // 2, len(secret) - 1):
                steps += [{"raw": secret[:cut]}, {"sleep": 0.02}, {"raw": secret[cut:] + "\n"}]
        steps.append({"write": self.state("handoff.md"), "text": f"# Handoff\n{lines}\n"})
        return steps

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.victim.project.run(*words)
        self.said += [done.stdout.encode(), done.stderr.encode()]
        return done

    def places(self) -> dict[str, list[str]]:
        """Where which secrets are found: in all files of the home but those that a person wrote."""
        found = {}
        for path in self.victim.project.folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.name != "prompt.md":
                hits = found_in(path.read_bytes())
                if hits:
                    found[str(path.relative_to(self.victim.project.folder))] = hits
        for number, text in enumerate(self.said):
            if hits := found_in(text):
                found[f"said {number}: {text[:60]!r}"] = hits
        return found


def test_x6_no_secret_is_found_in_anything_that_is_written_printed_or_sent(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with BotApi(fails(400, f"bad chat {SECRETS['TELEGRAM_BOT_TOKEN']}")) as api:
        spy = Spy(tmp_path, api)
        loud = "\n".join(CORES.values())
        spy.victim.script({"links": {
            "worker": [
                [*spy.betray(), {"say": loud, "cost": 0.1}],
                [*spy.betray(), {"api_error": 400, "text": f"API Error: 400 {loud}"}],
            ],
            "reviewer": [
                [{"say": f"Verdict: APPROVED\n{loud}", "cost": 0.1}],
                [
                    {"write": spy.state("handoff.md"), "text": "long\n" * 100_000 + loud},
                    {"write": spy.state("STOP"), "text": loud[:100] + CORES["GITHUB_TOKEN"]},
                    {"write": spy.state("status.txt"), "text": CORES["GITHUB_TOKEN"]},
                    {"say": "done", "cost": 0.1},
                ],
            ],
        }})  # fmt: skip
        assert spy.run("--debug", "chain", "start", "c", "--verbose", "--json").returncode in (1, 3)
        for words in (
            ["chain", "log", "c", "500"], ["chain", "log", "c", "--json"], ["chain", "handoff", "c"],
            ["chain", "status", "c", "--json"], ["chain", "runs", "c", "--json"], ["chain", "show", "c"],
            ["chain", "start", "c", "--dry-run"], ["status", "--json"],
            ["--debug", "chain", "start", CORES["GITHUB_TOKEN"]],
            ["--debug", "chain", "check", f"./{CORES['GITHUB_TOKEN']}.json"],
        ):  # fmt: skip
            assert "Traceback" not in spy.run(*words).stdout
        spy.said += [request.text.encode() for request in api.requests]
        assert api.requests, "notices were sent"
    assert spy.places() == {}
    kept = (tmp_path / "repo" / "state" / "c" / "handoff_worker.md").read_text(encoding="utf-8")
    assert "[redacted GITHUB_TOKEN]" in kept, "the rest of the text is there"
    printed = next((tmp_path / "repo" / "calls").glob("*/0001-worker/stdout")).read_text(encoding="utf-8")
    assert [name for name in CORES if printed.count(f"[redacted {name}]") < 7] == []
    record_property("secrets in writings", len(needles()))


def test_x6_a_crash_in_the_middle_leaves_no_secret_either(tmp_path: Path) -> None:
    with BotApi() as api:
        spy = Spy(tmp_path, api)
        spy.victim.script({"default": [*spy.betray(), {"sleep": 1.5}, {"say": "done", "cost": 0.1}]})
        runner = spy.victim.begin()
        handoff = Path(spy.state("handoff.md"))
        until(lambda: handoff.exists() and "redacted" not in handoff.read_text("utf-8", "replace"))
        os.kill(runner.pid, signal.SIGKILL)
        runner.communicate()
        assert spy.run("chain", "start", "c").returncode == 0
    assert spy.places() == {}


def test_x6_the_logs_and_the_answer_of_a_pipe_hold_no_secret(tmp_path: Path) -> None:
    with BotApi() as api:
        spy = Spy(tmp_path, api)
        loud = "\n".join(CORES.values())
        spy.victim.script({"default": [{"err": loud}, {"say": loud, "cost": 0.1}]})
        done = spy.run("pipe", f"what is {CORES['GITHUB_TOKEN']}?")
        assert done.returncode == 0, done.stderr
        assert "[redacted GITHUB_TOKEN]" in done.stdout
    assert spy.places() == {}


def test_x6_what_a_person_typed_for_the_agents_reaches_them_whole(tmp_path: Path) -> None:
    with BotApi() as api:
        spy = Spy(tmp_path, api)
        project = spy.victim.project
        links = [{"name": "worker", "prompt": "Do {TASK}."}]
        project.chain("c", mode="once", links=links)
        assert spy.run("chain", "start", "c", "--task", f"use {SECRETS['GITHUB_TOKEN']}").returncode == 0
    prompt = next(project.folder.glob("calls/*/*/prompt.md")).read_text(encoding="utf-8")
    assert f"Do use {SECRETS['GITHUB_TOKEN']}." in prompt
    logs = b"".join(path.read_bytes() for path in (project.folder / "logs").iterdir())
    assert found_in(logs + b"".join(spy.said)) == []
