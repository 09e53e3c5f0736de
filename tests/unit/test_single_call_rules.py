"""The rules of a single call: which attempt follows, what all of them cost, how the command ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmauto.model import Link
from llmauto.outcomes import Outcome, exit_code_of
from llmauto.ports import Reply
from llmauto.rules.single import Attempt, next_attempt, refined, stop_reason_of, total

LINK = Link(name="pipe", model="big", fallback_model="small")
FIRST = Attempt(prompt="why?")


def reply(outcome: Outcome, **values: object) -> Reply:
    return replace(Reply(outcome=outcome, session="s1"), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("outcome", [Outcome.OVERLOADED, Outcome.OFFLINE, Outcome.NO_MODEL])
def test_the_fallback_model_is_asked_the_whole_prompt_where_the_first_had_not_begun(outcome: Outcome) -> None:
    again = next_attempt(LINK, FIRST, reply(outcome), structured=False)
    assert again is not None
    assert (again.prompt, again.session, again.fallback) == ("why?", "", True)


def test_the_fallback_model_goes_on_in_the_session_where_the_first_had_begun() -> None:
    again = next_attempt(LINK, FIRST, reply(Outcome.OVERLOADED, worked=True), structured=False)
    assert again is not None
    assert again.session == "s1"
    assert again.prompt.startswith("You were interrupted (after overloaded)")


def test_a_continued_session_is_kept_for_the_fallback_model() -> None:
    first = Attempt(prompt="and now?", session="s0")
    again = next_attempt(LINK, first, reply(Outcome.OVERLOADED), structured=False)
    assert again is not None
    assert (again.prompt, again.session) == ("and now?", "s0")


def test_the_fallback_is_tried_once() -> None:
    once = replace(FIRST, fallback=True)
    assert next_attempt(LINK, once, reply(Outcome.OVERLOADED), structured=False) is None


@pytest.mark.parametrize(
    "outcome", [one for one in Outcome if one.value not in ("overloaded", "offline", "no_model")]
)
def test_no_other_outcome_is_tried_again(outcome: Outcome) -> None:
    assert next_attempt(LINK, FIRST, reply(outcome, worked=True), structured=False) is None


def test_without_a_fallback_model_an_overload_stands() -> None:
    link = replace(LINK, fallback_model=None)
    assert next_attempt(link, FIRST, reply(Outcome.OVERLOADED), structured=False) is None


def test_an_answer_without_its_structure_is_asked_for_once_more_in_its_session() -> None:
    again = next_attempt(LINK, FIRST, reply(Outcome.BAD_OUTPUT), structured=True)
    assert again is not None
    assert (again.session, again.repair, again.fallback) == ("s1", True, False)
    assert next_attempt(LINK, again, reply(Outcome.BAD_OUTPUT), structured=True) is None


def test_done_without_the_structure_asked_for_is_bad_output() -> None:
    done = reply(Outcome.DONE, text="It is 42.")
    assert refined(done, structured=True, tree_unchanged=True).outcome is Outcome.BAD_OUTPUT
    with_it = replace(done, structured='{"a": 1}', denials=("WebFetch",))
    assert refined(with_it, structured=True, tree_unchanged=True).outcome is Outcome.DONE


def test_a_refused_tool_is_denied_only_where_nothing_was_changed() -> None:
    done = reply(Outcome.DONE, text="I may not.", denials=("WebFetch", "WebFetch"))
    denied = refined(done, structured=False, tree_unchanged=True)
    assert denied.outcome is Outcome.DENIED
    assert denied.message.endswith(": WebFetch")
    assert refined(done, structured=False, tree_unchanged=False).outcome is Outcome.DONE


def test_the_costs_of_all_attempts_are_summed_and_one_unknown_makes_the_sum_unknown() -> None:
    first = reply(Outcome.OVERLOADED, cost_usd=0.1, input_tokens=10, seconds=2.0, warnings=("w",))
    second = reply(Outcome.DONE, text="yes", cost_usd=0.2, input_tokens=5, seconds=1.0, warnings=("w",))
    both = total([first, second])
    assert (both.text, both.input_tokens, both.seconds, both.warnings) == ("yes", 15, 3.0, ("w",))
    assert both.cost_usd == pytest.approx(0.3)
    assert total([replace(first, cost_usd=None), second]).cost_usd is None
    assert total([replace(first, cost_usd=None, charged=False), second]).cost_usd == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("done", 0), ("missing", 7), ("auth", 7), ("limited", 6), ("budget", 4), ("blocked", 5),
        ("needs_human", 5), ("stopped", 130), ("overloaded", 1), ("offline", 1), ("no_model", 1),
        ("bad_request", 1), ("timeout", 1), ("stalled", 1), ("crashed", 1), ("bad_output", 1), ("disk", 1),
        ("context_full", 1), ("session_broken", 1), ("denied", 1), ("memory", 1), ("lost", 1), ("unknown", 1),
    ],
)  # fmt: skip
def test_the_exit_code_of_an_outcome(outcome: str, code: int) -> None:
    assert exit_code_of(stop_reason_of(Outcome(outcome))) == code
