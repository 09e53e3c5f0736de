"""Are routes checked, and what is not built yet answered plainly?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmauto.authoring import unbuilt
from llmauto.authoring.flat import flatten
from llmauto.model import Fallback, OnLimit, PoolKind, Quota, Role, TaskPool
from tests.support.homes import Bench, chain, one_link


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def built(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A home of a program in which everything is built."""
    monkeypatch.setattr(unbuilt, "CHAIN_KEYS", {})
    monkeypatch.setattr(unbuilt, "LINK_KEYS", {})
    return bench


def routed(*links: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return chain(list(links), **{"mode": "conditional", **keys})


def test_routes_are_read_with_their_verdicts_in_capitals(built: Bench) -> None:
    links = routed({"name": "w"}, {"name": "r", "on": {"needs_fix": "w", "APPROVED": "done", "*": "stop"}})
    assert built.load(links).chain.links[1].on == {"NEEDS_FIX": "w", "APPROVED": "done", "*": "stop"}


def test_a_route_to_nowhere_is_told_with_the_nearest_link(built: Bench) -> None:
    problem = built.one_problem(routed({"name": "worker"}, {"name": "r", "on": {"NEEDS_FIX": "wroker"}}))
    assert problem.endswith('there is no link `wroker`, did you mean "worker"? [links[1].on.NEEDS_FIX]')
    problem = built.one_problem(routed({"name": "a", "on": {"APPROVED": "zzz"}}))
    assert "expected a link's name, `next`, `stop` or `done`" in problem


def test_a_link_that_is_called_like_a_word_for_routes_is_told_where_routes_use_it(built: Bench) -> None:
    problem = built.one_problem(routed({"name": "done"}, {"name": "r", "on": {"APPROVED": "done"}}))
    assert "is a link and a word for routes" in problem
    assert built.load(chain([{"name": "done"}])).warnings == ()


def test_routes_need_the_mode_that_follows_them(built: Bench) -> None:
    problem = built.one_problem(chain([{"name": "w"}, {"name": "r", "on": {"NEEDS_FIX": "w"}}]))
    assert problem.endswith('routes are followed with `"mode": "conditional"` only [links[1].on]')


def test_a_link_that_no_route_reaches_is_told(built: Bench) -> None:
    every = {"APPROVED": "done", "NEEDS_FIX": "w", "BLOCKED": "stop"}
    problem = built.one_problem(routed({"name": "w"}, {"name": "r", "on": every}, {"name": "lost"}))
    assert problem.endswith("no route leads to the link `lost` [links[2]]")
    other = routed({"name": "w", "on": {"*": "z"}}, {"name": "lost"}, {"name": "z"})
    assert "`lost`" in built.one_problem(other)


def test_a_link_that_a_verdict_leaves_open_goes_on_to_the_next(built: Bench) -> None:
    some = {"APPROVED": "done", "NEEDS_FIX": "w"}
    assert built.load(routed({"name": "w"}, {"name": "r", "on": some}, {"name": "z"})).warnings == ()


def test_a_cycle_without_an_end_is_refused(built: Bench) -> None:
    off = {"no_progress": 0, "failures": 0, "same_error": 0, "denials": 0}
    links = routed({"name": "w"}, {"name": "r", "on": {"NEEDS_FIX": "w"}}, breakers=off)
    assert built.load(links).warnings == ()
    assert "this route back to `w` has no end" in built.one_problem({**links, "max_visits": 0})
    bounded = routed({"name": "w", "max_visits": 2}, {"on": {"NEEDS_FIX": "w"}}, breakers=off, max_visits=0)
    assert built.load(bounded).warnings == ()
    assert built.load({**links, "max_visits": 0, "breakers": {}}).warnings == ()


CHECK = {"name": "t", "role": "check", "run": ["make", "test"]}


def test_a_check_whose_two_verdicts_are_routed_never_just_goes_on(bench: Bench) -> None:
    links = routed({"name": "w"}, {**CHECK, "on": {"PASSED": "done", "FAILED": "w"}}, {"name": "lost"})
    assert bench.one_problem(links).endswith("no route leads to the link `lost` [links[2]]")
    assert bench.load(routed({"name": "w"}, {**CHECK, "on": {"FAILED": "w"}}, {"name": "z"})).chain.links


def test_a_gate_s_denial_leads_nowhere_without_a_route(bench: Bench) -> None:
    gate = {"name": "g", "role": "gate"}
    lost = routed({"name": "w"}, {**gate, "on": {"APPROVED": "done"}}, {"name": "lost"})
    assert "`lost`" in bench.one_problem(lost)
    assert bench.load(routed({"name": "w"}, {**gate, "on": {"DENIED": "w"}}, {"name": "z"})).chain.links


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ({**CHECK, "on": {"APPROVED": "done"}}, "a check says `PASSED` or `FAILED`, never `APPROVED`"),
        ({**CHECK, "on": {"FAIELD": "done"}}, 'did you mean "FAILED"? [links[0].on.FAIELD]'),
        ({"role": "gate", "on": {"passed": "done"}}, "never `PASSED` [links[0].on.passed]"),
        (
            {"returns": "review", "on": {"OK": "done"}},
            "a structured review says `APPROVED`, `NEEDS_FIX` or `BLOCKED`, never `OK`",
        ),
    ],
)
def test_a_route_for_a_word_that_is_never_said_is_told(
    bench: Bench, link: dict[str, Any], message: str
) -> None:
    assert message in bench.one_problem(routed(link))


