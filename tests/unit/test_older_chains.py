"""Do chains of the older tool load? (Row U1: six of its seven do, one is told of its twin names.)

What stands here has their keys and their shape; names and texts are our own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmauto.model import Mode, Role
from tests.support.homes import Bench

MODEL = "claude-opus-4-6"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def staged(name: str, **keys: Any) -> dict[str, Any]:
    """A controller and three workers, as three of the chains have them."""
    workers = ["sonnet-worker", "opus-worker", "opus-deep"]
    links = [{"name": "opus-controller", "role": "controller", "model": MODEL, "prompt": f"{name}_controller",
              "continue": True, "description": "reads, assigns, checks"}]  # fmt: skip
    links += [
        {"name": worker, "role": "worker", "model": MODEL, "prompt": f"{name}_{worker}", "until_full": True}
        for worker in workers
    ]
    return {
        "chain_name": name, "description": "A controller and three workers", "mode": "loop", "max_rounds": 50,
        "runtime_hours": 4, "max_consecutive_blocks": 3, "opus_deep_limit": 1,
        "_comment_deep_limit": "how often the last worker may be assigned",
        "defaults": {"permission_mode": "dontAsk", "allowed_tools": ["Read"], "timeout_seconds": 3600},
        "links": links,
        "prompts": {link["prompt"]: {"type": "file", "path": f"prompts/{link['prompt']}.txt"}
                    for link in links},
        **keys,
    }  # fmt: skip


def reviews(names: list[str]) -> dict[str, Any]:
    """Single reviews one after the other, with private prompts."""
    return {
        "chain_name": "reviews", "description": "Reviews", "mode": "once", "max_rounds": 1,
        "runtime_hours": 12, "deadline": "2026-03-15", "max_consecutive_blocks": 3,
        "links": [{"name": name, "role": "reviewer", "model": MODEL, "prompt": f"k_{place}",
                   "continue": False, "until_full": True, "telegram_update": True}
                  for place, name in enumerate(names)],
        "prompts": {f"k_{place}": {"type": "file", "path": f"prompts/_private/k_{place}.txt"}
                    for place in range(len(names))},
        "telegram": {"enabled": False},
    }  # fmt: skip


def test_chains_with_a_controller_and_stages_load_and_tell_of_their_dead_key(
    bench: Bench,
) -> None:
    for name in ("todos", "bugfix", "development"):
        old = staged(name)
        for prompt in old["prompts"]:
            bench.prompt(f"{prompt}.txt", "Read handoff.md.")
        loaded = bench.load(old, name=name)
        assert [warning.split("warning: ")[1] for warning in loaded.warnings] == [
            "`opus_deep_limit` means nothing now: say in the controller's prompt how often a worker may be "
            "assigned [opus_deep_limit]"
        ]
        assert [link.role for link in loaded.chain.links] == [Role.CONTROLLER, *[Role.WORKER] * 3]
        assert [link.skip_unless_assigned for link in loaded.chain.links] == [False, True, True, True]


def test_a_single_pass_of_reviews_loads_and_tells_of_its_deadline(bench: Bench) -> None:
    for place in range(3):
        bench.prompt(f"_private/k_{place}.txt")
    loaded = bench.load(reviews(["a", "b", "c"]))
    assert len(loaded.warnings) == 1
    assert "the deadline `2026-03-15` is past" in loaded.warnings[0]
    assert (loaded.chain.mode, loaded.chain.telegram_enabled) == (Mode.ONCE, False)


def test_the_chain_with_a_link_name_three_times_is_told_at_both_others(bench: Bench) -> None:
    for place in range(5):
        bench.prompt(f"_private/k_{place}.txt")
    problems = bench.problems(reviews(["k1", "r-scientist", "k2", "r-scientist", "r-scientist"]))
    assert len(problems) == 2
    assert all("the link name `r-scientist` is used again" in problem for problem in problems)


def test_the_template_loads_with_our_prompts_for_those_it_never_had(bench: Bench) -> None:
    loaded = bench.load({
        "chain_name": "", "description": "Two links", "mode": "loop", "max_rounds": 50, "runtime_hours": 2,
        "links": [
            {"name": "worker", "role": "worker", "model": "sonnet", "prompt": "generic_worker",
             "task_pool": "default", "description": "works"},
            {"name": "reviewer", "role": "reviewer", "model": "sonnet", "prompt": "generic_reviewer",
             "task_pool": "default", "telegram_update": True, "description": "checks"},
        ],
        "_note": "copy and change",
    })  # fmt: skip
    told = [warning.split("warning: ")[1] for warning in loaded.warnings]
    assert sum("`task_pools` has no `default`" in warning for warning in told) == 2
    assert sum("the shipped one of that role is used" in warning for warning in told) == 2
    assert len(told) == 4


def test_other_keys_of_older_chains_are_told_and_load(bench: Bench) -> None:
    old = staged("x", stop_criterion="FINISHED", after_agent={"name": "a"}, projects=[{"id": 1}],
                 research_root="C:\\x", publisher_script="C:\\y",
                 telegram={"enabled": False, "bot_token_env": "T", "chat_id": "5", "update_every_n_links": 4},
                 shutdown={"max_consecutive_blocks": 3, "stop_file": "state/STOP"})  # fmt: skip
    for prompt in old["prompts"]:
        bench.prompt(f"{prompt}.txt")
    loaded = bench.load(old)
    told = [warning.split("warning: ")[1].split()[0] for warning in loaded.warnings]
    assert sorted(told) == [
        "`after_agent`", "`bot_token_env`", "`chat_id`", "`opus_deep_limit`", "`projects`",
        "`publisher_script`", "`research_root`", "`stop_criterion`", "`stop_file`",
    ]  # fmt: skip
    assert loaded.chain.telegram_every_n_links == 4
