"""What the end-to-end tests stand on: a scripted API on loopback, and the real CLI or a loud word why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import claude_scenes
from tests.support.claude_cli import VERSION, environment, installed
from tests.support.claude_stage import Played
from tests.support.messages_api import MessagesApi

_NOT_RUN = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def claude(request: pytest.FixtureRequest) -> Path:
    """The pinned Claude Code CLI, installed if need be. Where it cannot be had, the tests are skipped."""
    cli = installed()
    if cli.path is None:
        request.config.stash[_NOT_RUN] = cli.why_not
        pytest.skip(f"no Claude Code {VERSION}: {cli.why_not}")
    return cli.path


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    """A scripted Messages API. A request that the script did not foresee fails the test."""
    with MessagesApi() as api:
        yield api
    assert not api.mistakes, "the script raised"
    assert not api.unscripted, "requests came for which the script has no turn"


@pytest.fixture
def claude_env(claude: Path, api: MessagesApi, tmp_path: Path) -> dict[str, str]:
    """The environment of a `claude`, or of an `llmauto`, that is logged in to `api` by an API key."""
    return environment(api, tmp_path / "home")


@pytest.fixture
def subscriber_env(claude: Path, api: MessagesApi, tmp_path: Path) -> dict[str, str]:
    """The same, logged in by a subscription's token, so that `usage_limit` and `quota` are believed."""
    return environment(api, tmp_path / "home", subscription=True)


@pytest.fixture(scope="session")
def played(claude: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Played]:
    """Plays a scene of `claude_scenes` by its name, once in the whole session."""
    known: dict[str, Played] = {}

    def play(name: str) -> Played:
        if name not in known:
            known[name] = claude_scenes.play(name, tmp_path_factory.mktemp("scene"))
        return known[name]

    return play


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    reason = config.stash.get(_NOT_RUN, None)
    if reason is not None:
        terminalreporter.section("e2e: NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(f"e2e: NOT RUN, because {reason}", red=True, bold=True)