def test_a_check_and_a_gate_need_no_prompt_and_no_model(bench: Bench) -> None:
    gate = {"name": "g", "role": "gate", "timeout_seconds": 60, "gate_default": "deny"}
    loaded = bench.load({"max_rounds": 1, "links": [CHECK, gate], "defaults": {"model": "opus"}})
    assert loaded.warnings == ()
    check, gate_ = loaded.chain.links
    assert (check.player, check.model, check.prompt, check.timeout_s) == ("check", None, "", 7200)
    assert (gate_.player, gate_.gate_timeout_s) == ("", 60)


def test_what_means_nothing_in_a_check_or_a_gate_is_told(bench: Bench) -> None:
    links = [{**CHECK, "prompt": "do it", "model": "opus"}, {"name": "g", "role": "gate", "continue": True},
             {"name": "w", "prompt": "do it", "failures": "pytest"}]  # fmt: skip
    told = [w.split("warning: ")[1] for w in bench.load({"max_rounds": 1, "links": links}).warnings]
    assert told == [
        "means nothing for a check, which runs a command [links[0].prompt]",
        "means nothing for a check, which runs a command [links[0].model]",
        "means nothing for a gate, which asks a person [links[1].continue]",
        'means nothing without `"role": "check"` [links[2].failures]',
    ]


def test_a_time_limit_for_calls_is_none_for_people(bench: Bench) -> None:
    limited = {"max_rounds": 1, "defaults": {"timeout_seconds": 60}}
    loaded = bench.load({**limited, "links": [{"name": "g", "role": "gate"}]})
    assert loaded.chain.links[0].gate_timeout_s == 0
    assert flatten(loaded.chain)["links.g.timeout_seconds"] == ""
    gate = {"name": "g", "role": "gate", "timeout_seconds": 5, "gate_default": "approve"}
    flat = flatten(bench.load({**limited, "links": [gate]}).chain)
    assert (flat["links.g.timeout_seconds"], flat["links.g.gate_default"]) == ("5", "approve")
    assert "links.g.model" not in flat


def test_a_baseline_without_ids_of_failures_is_refused(bench: Bench) -> None:
    assert "a baseline needs `failures`" in bench.one_problem(one_link(**CHECK, baseline=True))


def test_the_backend_of_checks_is_no_one_s_choice(bench: Bench) -> None:
    assert 'a check is a link with `"role": "check"`' in bench.one_problem(one_link(backend="check"))


