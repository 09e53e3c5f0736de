"""llmauto as a library: the public names, runs and single questions from a program, the guide's examples."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import llmauto
from llmauto import Activity, Chain, ChainError, Event, Link, Mode, Outcome, Role, UsageError
from llmauto.events import RunStarted
from llmauto.model import Breakers
from llmauto.ports import Interrupts
from tests.support.project import ROOT

GUIDE = ROOT / "docs" / "guides" / "library.md"
WORKER = Link(name="worker", backend="demo", prompt="Make a list of marbles.")
REVIEWER = Link(name="reviewer", role=Role.REVIEWER, backend="demo", prompt="Count them.")
TWO = Chain(name="two", mode=Mode.ONCE, links=(WORKER, REVIEWER))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a project; the program runs in the project's folder."""
    home = tmp_path / "project" / ".llmauto"
    home.mkdir(parents=True)
    monkeypatch.chdir(home.parent)
    monkeypatch.setenv("DEMO_PACE", "0")
    for name in [name for name in os.environ if name.startswith("LLMAUTO_")]:
        monkeypatch.delenv(name)
    return home


# --- the names ------------------------------------------------------------------------------------


def test_every_public_name_is_there_and_the_type_checkers_see_the_same_ones() -> None:
    source = (ROOT / "llmauto" / "__init__.py").read_text(encoding="utf-8")
    typed = re.findall(
        r"\w+", " ".join(re.findall(r"from [\w.]+ import (\([^)]*\)|[^\n(]+)", source.split("_PLACES")[0]))
    )
    assert sorted(llmauto.__all__) == sorted([*typed, "__version__"])
    for name in llmauto.__all__:
        assert getattr(llmauto, name) is not None
        assert name in dir(llmauto)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        llmauto.rum  # noqa: B018


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import llmauto; print(sorted(set(sys.modules) - before))"
    argv = [sys.executable, "-S", "-c", code]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "['llmauto']"


# --- chains ---------------------------------------------------------------------------------------


def test_a_chain_file_is_played_and_its_mistakes_are_raised(home: Path) -> None:
    (home / "chains").mkdir()
    links = [{"name": "w", "backend": "demo", "prompt": "Make a list of {inputs.what}."}]
    path = home / "chains" / "mine.json"
    path.write_text(json.dumps({"mode": "once", "inputs": {"what": None}, "links": links}), encoding="utf-8")
    chain = llmauto.load_chain("mine")
    assert llmauto.load_chain(path) == chain
    with pytest.raises(UsageError, match="must be given `what`"):
        llmauto.run(chain)
    result = llmauto.run(chain, inputs={"what": "marbles"}, task="now")
    assert (result.status, result.stop_reason, result.exit_code, result.ok) == (
        "COMPLETED",
        "completed",
        0,
        True,
    )
    path.write_text('{"mode": "onec", "links": 5}', encoding="utf-8")
    with pytest.raises(ChainError) as caught:
        llmauto.load_chain(path)
    assert len(caught.value.problems) == 2


def test_what_a_chain_file_warns_of_is_a_python_warning(home: Path) -> None:
    (home / "chains").mkdir()
    links = [{"name": "w", "backend": "demo", "prompt": "Make a list."}]
    (home / "chains" / "endless.json").write_text(json.dumps({"links": links}), encoding="utf-8")
    with pytest.warns(UserWarning, match="no bound but its breakers"):
        llmauto.load_chain("endless")


def test_a_chain_made_in_code_is_played_and_shown_as_it_happens(home: Path) -> None:
    seen: list[Event | Activity] = []
    result = llmauto.run(TWO, on_event=seen.append)
    assert (result.status, result.rounds, result.calls) == ("COMPLETED", 1, 2)
    assert (result.cost_usd, result.unknown_costs) == (0.0, 0)
    assert result.seconds > 0
    assert result.handoff.startswith("Verdict: NEEDS_FIX")
    assert isinstance(seen[0], RunStarted)
    assert seen[0].run == result.run
    assert seen[0].workdir == str(home.parent)
    assert any(isinstance(item, Activity) and item.kind == "tool" for item in seen)
    assert (home / "state" / "two" / "handoff.md").read_text(encoding="utf-8") == result.handoff


