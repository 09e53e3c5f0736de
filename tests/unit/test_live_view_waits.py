"""What does a person see in front of a chain that waits for them?"""

from __future__ import annotations

import io

from llmauto import events as ev
from llmauto.cli.live import LiveView, status_line
from llmauto.cli.output import Output
from llmauto.model import Chain, Link, Role
from llmauto.rules.advance import fold

GATE = Link(name="gate", role=Role.GATE, description="read the diff, then answer")
CHAIN = Chain(name="release", links=(Link(name="worker", prompt="Work."), GATE))
BEGUN = ev.RunStarted(run="r", chain="release", links=("worker", "gate"))


def test_at_a_gate_it_says_what_is_asked_and_what_to_type() -> None:
    err = io.StringIO()
    view = LiveView(Output(io.StringIO(), err, {}), CHAIN, lambda: 0.0)
    view(ev.GateOpened(round=1, link="gate"))
    view.close()
    lines = err.getvalue().splitlines()
    assert lines[1:] == [
        "    ? read the diff, then answer",
        "    ? llmauto chain approve release    or: llmauto chain deny release REASON",
    ]


def test_the_line_below_says_that_it_waits_and_for_whom() -> None:
    gate = fold([BEGUN, ev.GateOpened(round=1, link="gate"), ev.IdleBegan(why="gate")])
    assert "waiting for a person at gate `gate`" in status_line(CHAIN, gate, "", 0, (0.0, 0.0))
    paused = fold([BEGUN, ev.PauseAsked(), ev.IdleBegan(why="pause")])
    assert "│ paused │" in status_line(CHAIN, paused, "", 0, (0.0, 0.0))