def test_what_shall_be_built_is_read_already(built: Bench) -> None:
    made = built.load({
        **routed(
            {"name": "c", "role": "check", "run": ["pytest", "-q"], "baseline": True, "failures": "pytest"},
            {"name": "g", "role": "gate", "timeout_seconds": 60, "gate_default": "deny"},
            {"name": "r", "returns": "review", "on_limit": "fallback",
             "fallback": {"backend": "codex", "model": "x"}},
        ),
        "quota": {"reserve_5h": 0.2, "overage": "allow"}, "canary": True, "isolation": "worktree",
        "then": "other", "on_end": ["make", "end"], "notify": "a://b, c://d", "parallel_workers": True,
        "task_pools": {"p": {"type": "github_issues", "repo": "a/b", "labels": "todo, bug"}},
        "selection_strategy": "priority",
    }).chain  # fmt: skip
    check, gate, reviewer = made.links
    assert (check.role, check.run, check.baseline, check.failures, check.prompt) == (
        Role.CHECK, ("pytest", "-q"), True, "pytest", "",
    )  # fmt: skip
    assert (gate.role, gate.gate_timeout_s, gate.gate_default) == (Role.GATE, 60, "deny")
    assert (reviewer.returns, reviewer.on_limit) == ("review", OnLimit.FALLBACK)
    assert reviewer.fallback == Fallback(backend="codex", model="x")
    assert made.quota == Quota(reserve_5h=0.2, overage_allowed=True)
    assert (made.canary, made.isolation, made.then) == (True, "worktree", "other")
    assert (made.on_end, made.notify, made.parallel_workers) == (("make", "end"), ("a://b", "c://d"), 1)
    assert made.task_pools == {"p": TaskPool(kind=PoolKind.GITHUB_ISSUES, repo="a/b", labels=("todo", "bug"))}
    assert made.selection_strategy == "priority"


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ({"role": "check"}, "a check needs `run`, a program and its arguments"),
        ({"role": "check", "run": "make test"}, "expected an array of a program and its arguments"),
        ({"role": "gate", "timeout_seconds": 5}, "a gate with a time limit needs `gate_default`"),
        ({"role": "check", "run": ["x"], "failures": "("}, "expected a regular expression, found `(`"),
        ({"on": {"A B": "next"}}, "expected a verdict, found `A B`"),
        ({"fallback": {"model": "x"}}, "`backend` is missing: the other backend"),
    ],
)
def test_what_shall_be_built_is_checked_already(built: Bench, link: dict[str, Any], message: str) -> None:
    assert message in built.one_problem(one_link(**link))


UNBUILT_IN_CHAINS = {
    "mode": ("conditional", "loop"), "quota": ({"reserve_5h": 0.1}, {}), "canary": (True, False),
    "isolation": ("worktree", None), "then": ("x", ""), "on_end": (["x"], None), "notify": ("x://y", None),
    "parallel_workers": (2, 0), "task_pools": ({"p": {"type": "file", "path": "x"}}, {}),
}  # fmt: skip
UNBUILT_IN_LINKS = {
    "role": ("gate", "worker"), "on": ({"APPROVED": "next"}, {}), "returns": ("review", None),
    "baseline": (True, False), "failures": ("x", None), "fallback": ({"backend": "demo"}, None),
    "on_limit": ("stop", "wait"),
}  # fmt: skip


@pytest.mark.parametrize("key", unbuilt.CHAIN_KEYS)
def test_what_is_not_built_yet_is_answered_and_off_is_off(bench: Bench, key: str) -> None:
    on, off = UNBUILT_IN_CHAINS[key]
    assert f"not built yet: {unbuilt.CHAIN_KEYS[key].what} [{key}]" in bench.one_problem(
        chain([{}], **{key: on})
    )
    assert bench.load(chain([{}], **{key: off})).warnings == ()


@pytest.mark.parametrize("key", sorted(set(unbuilt.LINK_KEYS) - {"parallel"}))
def test_what_is_not_built_yet_in_links_is_answered_too(bench: Bench, key: str) -> None:
    on, off = UNBUILT_IN_LINKS[key]
    assert f"not built yet: {unbuilt.LINK_KEYS[key].what}" in bench.problems(one_link(**{key: on}))[0]
    assert bench.load(one_link(**{key: off})).warnings == ()


@pytest.mark.skipif("parallel" not in unbuilt.LINK_KEYS, reason="built")
def test_links_in_parallel_are_not_built_yet(bench: Bench) -> None:
    links = [{"parallel": [{"name": "a", "prompt": "x y"}]}]
    problems = bench.problems({"max_rounds": 1, "links": links})
    assert any("not built yet: links at the same time" in problem for problem in problems)


def test_keys_of_task_pools_mean_nothing_without_one_and_say_so(bench: Bench) -> None:
    loaded = bench.load(
        chain(
            [{"task_pool": "all", "tasks_per_worker": 3, "review_scope": "batch"}], selection_strategy="any"
        )
    )
    told = [warning.split("warning: ")[1] for warning in loaded.warnings]
    assert told == [
        "`task_pools` has no `all` [links[0].task_pool]",
        "means nothing without `task_pools` [links[0].tasks_per_worker]",
        "means nothing without `task_pools` [links[0].review_scope]",
    ]
