"""The demo agent: a real process that plays worker, reviewer and controller."""

from __future__ import annotations

import subprocess
from pathlib import Path

from llmauto.backends.demo import BACKEND, DemoReader
from llmauto.model import Link, Role
from llmauto.outcomes import Outcome
from llmauto.ports import Activity, CallOrder, Reply
from tests.support.calls import NOW, ended, order, read


def play(
    tmp_path: Path, role: Role, prompt: str = "Go on.", chain: str = "demo"
) -> tuple[Reply, list[Activity]]:
    """Run the agent as the keeper would, without one."""
    link = Link(name=role.value, role=role, backend="demo")
    call = order(tmp_path, link, chain=chain, state=tmp_path / "state", handoff=tmp_path / "state/handoff.md")
    program = BACKEND.program(link, paths={}, env={}, cwd=tmp_path)
    done = subprocess.run(
        BACKEND.launch(call, program).argv,
        input=prompt.encode(),
        capture_output=True,
        cwd=tmp_path,
        env={"LLMAUTO_CHAIN": chain, "LLMAUTO_HANDOFF": str(call.handoff), "DEMO_PACE": "0"},
        timeout=20,
        check=False,
    )
    return replay(call, done.stdout, done.returncode, done.stderr.decode())


def replay(call: CallOrder, output: bytes, code: int, stderr: str = "") -> tuple[Reply, list[Activity]]:
    shown: list[Activity] = []
    reader = DemoReader(call)
    for line in output.splitlines():
        shown += reader.feed(line)
    return reader.finish(ended(code), stderr.encode(), NOW), shown


def handoff(tmp_path: Path) -> str:
    return (tmp_path / "state/handoff.md").read_text(encoding="utf-8")


def marbles(tmp_path: Path) -> str:
    return (tmp_path / "state/work/marbles.md").read_text(encoding="utf-8")


def test_two_rounds_end_with_an_approval_that_is_earned(tmp_path: Path) -> None:
    verdicts = []
    for _ in range(2):
        assert play(tmp_path, Role.WORKER)[0].outcome is Outcome.DONE
        assert handoff(tmp_path).startswith("Status: READY_FOR_REVIEW\n")
        assert play(tmp_path, Role.REVIEWER)[0].outcome is Outcome.DONE
        verdicts.append(handoff(tmp_path).splitlines()[0])

    assert verdicts == ["Verdict: NEEDS_FIX", "Verdict: APPROVED"]
    assert marbles(tmp_path) == "# Marbles\n\n- red\n- blue\n- green\n\nTotal: 3\n"
    assert not (tmp_path / "state/status.txt").exists()


def test_it_goes_on_after_an_approval(tmp_path: Path) -> None:
    for _ in range(5):
        play(tmp_path, Role.WORKER)
        play(tmp_path, Role.REVIEWER)

    assert handoff(tmp_path).startswith("Verdict: APPROVED")
    assert marbles(tmp_path).endswith("- red 2\n- blue 2\n\nTotal: 12\n")


def test_the_reviewer_really_looks(tmp_path: Path) -> None:
    for _ in range(2):
        play(tmp_path, Role.WORKER)
        play(tmp_path, Role.REVIEWER)
    (tmp_path / "state/work/marbles.md").write_text("- red\n\nTotal: 7\n", encoding="utf-8")
    play(tmp_path, Role.REVIEWER)

    assert handoff(tmp_path).startswith("Verdict: NEEDS_FIX")


def test_the_controller_assigns_a_worker_that_the_prompt_names(tmp_path: Path) -> None:
    play(tmp_path, Role.CONTROLLER, "Write `ASSIGNED: opus-worker` or another.")
    named = handoff(tmp_path)
    play(tmp_path, Role.CONTROLLER, "Assign.")

    assert "\nASSIGNED: opus-worker\n" in named
    assert "\nASSIGNED: worker\n" in handoff(tmp_path)


def test_it_says_what_it_is_costs_nothing_and_shows_its_work(tmp_path: Path) -> None:
    reply, shown = play(tmp_path, Role.WORKER)

    assert shown[0] == Activity(kind="text", text="This is the demo agent: a script, not a model.")
    assert Activity(kind="tool", tool="Write", detail="work/marbles.md") in shown
    assert (reply.charged, reply.cost_usd, reply.input_tokens, reply.model) == (False, 0.0, 0, "demo")
    assert reply.session == order().session


def test_without_a_chain_it_answers_in_one_sentence_and_writes_nothing(tmp_path: Path) -> None:
    reply, _ = play(tmp_path, Role.WORKER, "Explain it to me.", chain="pipe")

    assert reply.text == "This is the demo backend: no model has read your prompt of 4 words."
    assert list(tmp_path.iterdir()) == []


def test_a_prompt_can_ask_for_an_end_a_block_and_a_failure(tmp_path: Path) -> None:
    play(tmp_path, Role.WORKER, "x\n  demo: blocked\n")
    assert handoff(tmp_path).startswith("Status: BLOCKED")

    play(tmp_path, Role.WORKER, "demo: finish")
    assert (tmp_path / "state/status.txt").read_text(encoding="utf-8") == "ALL_DONE\n"

    reply, _ = play(tmp_path, Role.WORKER, "demo: fail")
    assert (reply.outcome, reply.message) == (
        Outcome.CRASHED,
        "exit code 1: the demo agent was asked to fail",
    )


def test_an_end_without_a_result_is_bad_output() -> None:
    assert read(DemoReader(order()), [b'{"type":"text","text":"x"}'], ended()).outcome is Outcome.BAD_OUTPUT
    assert read(DemoReader(order()), [], ended(143, "timeout")).outcome is Outcome.TIMEOUT
