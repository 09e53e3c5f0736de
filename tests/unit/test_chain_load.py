"""Does a chain file become the chain that it describes, with every value from where it belongs?"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from llmauto.authoring.load import load
from llmauto.home import find_home
from llmauto.model import Breakers, Chain, HandoffFrom, Link, Mode, OnFailure, OnLimit, OnRunnerDeath, Role
from llmauto.settings import Settings
from tests.support.homes import NOW, SEED_EXAMPLE, Bench, chain, one_link

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def link(bench: Bench, **keys: Any) -> Link:
    return bench.load(one_link(**keys)).chain.links[0]


def test_the_seeds_example_loads_from_a_home_of_its_own(bench: Bench) -> None:
    bench.prompt("worker_prompt.txt", "Work.")
    bench.prompt("reviewer_prompt.txt", "Review.")
    loaded = bench.load(SEED_EXAMPLE, name="my-chain")
    assert loaded.warnings == ()
    made = loaded.chain
    assert (made.name, made.mode, made.max_rounds, made.runtime_s) == ("my-chain", Mode.LOOP, 5, 7200)
    worker, reviewer = made.links
    assert (worker.role, worker.model, worker.prompt, worker.keeps_session) == (
        Role.WORKER,
        "claude-sonnet-4-6",
        "Work.",
        False,
    )
    assert (reviewer.role, reviewer.keeps_session) == (Role.REVIEWER, True)
    assert reviewer.prompt_source == str(bench.root / "prompts" / "reviewer_prompt.txt")


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "chains").glob("*.json")))
def test_shipped_chains_load_without_a_warning_from_every_home(tmp_path: Path, name: str) -> None:
    for home in (find_home(ROOT, {}), find_home(tmp_path, {}, tmp_path)):
        loaded = load(home.find_chain(name), home=home, settings=Settings(), now=NOW)
        assert loaded.warnings == ()
        assert all(one.prompt for one in loaded.chain.links if one.player not in ("", "check"))


TEMPLATES = [*sorted((ROOT / "templates").glob("*.json")), ROOT / "templates/init/chains/example.json"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_load(path: Path, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for prompt in (ROOT / "templates" / "init" / "prompts").iterdir():
        bench.prompt(prompt.name, prompt.read_bytes())
    assert bench.load(path.read_bytes()).warnings == ()


def test_what_is_not_said_is_what_the_model_has(bench: Bench) -> None:
    made = bench.load({"max_rounds": 1, "links": [{"prompt": "do the work"}]}).chain
    expected = Chain(name="c", path=made.path, max_rounds=1, links=made.links)
    assert made == expected
    first = Link(
        name="worker-1",
        prompt="do the work",
        model="claude-sonnet-4-6",
        permission_mode="dontAsk",
        allowed_tools=("Read", "Edit", "Write", "Bash", "Glob", "Grep"),
        timeout_s=7200,
        env={},
    )
    assert made.links == (first,)


def test_every_key_of_a_chain_is_read(bench: Bench) -> None:
    (bench.root / "work" / "sub").mkdir()
    made = bench.load({
        "$schema": "x", "_note": 5,
        "description": "d", "chain_name": "Night", "version": "1",
        "mode": "once", "max_rounds": 3, "runtime_hours": 1.5, "deadline": "2030-12-31T18:00Z",
        "max_consecutive_blocks": 2, "budget_usd": 4.5, "budget_tokens": 1000,
        "workdir": "sub", "env": {"A": "1"}, "inputs": {"a": "x", "n": 3, "yes": True, "must": None},
        "defaults": {"model": "opus"}, "prompts": {"p": "Say it."},
        "on_link_failure": "continue", "breakers": {"no_progress": 0, "denials": 9},
        "grace_seconds": 1, "start_silence_seconds": 2, "stall_seconds": 3.5, "on_runner_death": "stop",
        "max_limit_wait_hours": 0.5, "max_visits": 7,
        "telegram": {"enabled": False, "update_every_n_links": 4},
        "links": [{"prompt": "p"}],
    }).chain  # fmt: skip
    assert (made.description, made.title, made.version) == ("d", "Night", "1")
    assert (made.mode, made.max_rounds, made.runtime_s) == (Mode.ONCE, 3, 5400)
    assert made.deadline == datetime(2030, 12, 31, 18, tzinfo=timezone.utc)
    assert (made.max_consecutive_blocks, made.budget_usd, made.budget_tokens) == (2, 4.5, 1000)
    assert made.workdir == str(bench.root / "work" / "sub")
    assert made.inputs == {"a": "x", "n": "3", "yes": "true"}
    assert made.required_inputs == ("must",)
    assert made.on_link_failure is OnFailure.CONTINUE
    assert made.breakers == Breakers(no_progress=0, failures=5, same_error=3, denials=9)
    assert (made.grace_s, made.start_silence_s, made.stall_s) == (1, 2, 3.5)
    assert made.on_runner_death is OnRunnerDeath.STOP
    assert (made.max_limit_wait_s, made.max_visits) == (1800, 7)
    assert (made.telegram_enabled, made.telegram_every_n_links) == (False, 4)
    assert made.links[0].env == {"A": "1"}
    assert made.links[0].model == "opus"


def test_every_key_of_a_link_is_read(bench: Bench) -> None:
    made = link(
        bench, name="a.b-c_d", role="reviewer", description="d", model="opus", fallback_model="sonnet",
        until_full=True, preamble=False, system_prompt="s", context_hint="h", agent="critic", effort="high",
        settings={"a": 1}, mcp_config="mcp.json", backend_args=["--x", "y"], permission_mode="plan",
        allowed_tools=["Read"], disallowed_tools="Bash, Write", add_dirs=["lib"], env={"A": "1"},
        env_only="PATH, HOME", timeout_seconds=5, max_cost_usd=0.5, max_tokens=10, max_turns=3, max_visits=2,
        handoff="output", may_finish=False, skip_unless_assigned=True, telegram_update=True, on_limit="wait",
        **{"continue": True},
    )  # fmt: skip
    assert made == Link(
        name="a.b-c_d", role=Role.REVIEWER, prompt="do the work", description="d", model="opus",
        fallback_model="sonnet", keeps_session=True, until_full=True, preamble=False, system_prompt="s",
        context_hint="h", agent="critic", effort="high", settings='{"a": 1}', mcp_config="mcp.json",
        backend_args=("--x", "y"), permission_mode="plan", allowed_tools=("Read",),
        disallowed_tools=("Bash", "Write"), add_dirs=(str(bench.root / "work" / "lib"),), env={"A": "1"},
        env_only=("PATH", "HOME"), timeout_s=5, max_cost_usd=0.5, max_tokens=10, max_turns=3, max_visits=2,
        handoff=HandoffFrom.OUTPUT, may_finish=False, skip_unless_assigned=True, telegram_update=True,
        on_limit=OnLimit.WAIT,
    )  # fmt: skip


def test_a_link_counts_over_defaults_over_config_over_built_in(bench: Bench) -> None:
    settings = Settings(
        default_model="from-config", default_timeout_seconds=9, origins={"default_model": "config.json:3"}
    )
    loaded = bench.load(
        chain([{"name": "a", "model": "from-link"}, {"name": "b"}], defaults={"effort": "low"}), settings
    )
    first, second = loaded.chain.links
    assert (first.model, second.model) == ("from-link", "from-config")
    assert (first.effort, first.timeout_s) == ("low", 9)
    origins = loaded.origins
    assert origins["links.b.model"] == "config.json:3"
    assert origins["links.a.model"].endswith("c.json:10")
    assert origins["links.a.effort"].endswith("c.json:4 (defaults)")
    assert origins["links.a.continue"] == "built in"
    assert origins["max_rounds"].endswith("c.json:2")


def test_null_on_a_link_hides_the_default(bench: Bench) -> None:
    made = bench.load(
        chain([{"fallback_model": None}, {}], defaults={"fallback_model": "haiku"}),
    ).chain
    assert [one.fallback_model for one in made.links] == [None, "haiku"]


def test_words_of_claude_code_are_no_defaults_for_other_backends(bench: Bench) -> None:
    made = link(bench, backend="command", run=["prog"])
    assert (made.model, made.permission_mode, made.allowed_tools) == (None, None, ())
    assert made.timeout_s == 7200


def test_env_is_merged_from_config_over_chain_to_link(bench: Bench) -> None:
    settings = Settings(env={"A": "config", "B": "config", "C": "config"})
    made = bench.load(
        chain([{"env": {"C": "link"}}], env={"B": "chain", "C": "chain"}, defaults={"env": {"D": "d"}}),
        settings,
    ).chain.links[0]
    assert made.env == {"A": "config", "B": "chain", "C": "link", "D": "d"}


def test_home_is_filled_in_where_paths_stand(bench: Bench) -> None:
    made = link(bench, env={"DIR": "{HOME}/x", "SH": "{BASH_HOME}/y"}, add_dirs=["~/z", "{HOME}"])
    assert made.env == {"DIR": "/home/somebody/x", "SH": "/home/somebody/y"}
    assert made.add_dirs == ("/home/somebody/z", "/home/somebody")


def test_homes_of_other_machines_become_this_ones(bench: Bench) -> None:
    settings = Settings(known_user_homes=("C:\\Users\\User\\", "/home/al"))
    made = bench.load(
        one_link(
            prompt="Read C:\\Users\\User\\plan.txt, /home/al/b and /home/alice/c of /home/al.",
            env={"P": "C:\\Users\\User\\One Drive\\x", "Q": "/c/Users/User/y", "R": "say C:\\Users\\User"},
            add_dirs=["c:/users/user/lib", "/home/alice"],
        ),
        settings,
    ).chain.links[0]
    assert made.prompt == "Read /home/somebody\\plan.txt, /home/somebody/b and /home/alice/c of /home/al."
    assert made.env == {
        "P": "/home/somebody/One Drive/x",
        "Q": "/home/somebody/y",
        "R": "say C:\\Users\\User",
    }
    assert made.add_dirs == ("/home/somebody/lib", "/home/alice")


def test_a_link_without_a_name_is_called_after_its_role_and_place(bench: Bench) -> None:
    made = bench.load(chain([{"role": "reviewer"}, {}, {"name": "x"}])).chain
    assert [one.name for one in made.links] == ["reviewer-1", "worker-2", "x"]


def test_workers_are_skipped_unless_assigned_where_a_controller_stands(bench: Bench) -> None:
    links: list[dict[str, Any]] = [
        {"role": "controller"},
        {"name": "a"},
        {"name": "b", "skip_unless_assigned": False},
        {"role": "reviewer"},
    ]
    made = bench.load(chain(links)).chain
    assert [one.skip_unless_assigned for one in made.links] == [False, True, False, False]
    assert not bench.load(chain(links[1:2])).chain.links[0].skip_unless_assigned


@pytest.mark.parametrize(("mode", "expected"), [("loop", "continue"), ("once", "stop"), ("deadend", "stop")])
def test_a_failed_link_stops_a_single_pass_and_no_loop(bench: Bench, mode: str, expected: str) -> None:
    assert bench.load(chain([{}], mode=mode)).chain.on_link_failure is OnFailure(expected)


def test_the_older_place_of_blocks_counts_where_the_chain_says_nothing(bench: Bench) -> None:
    older = {"shutdown": {"max_consecutive_blocks": 2}}
    assert bench.load(chain([{}], **older)).chain.max_consecutive_blocks == 2
    both = bench.load(chain([{}], max_consecutive_blocks=4, **older))
    assert both.chain.max_consecutive_blocks == 4
    assert "the chain's own `max_consecutive_blocks` counts" in both.warnings[0]


def test_a_link_works_where_it_says_and_finds_its_folders_from_there(bench: Bench) -> None:
    (bench.root / "work" / "part").mkdir()
    made = link(bench, workdir="part", add_dirs=["../other"])
    assert made.workdir == str(bench.root / "work" / "part")
    assert made.add_dirs == (str(bench.root / "work" / "part" / ".." / "other"),)


def test_comments_and_trailing_commas_are_allowed(bench: Bench) -> None:
    text = '{ // yes\n"max_rounds": 1, /* and */ "links": [{"prompt": "do it",},],}'
    assert bench.load(text).chain.max_rounds == 1


def test_a_date_means_the_end_of_that_day_here(bench: Bench) -> None:
    made = bench.load(chain([{}], deadline="2030-06-01")).chain
    assert made.deadline is not None
    local = made.deadline.astimezone()
    assert (local.date().isoformat(), local.hour, local.minute) == ("2030-06-02", 0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-06-01T10:30Z", datetime(2030, 6, 1, 10, 30, tzinfo=timezone.utc)),
        ("2030-06-01 10:30:15.5+02:00", datetime(2030, 6, 1, 8, 30, 15, tzinfo=timezone.utc)),
        ("2030-06-01T10:30-0330", datetime(2030, 6, 1, 14, 0, tzinfo=timezone.utc)),
        ("2030-06-01T10:30", datetime(2030, 6, 1, 10, 30).astimezone(timezone.utc)),
        ("9999-12-31", datetime(9999, 12, 31).astimezone(timezone.utc)),
        ("", None),
    ],
)
def test_deadlines_are_aware_utc(bench: Bench, text: str, expected: datetime | None) -> None:
    assert bench.load(chain([{}], deadline=text)).chain.deadline == expected


def test_a_deadline_that_is_past_is_told_and_loads(bench: Bench) -> None:
    yesterday = (NOW - timedelta(days=2)).date().isoformat()
    loaded = bench.load(chain([{}], deadline=yesterday))
    assert loaded.warnings[0].endswith("is past: a run would end at once [deadline]")


def test_a_loop_without_a_bound_is_told_and_loads(bench: Bench) -> None:
    loaded = bench.load({"links": [{"prompt": "do it"}]})
    assert "warning: this loop has no bound but its breakers" in loaded.warnings[0]
    assert bench.load({"mode": "once", "links": [{"prompt": "do it"}]}).warnings == ()
    assert bench.load({"budget_usd": 5, "links": [{"prompt": "do it"}]}).warnings == ()


def test_loading_writes_nothing(bench: Bench) -> None:
    bench.write(chain([{}]))
    before = bench.files()
    bench.load(chain([{}]))
    assert bench.files() == before
