"""The words by which a person speaks to a run, and rehearses one."""

from __future__ import annotations

from llmauto.cli.parser_words import SubParsers, as_json, command


def add(below: SubParsers) -> None:
    """Add them below `llmauto chain`."""
    pause = command(below, "pause", "steering:pause", "let a run stand still after its link")
    pause.add_argument("name", metavar="NAME", help="a chain's name")
    pause.add_argument("reason", metavar="REASON", nargs="*", help="why, for the record")
    resume = command(below, "resume", "steering:resume", "let a paused run go on")
    resume.add_argument("name", metavar="NAME", help="a chain's name")
    steer = command(
        below, "steer", "steering:steer", "say something to the next agent of a run",
        "Say something to the next agent of a run: it stands under its prompt, and goes before all else.",
    )  # fmt: skip
    steer.add_argument("name", metavar="NAME", help="a chain's name")
    steer.add_argument("text", metavar="TEXT", nargs="+", help="what to say; `-` reads it from stdin")
    steer.add_argument("--now", action="store_true",
                       help="end the call that is on; its session goes on with the text")  # fmt: skip
    approve = command(below, "approve", "steering:approve", "open the gate that a run waits at")
    approve.add_argument("name", metavar="NAME", help="a chain's name")
    approve.add_argument("reason", metavar="REASON", nargs="*", help="why; the next agent is told")
    deny = command(below, "deny", "steering:deny", "keep the gate shut that a run waits at")
    deny.add_argument("name", metavar="NAME", help="a chain's name")
    deny.add_argument("reason", metavar="REASON", nargs="*", help="why; the next agent is told")
    rehearse = command(
        below, "rehearse", "rehearse:command", "play a chain with scripted agents, at no cost",
        "Play a chain with scripted agents through the real engine, on a clock that takes no time. Without "
        "--script it is `rehearsals/NAME.json` beside the chain.",
    )  # fmt: skip
    rehearse.add_argument("name", metavar="NAME", help="a chain's name, or the path of a chain file")
    what = rehearse.add_mutually_exclusive_group()
    what.add_argument("--script", metavar="FILE", help="what the agents do, and how the run has to go")
    what.add_argument("--record", action="store_true", help="print a script that is made from a real run")
    rehearse.add_argument("--run", metavar="RUN", help="record this run, not the last one")
    as_json(rehearse)