def test_home_and_workdir_can_be_given(home: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    seen: list[Event | Activity] = []
    llmauto.run(TWO, home=tmp_path / "elsewhere", workdir="../work", on_event=seen.append)
    assert (tmp_path / "elsewhere" / "journal.db").exists()
    assert isinstance(seen[0], RunStarted)
    assert seen[0].workdir == str(tmp_path / "work")
    assert not (home / "journal.db").exists()
    with pytest.raises(UsageError, match="does not exist"):
        llmauto.run(TWO, workdir="nowhere")


class Stop:
    """Interrupts that are raised from the first event on."""

    def __init__(self, level: int) -> None:
        self.raised = level

    def level(self) -> int:
        return self.raised


def test_a_run_that_was_stopped_goes_on_and_fresh_begins_anew(home: Path) -> None:
    stop: Interrupts = Stop(1)
    stopped = llmauto.run(TWO, interrupts=stop)
    assert (stopped.stop_reason, stopped.exit_code, stopped.ok) == ("interrupted", 130, False)
    assert llmauto.run(TWO).run == stopped.run
    again = llmauto.run(TWO, interrupts=stop)
    assert again.run != stopped.run
    assert llmauto.run(TWO, fresh=True).run != again.run


def test_what_on_event_raises_stops_the_run_and_is_raised_again(home: Path) -> None:
    def refuse(item: Event | Activity) -> None:
        raise ValueError("not like this")

    with pytest.raises(ValueError, match="not like this"):
        llmauto.run(TWO, on_event=refuse)
    assert llmauto.run(TWO).calls == 2, "it was left so that it could go on"


def test_signals_are_left_to_the_program(home: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    llmauto.run(TWO)
    llmauto.pipe("x", backend="demo")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("chain", "problem"),
    [
        (replace(TWO, name="../out"), "its name"),
        (replace(TWO, name="CON"), "its name"),
        (replace(TWO, links=()), "it has no links"),
        (replace(TWO, links=(WORKER, WORKER)), "the link name `worker` is used again"),
        (replace(TWO, links=(WORKER, replace(REVIEWER, name="Worker"))), "differ by case alone"),
        (replace(TWO, links=(replace(WORKER, name="a/b"),)), "link `a/b`: its name"),
        (replace(TWO, links=(replace(WORKER, prompt=" "),)), "link `worker`: it has no prompt"),
        (replace(TWO, links=(replace(WORKER, prompt="a\0b"),)), "NUL"),
        (replace(TWO, links=(replace(WORKER, backend="cloude"),)), 'did you mean "claude"?'),
        (replace(TWO, links=(replace(WORKER, backend="codex"),)), "not built yet"),
        (replace(TWO, links=(replace(WORKER, backend="command"),)), "it needs `run`"),
        (replace(TWO, links=(replace(WORKER, on={"APPROVED": "nobody"}),)), "there is no link `nobody`"),
        (replace(TWO, mode=Mode.LOOP, breakers=Breakers(no_progress=0, failures=0, same_error=0, denials=0)),
         "nothing would ever end this loop"),
    ],
)  # fmt: skip
def test_a_chain_made_in_code_is_checked_as_a_file_is(home: Path, chain: Chain, problem: str) -> None:
    with pytest.raises(ChainError) as caught:
        llmauto.run(chain)
    assert any(problem in each for each in caught.value.problems), caught.value.problems
    assert not (home / "journal.db").exists()


# --- single questions -----------------------------------------------------------------------------


def test_a_question_is_answered_and_its_session_gone_on_with(home: Path) -> None:
    reply = llmauto.pipe("How many marbles?", backend="demo")
    assert reply.outcome is Outcome.DONE
    assert reply.text.startswith("This is the demo backend")
    assert (reply.cost_usd, reply.model) == (0.0, "demo")
    assert llmauto.pipe("And red ones?", backend="demo", session=reply.session).session == reply.session
    assert (home / "journal.db").exists()


def test_a_call_that_fails_is_a_reply_and_a_wrong_question_an_error(home: Path) -> None:
    reply = llmauto.pipe("demo: fail", backend="demo")
    assert (reply.outcome, reply.text) == (Outcome.CRASHED, "")
    assert "asked to fail" in reply.message
    with pytest.raises(UsageError, match="prompt is empty"):
        llmauto.pipe(" \n")
    with pytest.raises(UsageError, match="no structured answers"):
        llmauto.pipe("x", backend="demo", schema={"type": "object"})
    with pytest.raises(UsageError, match="NUL"):
        llmauto.pipe("a\0b")


def test_what_on_event_raises_ends_the_question_too(home: Path) -> None:
    def refuse(item: Event | Activity) -> None:
        raise ValueError("not like this")

    with pytest.raises(ValueError, match="not like this"):
        llmauto.pipe("x", backend="demo", on_event=refuse)


# --- the guide ------------------------------------------------------------------------------------


def test_the_examples_of_the_guide_run(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(
        r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(examples) == 4
    for example in examples:
        exec(compile(example, str(GUIDE), "exec"), {})
    shown = capsys.readouterr().out
    assert "max_rounds" in shown
    assert "This is the demo backend" in shown
    assert "run_ended" in shown
