"""`chain log`: the last events, and following them."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from llmauto.cli.context import Context
from llmauto.cli.log import Follower
from llmauto.cli.output import Output
from llmauto.locks import RunnerLock
from llmauto.testing.clock import FakeClock
from tests.support.command_line import Said, llmauto
from tests.support.told_runs import ToldHome, ToldRun

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path) -> ToldHome:
    return ToldHome(tmp_path / "home")


def follow(home: ToldHome, *happens: Callable[[], object], run: str | None = None) -> Said:
    """`chain log x -f`, while these things happen one after the other, 10 s apart."""
    clock = FakeClock()
    for place, happen in enumerate(happens, 1):
        clock.after(10.0 * place, plan(happen))
    out, err = io.StringIO(), io.StringIO()
    args = Namespace(name="x", home=str(home.path), json=False)
    with closing(Follower(Context(args=args, out=Output(out, err, {}), environ={}), "x", clock)) as follower:
        code = follower.show(50, run=run, follow=True)
    return Said(code, out.getvalue(), err.getvalue())


def plan(happen: Callable[[], object]) -> Callable[[], None]:
    """As something that a clock can make happen."""

    def do() -> None:
        happen()

    return do


def begin(home: ToldHome, runs: list[ToldRun], run: str) -> Callable[[], None]:
    return lambda: runs.append(home.run(run).call())


def test_the_last_events_are_printed_one_a_line(home: ToldHome) -> None:
    home.run().call().handoff("# done\n").end().call("reviewer").end("timeout", message="too long")
    said = llmauto(home.path, "chain", "log", "x")
    assert said.code == 0
    assert [line.split("  ", 1)[1] for line in said.out.splitlines()] == [
        f"run           r1 begins with 2 links · in {home.path}",
        "r1 worker     begins with opus",
        "r1 worker     handoff, 7 B",
        "r1 worker     done in 7m12s, $0.42",
        "r1 reviewer   begins with opus",
        "r1 reviewer   timeout after 7m12s, $0.42: too long",
    ]
    assert llmauto(home.path, "chain", "log", "x", "1").out.splitlines() == said.out.splitlines()[-1:]


def test_json_lines_hold_all_that_the_event_does(home: ToldHome) -> None:
    home.run().call().end()
    lines = llmauto(home.path, "chain", "log", "x", "--json").json_lines
    assert [line["event"] for line in lines] == ["run_started", "call_started", "call_ended", "link_ended"]
    assert {line["run"] for line in lines} == {"r1"}
    assert (lines[2]["cost_usd"], lines[2]["seconds"], lines[2]["at"] > 0) == (0.42, 432.0, True)


def test_an_earlier_run_is_shown_by_its_name(home: ToldHome) -> None:
    home.run("r1").over()
    home.run("r2").over()
    assert " r1 begins" in llmauto(home.path, "chain", "log", "x", "--run", "r1").out
    assert " r2 begins" in llmauto(home.path, "chain", "log", "x").out


def test_a_run_that_is_not_the_chains_is_refused(home: ToldHome) -> None:
    home.run("20261124-130311-5f1c", "x").over()
    home.run("r2", "other").over()
    said = llmauto(home.path, "chain", "log", "x", "--run", "20261124-130311-5f1d")
    assert said.code == 2
    assert 'did you mean "20261124-130311-5f1c"?' in said.err
    assert llmauto(home.path, "chain", "log", "x", "--run", "r2").code == 2


def test_a_chain_that_never_ran_has_no_log(home: ToldHome) -> None:
    before = home.files()
    said = llmauto(home.path, "chain", "log", "x")
    assert (said.code, said.out) == (0, "")
    assert "has not run yet" in said.err
    assert home.files() == before


@pytest.mark.parametrize("name", ["../x", "CON", "-rf"])
def test_a_name_outside_the_allow_list_is_refused(home: ToldHome, name: str) -> None:
    assert llmauto(home.path, "chain", "log", "--", name).code == 2


def test_escapes_in_events_do_not_reach_the_terminal(home: ToldHome) -> None:
    home.run().call().end("crashed", message="a\x1b]0;owned\x07b\x1b[2J")
    assert "\x1b" not in llmauto(home.path, "chain", "log", "x").out


def test_following_ends_with_the_run_and_says_so(home: ToldHome) -> None:
    run, lock = home.run().call(), home.lock()
    said = follow(home, run.end, run.call, lambda: run.end().over())
    lock.release()
    assert said.code == 0
    assert len(said.out.splitlines()) == 6
    assert said.out.splitlines()[-1].endswith("ended, max_rounds: 5 rounds are done · exit code 0")
    assert said.err == "run r1 has ended: `llmauto chain status x` says how\n"


def test_every_event_is_followed_once(home: ToldHome) -> None:
    run = home.run()
    with home.lock():
        said = follow(home, *[lambda: run.call().end(), run.round_over] * 5, run.over)
    lines = said.out.splitlines()
    assert sum("begins with opus" in line for line in lines) == 5
    assert sum("is over" in line for line in lines) == 5


def test_a_runner_that_dies_ends_the_following(home: ToldHome) -> None:
    home.run().call()
    lock = home.lock()
    said = follow(home, lock.release)
    assert said.code == 0
    assert said.err == "the runner has died: `llmauto chain start x` goes on\n"


def test_where_no_run_is_on_the_next_one_is_waited_for(home: ToldHome) -> None:
    home.run("r1").over()
    runs: list[ToldRun] = []
    locks: list[RunnerLock] = []
    said = follow(
        home,
        lambda: locks.append(home.lock()),
        begin(home, runs, "r2"),
        lambda: runs[0].end().over(),
        lambda: locks[0].release(),
    )
    locks[0].release()
    assert "no run of `x` is on: waiting for the next one" in said.err
    assert " r2 begins" in said.out
    assert "run r2 has ended" in said.err


def test_the_first_run_of_a_home_is_waited_for_too(home: ToldHome) -> None:
    runs: list[ToldRun] = []
    locks: list[RunnerLock] = []
    said = follow(
        home,
        lambda: locks.append(home.lock()),
        begin(home, runs, "r1"),
        lambda: runs[0].end().over(),
    )
    locks[0].release()
    assert " r1 begins" in said.out
    assert "run r1 has ended" in said.err


def test_a_run_that_has_ended_is_not_followed(home: ToldHome) -> None:
    home.run("r1").over()
    said = follow(home, run="r1")
    assert "nothing more will come" in said.err


def test_following_looks_at_least_twice_a_second(home: ToldHome) -> None:
    run = home.run().call()
    clock = FakeClock()
    clock.after(3.0, plan(lambda: run.end().over()))
    args = Namespace(name="x", home=str(home.path), json=True)
    out = Output(io.StringIO(), io.StringIO(), {})
    with home.lock(), closing(Follower(Context(args=args, out=out, environ={}), "x", clock)) as follower:
        follower.show(50, run=None, follow=True)
    assert max(clock.pauses) <= 0.5


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_a_following_process_quietly(home: ToldHome) -> None:
    home.run("r1").over()
    argv = [sys.executable, "-m", "llmauto", "--home", str(home.path), "chain", "log", "x", "-f"]
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as child:
        assert child.stderr is not None
        assert "waiting for the next one" in child.stderr.readline()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)
    assert child.returncode == 130
    assert (len(out.splitlines()), err) == (2, "")
