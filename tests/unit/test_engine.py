"""The engine on fakes: what it does with what agents, people and the machine do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmauto import events as ev
from llmauto.errors import DiskError, UsageError
from llmauto.events import from_json, to_json
from llmauto.journal.memory import MemoryJournal
from llmauto.model import Chain, HandoffFrom, Link, Role
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder, Reply
from llmauto.rules.advance import fold
from llmauto.testing.agents import Play, ScriptedAgents, ends, says
from tests.unit.bench import Bench

WORKER = Link(name="worker", prompt="Do {TASK}.")
REVIEWER = Link(name="reviewer", role=Role.REVIEWER, prompt="Review it.")
CHAIN = Chain(name="c", links=(WORKER, REVIEWER), max_rounds=2)


def orders(bench: Bench) -> list[CallOrder]:
    assert isinstance(bench.agents, ScriptedAgents)
    return bench.agents.orders


def test_a_run_leaves_its_rounds_and_status_for_old_prompts_to_read() -> None:
    bench = Bench(CHAIN)
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("max_rounds", 0)
    assert bench.ledger == ["worker", "reviewer"] * 2
    assert bench.desk.text("round_counter.txt").strip() == "2"
    assert bench.desk.text("status.txt").split()[0] == "STOPPED"


def test_the_intent_is_in_the_journal_before_a_call_begins() -> None:
    seen: list[str] = []
    bench = Bench(replace(CHAIN, max_rounds=1))

    def look(order: CallOrder) -> None:
        seen.append([type(e).__name__ for e in bench.journal.events(order.run)][-1])

    bench.agents = ScriptedAgents(bench.clock, bench.desk, {"*": [Play(does=look)]})
    bench.run()
    assert seen == ["CallStarted", "CallStarted"]


def test_a_handoff_that_a_link_writes_is_kept_and_reaches_the_next() -> None:
    bench = Bench(replace(CHAIN, max_rounds=1), {"worker": [says(handoff="built it")], "reviewer": [says()]})
    bench.run()
    kept = bench.journal.handoff(bench.progress.handoff)
    assert kept == "built it"
    assert bench.desk.text("handoff_worker.md") == "built it"


def test_a_disk_that_fills_up_as_a_call_is_settled_makes_nobody_repeat_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(replace(CHAIN, max_rounds=1), {"worker": [says(handoff="built it")], "reviewer": [says()]})

    def no_room(link: str, text: str) -> None:
        raise DiskError("no space left")

    monkeypatch.setattr(bench.desk, "keep_link_handoff", no_room)
    assert bench.run().reason == "disk"
    monkeypatch.undo()
    bench.run()
    assert bench.ledger == ["worker", "reviewer"]
    assert bench.journal.handoff(bench.progress.handoff) == "built it"


def test_on_a_full_disk_the_journal_gives_up_its_reserve_for_the_runs_end() -> None:
    class Full(MemoryJournal):
        full = True

        def append(self, events: Sequence[ev.Event], *rest: Any) -> None:
            if self.full and any(isinstance(event, ev.CallEnded) for event in events):
                raise DiskError("no space left")
            super().append(events, *rest)

        def make_room(self) -> None:
            self.full = False

    bench = Bench(CHAIN)
    bench.journal = Full()
    assert bench.run().reason == "disk"
    latest = bench.journal.latest("c")
    assert latest is not None
    assert (latest.stop_reason, latest.status) == ("disk", "PAUSED")
    assert bench.desk.text("status.txt").split()[0] == "PAUSED"
    begun = [event.call for event in bench.seen if isinstance(event, ev.CallStarted)]
    over = [event.call for event in bench.seen if isinstance(event, ev.CallEnded)]
    assert over == begun, "no call that never began is left open"
    assert bench.run().reason == "max_rounds"
    assert bench.ledger == ["worker", "reviewer"] * 2


def test_the_handoff_of_a_failed_attempt_is_kept_but_not_passed_on() -> None:
    crash = ends(Outcome.CRASHED, worked=True)
    script = {
        "worker": [says(handoff="good"), replace(crash, files={"handoff.md": "half"}), says()],
        "reviewer": [says()],
    }
    bench = Bench(CHAIN, script)
    bench.run()
    assert bench.journal.handoff(bench.progress.handoff) == "good"
    assert bench.desk.text("handoff.md") == "good"
    asides = [e.sha for e in bench.seen if isinstance(e, ev.HandoffKept) and not e.passed_on]
    assert "half" in [bench.journal.handoff(sha) for sha in asides]


def test_a_link_that_writes_the_very_same_block_again_is_blocked_again() -> None:
    chain = replace(CHAIN, links=(WORKER,), max_rounds=20, max_consecutive_blocks=3)
    bench = Bench(chain, {"*": [says(handoff="BLOCKED: no network")]})
    assert bench.run().reason == "blocked"
    assert len(bench.ledger) == 3


def test_a_link_that_leaves_an_earlier_block_untouched_is_not_blocked_by_it() -> None:
    script = {"worker": [says(handoff="BLOCKED: no network")], "reviewer": [says("I looked.")]}
    bench = Bench(replace(CHAIN, max_rounds=1), script)
    bench.run()
    overs = [event.outcome for event in bench.seen if isinstance(event, ev.LinkEnded)]
    assert overs == ["blocked", "done"]


def test_a_first_handoff_that_is_none_is_moved_aside_and_said_to_be() -> None:
    bench = Bench(replace(CHAIN, max_rounds=1), {"worker": [says(handoff="a\0b")], "reviewer": [says()]})
    bench.desk.write("handoff.md", "\0")
    bench.run()
    said = [event.message for event in bench.seen if isinstance(event, ev.Noted)]
    assert said == ["handoff.md: it is binary; it is moved aside"] * 2, "that of a person, then the worker's"
    assert "handoff.md" not in bench.desk.files


def test_an_answer_of_skipped_never_replaces_the_handoff() -> None:
    script = {"worker": [says(handoff="the work")], "reviewer": [says("SKIPPED", handoff="SKIPPED")]}
    bench = Bench(replace(CHAIN, max_rounds=1), script)
    bench.run()
    assert bench.desk.text("handoff.md") == "the work"


def test_a_final_text_becomes_the_handoff_where_the_link_says_so() -> None:
    links = (replace(WORKER, handoff=HandoffFrom.OUTPUT),)
    bench = Bench(replace(CHAIN, links=links, max_rounds=1), {"*": [says("what I did")]})
    bench.run()
    assert bench.desk.text("handoff.md") == "what I did"


def test_all_done_in_the_status_file_ends_the_run_well() -> None:
    done = replace(says(handoff="all finished"), files={"status.txt": "ALL_DONE\n", "handoff.md": "finished"})
    bench = Bench(CHAIN, {"*": [done]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("all_done", 0)
    assert bench.desk.text("status.txt").split()[0] == "ALL_DONE"


def test_stopped_in_the_status_file_stops_the_run_and_says_who_wrote_it() -> None:
    bench = Bench(CHAIN, {"*": [Play(files={"status.txt": "STOPPED"})]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("stop_requested", 3)
    assert "`worker` wrote STOPPED" in ended.message


def test_all_done_in_what_an_agent_says_ends_nothing() -> None:
    bench = Bench(CHAIN, {"*": [says("ALL_DONE\n\nStatus: ALL_DONE")]})
    assert bench.run().reason == "max_rounds"


def test_a_link_without_that_right_cannot_end_the_run() -> None:
    links = (replace(WORKER, may_finish=False), REVIEWER)
    bench = Bench(
        replace(CHAIN, links=links), {"*": [says()], "worker": [Play(files={"status.txt": "ALL_DONE"})]}
    )
    assert bench.run().reason == "max_rounds"
    assert any(isinstance(e, ev.Noted) and e.code == "tamper" for e in bench.seen)


def test_a_stop_file_ends_the_run_after_the_link_with_its_text_as_the_reason() -> None:
    bench = Bench(CHAIN, {"*": [Play(files={"STOP": "going home"})]})
    ended = bench.run()
    assert (ended.reason, ended.message, ended.exit_code) == ("stop_requested", "going home", 3)
    assert bench.ledger == ["worker"]
    assert "STOP" not in bench.desk.files


def test_the_next_start_goes_on_at_the_very_link_it_stopped_at() -> None:
    bench = Bench(CHAIN, {"worker": [Play(files={"STOP": ""}), says()], "reviewer": [says()]})
    bench.run()
    assert bench.run().reason == "max_rounds"
    assert bench.ledger == ["worker", "reviewer", "worker", "reviewer"]


def test_a_stop_file_that_is_older_than_the_start_is_noted_and_removed() -> None:
    bench = Bench(CHAIN)
    bench.desk.write("STOP", "from yesterday")
    assert bench.run().reason == "max_rounds"
    assert any(isinstance(e, ev.Noted) and e.code == "stale_stop" for e in bench.seen)


def test_a_handoff_found_at_the_start_is_the_first_one() -> None:
    bench = Bench(replace(CHAIN, max_rounds=1))
    bench.desk.write("handoff.md", "Assignment: fix the login")
    bench.run()
    assert bench.journal.handoff(bench.progress.handoff) == "Assignment: fix the login"


def test_an_unfinished_run_refuses_another_task() -> None:
    bench = Bench(CHAIN, {"*": [Play(files={"STOP": ""})]})
    bench.run(task="one")
    with pytest.raises(UsageError) as caught:
        bench.run(task="two")
    assert "--fresh" in str(caught.value.hint)


def test_the_task_is_in_the_prompt_where_it_is_asked_for_and_above_it_where_not() -> None:
    bench = Bench(replace(CHAIN, max_rounds=1))
    bench.run(task="the dishes")
    worker, reviewer = orders(bench)
    assert worker.prompt.count("the dishes") == 1
    assert "Do the dishes." in worker.prompt
    assert reviewer.prompt.index("the dishes") < reviewer.prompt.index("Review it.")


def test_a_prompt_that_begins_with_a_command_keeps_it_in_front() -> None:
    bench = Bench(replace(CHAIN, links=(Link(name="w", prompt="/review all"),), max_rounds=1))
    bench.run()
    assert orders(bench)[0].prompt.startswith("/review all\n")


def test_an_interrupted_agent_is_told_to_go_on_in_its_session() -> None:
    bench = Bench(
        replace(CHAIN, max_rounds=1), {"worker": [ends(Outcome.STALLED, worked=True), says()], "*": [says()]}
    )
    bench.run()
    first, second = orders(bench)[:2]
    assert (second.session, second.resume) == (first.session, True)
    assert "You were interrupted" in second.prompt
    assert "Do " not in second.prompt


def test_a_limit_is_waited_for_and_a_stop_file_ends_the_wait() -> None:
    bench = Bench(replace(CHAIN, max_rounds=1), {"*": [ends(Outcome.LIMITED)]})
    bench.clock.poll_s = 0.5
    bench.clock.after(120, lambda: bench.desk.write("STOP", "enough"))
    ended = bench.run()
    assert ended.reason == "stop_requested"
    assert bench.clock.monotonic() <= 121


def test_while_it_waits_the_status_file_says_so() -> None:
    words: list[str] = []
    bench = Bench(replace(CHAIN, max_rounds=1), {"*": [ends(Outcome.LIMITED), says()]})
    bench.clock.after(120, lambda: words.append(bench.desk.text("status.txt").split()[0]))
    bench.run()
    assert words == ["WAITING"]


def test_ctrl_c_once_ends_the_run_after_the_link_as_interrupted() -> None:
    bench = Bench(CHAIN)
    bench.agents = ScriptedAgents(bench.clock, bench.desk, {"*": [Play(does=lambda _: raise_to(bench, 1))]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("interrupted", 130)
    assert bench.ledger == ["worker"]


def raise_to(bench: Bench, level: int) -> None:
    bench.signals.raised = level


def test_denied_tools_with_nothing_changed_are_no_success() -> None:
    refused = Play(reply=Reply(outcome=Outcome.DONE, text="I could not.", worked=True, denials=("Write",)))
    bench = Bench(replace(CHAIN, max_rounds=0), {"*": [refused]})
    bench.tree.still = True
    ended = bench.run()
    assert ended.reason == "stalled"
    assert "denials" in ended.message
    assert bench.progress.rounds_done == 2


def test_the_engine_passes_over_workers_that_the_controller_did_not_name() -> None:
    links = (
        Link(name="controller", role=Role.CONTROLLER),
        Link(name="opus-worker", model="opus", skip_unless_assigned=True),
        Link(name="sonnet-worker", model="sonnet", skip_unless_assigned=True),
    )
    script = {"controller": [says(handoff="ASSIGNED: sonnet\nfix it")], "*": [says()]}
    bench = Bench(replace(CHAIN, links=links, max_rounds=1), script)
    bench.run()
    assert bench.ledger == ["controller", "sonnet-worker"]


def test_an_assignment_that_names_nobody_skips_nobody_and_is_said() -> None:
    links = (Link(name="controller", role=Role.CONTROLLER), Link(name="a", skip_unless_assigned=True))
    bench = Bench(
        replace(CHAIN, links=links, max_rounds=1), {"controller": [says(handoff="hm")], "*": [says()]}
    )
    bench.run()
    assert bench.ledger == ["controller", "a"]
    assert any(isinstance(e, ev.Noted) and "assigns nobody" in e.message for e in bench.seen)


def test_the_budget_left_is_handed_to_each_call() -> None:
    bench = Bench(replace(CHAIN, budget_usd=1.0), {"*": [says(cost=0.4)]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("budget", 4)
    assert [round(order.budget_usd or 0, 2) for order in orders(bench)] == [1.0, 0.6, 0.2]


def test_the_home_s_daily_budget_counts_the_runs_of_all_chains() -> None:
    bench = Bench(replace(CHAIN, max_rounds=1), {"*": [says(cost=0.4)]})
    bench.daily_cap = 1.0
    assert bench.run().reason == "max_rounds"
    assert bench.run().reason == "budget"
    assert len(bench.ledger) == 3


def test_notices_go_out_after_links_that_ask_and_at_the_end() -> None:
    bench = Bench(replace(CHAIN, links=(replace(WORKER, telegram_update=True), REVIEWER), max_rounds=1))
    bench.run()
    assert [title for title, _ in bench.notices.sent] == ["c: link worker done", "c: max_rounds"]
    assert bench.notices.sent[1][1]["stop reason"] == "max_rounds"


def test_a_run_that_was_killed_in_a_call_tries_it_again_in_the_agents_session() -> None:
    class Killed(BaseException):
        pass

    def die(order: CallOrder) -> None:
        raise Killed

    bench = Bench(CHAIN, {"worker": [Play(does=die), says()], "*": [says()]})
    with pytest.raises(Killed):
        bench.run()
    assert bench.run().reason == "max_rounds"
    assert bench.ledger == ["worker", "worker", "reviewer", "worker", "reviewer"]
    lost = next(e for e in bench.seen if isinstance(e, ev.CallEnded))
    assert (lost.outcome, lost.charged) == ("lost", False)


def test_every_event_survives_the_way_to_disk_and_back() -> None:
    bench = Bench(CHAIN, {"*": [says(handoff="x"), ends(Outcome.LIMITED), ends(Outcome.CRASHED, "boom")]})
    bench.run(task="t")
    for event in bench.journal.events(bench.progress.run):
        assert from_json(event.kind, to_json(event)) == event


def test_folding_the_journal_anew_gives_the_same_progress() -> None:
    bench = Bench(CHAIN, {"*": [says(cost=0.1), ends(Outcome.OVERLOADED), says(handoff="y")]})
    bench.run()
    assert fold(bench.journal.events(bench.progress.run)) == bench.progress


def test_a_link_works_in_its_own_folder_where_it_has_one() -> None:
    bench = Bench(replace(CHAIN, links=(replace(WORKER, workdir="sub"),), max_rounds=1))
    bench.run()
    assert orders(bench)[0].workdir == Path("/repo/sub")
