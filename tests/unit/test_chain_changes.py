"""Is a chain's flat form complete and free of secrets, are changes told, do overrides hold?"""

from __future__ import annotations

from pathlib import Path

import pytest

from llmauto.authoring.flat import changes, flatten
from llmauto.authoring.overrides import with_overrides
from llmauto.errors import UsageError
from tests.support.homes import Bench, chain, one_link


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_flat_form_has_every_setting_in_the_units_of_the_file(bench: Bench) -> None:
    flat = flatten(
        bench.load(chain([{"name": "w", "model": "opus", "timeout_seconds": 90}], runtime_hours=1.5)).chain
    )
    assert (flat["max_rounds"], flat["runtime_hours"], flat["links"]) == ("1", "1.5", "w")
    assert (flat["links.w.model"], flat["links.w.timeout_seconds"]) == ("opus", "90")
    assert flat["links.w.allowed_tools"] == "Read, Edit, Write, Bash, Glob, Grep"
    assert flat["links.w.prompt"].startswith("sha256:")


def test_what_has_a_flat_form_has_an_origin(bench: Bench) -> None:
    loaded = bench.load(chain([{"name": "w"}]))
    assert set(flatten(loaded.chain)) - {"links"} <= set(loaded.origins)


def test_no_secret_stands_in_the_flat_form(bench: Bench) -> None:
    secret = "sk-secret-value"
    made = bench.load(
        one_link(
            env={"KEY": secret}, settings={"k": secret}, mcp_config={"k": secret}, system_prompt=secret,
            prompt=f"use {secret}",
        )
    ).chain  # fmt: skip
    assert secret not in str(flatten(made))
    assert "KEY=sha256:" in flatten(made)["links.w.env"]


def test_the_same_chain_has_no_changes(bench: Bench) -> None:
    flat = flatten(bench.load(chain([{"name": "a"}, {"name": "b"}])).chain)
    assert changes(flat, dict(flat)) == ()


def test_changes_are_readable_lines(bench: Bench) -> None:
    old = bench.load(chain([{"name": "a", "model": "opus", "env": {"A": "1"}}, {"name": "gone"}])).chain
    new = bench.load(
        chain([{"name": "new"}, {"name": "a", "prompt": "other words", "env": {"A": "2"}}], max_rounds=3)
    ).chain
    assert changes(flatten(old), flatten(new)) == (
        "the link `gone` is gone",
        "the link `new` is new",
        "`max_rounds`: 1 → 3",
        "`links.a.model`: opus → claude-sonnet-4-6",
        "`links.a.prompt` has another text",
        "`links.a.env` has changed",
    )


def test_another_order_is_a_change(bench: Bench) -> None:
    old, new = (
        flatten(bench.load(chain([{"name": one}, {"name": other}])).chain) for one, other in ("ab", "ba")
    )
    assert changes(old, new) == ("the links are now in the order b, a",)


def test_a_setting_that_an_older_program_did_not_know_is_no_change(bench: Bench) -> None:
    new = flatten(bench.load(chain([{}])).chain)
    old = {key: value for key, value in new.items() if key != "stall_seconds"} | {"forgotten": "x"}
    assert changes(old, new) == ()


# --- overrides ---


def test_rounds_and_budget_are_set_for_this_run(bench: Bench) -> None:
    made = with_overrides(bench.load(chain([{}])).chain, max_rounds=9, budget_usd=2.5)
    assert (made.max_rounds, made.budget_usd) == (9, 2.5)


@pytest.mark.parametrize(("rounds", "budget"), [(-1, None), (None, -1.0), (None, float("nan"))])
def test_impossible_numbers_are_refused(bench: Bench, rounds: int | None, budget: float | None) -> None:
    with pytest.raises(UsageError, match=r"expected"):
        with_overrides(bench.load(chain([{}])).chain, max_rounds=rounds, budget_usd=budget)


def test_inputs_are_filled_over_their_defaults(bench: Bench) -> None:
    loaded = bench.load(chain([{}], inputs={"range": "HEAD", "who": None}))
    made = with_overrides(loaded.chain, inputs={"who": "me"})
    assert made.inputs == {"range": "HEAD", "who": "me"}
    assert made.required_inputs == ()


def test_an_input_that_must_be_given_is_asked_for(bench: Bench) -> None:
    loaded = bench.load(chain([{}], inputs={"who": None, "what": None}))
    with pytest.raises(UsageError, match="must be given `what`") as caught:
        with_overrides(loaded.chain, inputs={"who": "me"})
    assert caught.value.hint == "add --set what=…"


def test_an_unknown_input_gets_a_suggestion(bench: Bench) -> None:
    loaded = bench.load(chain([{}], inputs={"range": "HEAD"}))
    with pytest.raises(UsageError, match="has no input `rnge`") as caught:
        with_overrides(loaded.chain, inputs={"rnge": "x"})
    assert caught.value.hint == 'did you mean "range"?'
    with pytest.raises(UsageError) as caught:
        with_overrides(bench.load(chain([{}])).chain, inputs={"rnge": "x"})
    assert caught.value.hint == "it has no inputs at all"
