"""The environment that an agent gets (contract, section 10)."""

from __future__ import annotations

from llmauto.backends.environment import MARKS, call_environment
from llmauto.model import Link
from tests.support.calls import order

MINE = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "ANTHROPIC_API_KEY": "key",
    "CLAUDE_CODE_OAUTH_TOKEN": "token",
    "CLAUDE_CONFIG_DIR": "/c",
    "CLAUDE_CODE_USE_BEDROCK": "1",
    "PWD": "/elsewhere",
}
OURS = {"LLMAUTO_CHAIN", "LLMAUTO_LINK", "LLMAUTO_ROUND", "LLMAUTO_RUN", "LLMAUTO_HANDOFF", "PWD"}


def environment(environ: dict[str, str], link: Link | None = None, **more: str) -> dict[str, str]:
    return call_environment(order(link=link), environ, needs=more, tokens=("MY_TOKEN",))


def test_the_persons_own_environment_is_kept_with_its_logins() -> None:
    kept = environment(MINE)

    assert {name: kept[name] for name in MINE if name != "PWD"} == {
        name: value for name, value in MINE.items() if name != "PWD"
    }


def test_what_marks_a_process_as_living_inside_an_agent_is_gone() -> None:
    inside = dict.fromkeys(MARKS, "1")

    assert {"CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_ENTRYPOINT", "AI_AGENT"} <= MARKS
    assert set(environment({**MINE, **inside})) == set(MINE) | OURS


def test_our_own_settings_and_the_notifiers_tokens_are_gone() -> None:
    ours = {"LLMAUTO_HOME": "/h", "LLMAUTO_DAILY_BUDGET_USD": "3", "LLMAUTO_LINK": "of-an-outer-run"}
    kept = environment({**MINE, **ours, "TELEGRAM_BOT_TOKEN": "t", "MY_TOKEN": "t"})

    assert set(kept) == set(MINE) | OURS
    assert kept["LLMAUTO_LINK"] == "worker"


def test_the_call_finds_itself_there() -> None:
    kept = environment({})

    assert kept == {
        "LLMAUTO_CHAIN": "c",
        "LLMAUTO_LINK": "worker",
        "LLMAUTO_ROUND": "1",
        "LLMAUTO_RUN": "r1",
        "LLMAUTO_HANDOFF": str(order().handoff),
        "PWD": str(order().workdir),
    }


def test_the_links_env_stands_above_the_backends_needs_and_below_the_call() -> None:
    link = Link(name="worker", env={"RETRIES": "9", "LLMAUTO_LINK": "x", "CLAUDECODE": "wanted"})
    kept = environment({"RETRIES": "5"}, link, RETRIES="2")

    assert (kept["RETRIES"], kept["LLMAUTO_LINK"], kept["CLAUDECODE"]) == ("9", "worker", "wanted")


def test_env_only_is_exactly_a_list_of_what_may_pass() -> None:
    link = Link(name="worker", env={"MODE": "test"}, env_only=("PATH", "NOT_SET", "CLAUDECODE", "MY_TOKEN"))
    kept = environment({**MINE, "CLAUDECODE": "1", "MY_TOKEN": "t"}, link)

    assert set(kept) - {"SYSTEMROOT"} == OURS | {"PATH", "MODE"}


def test_an_empty_env_only_lets_nothing_pass() -> None:
    assert set(environment(MINE, Link(name="worker", env_only=()))) - {"SYSTEMROOT"} == OURS


def test_the_mark_of_an_outer_keeper_is_handed_on() -> None:
    link = Link(name="worker", env_only=())

    assert environment({"LLMAUTO_CALL": "abc"}, link)["LLMAUTO_CALL"] == "abc"
