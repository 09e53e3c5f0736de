"""The words below `llmauto chain`."""

from __future__ import annotations

import argparse

from llmauto.cli import parser_seen, parser_steering
from llmauto.cli.parser_words import Parser, SubParsers, as_json, command, filled


def add(commands: SubParsers) -> None:
    """Add `chain` and all that stands below it."""
    chain: Parser = commands.add_parser(
        "chain",
        help="start, watch, stop and edit chains",
        description="Start, watch, stop and edit chains.",
    )
    below = chain.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    _start(below)
    _look(below)
    parser_seen.add(below)
    _control(below)
    parser_steering.add(below)
    _git(below)
    _edit(below)


def _start(below: SubParsers) -> None:
    start = command(
        below, "start", "start:start", "start a chain, or go on with its unfinished run",
        "Start a chain, or go on with its unfinished run at the very link it stopped at.",
    )  # fmt: skip
    start.add_argument("name", metavar="NAME", help="a chain's name, or the path of a chain file")
    start.add_argument("--fresh", action="store_true", help="begin a new run in any case")
    start.add_argument("--from", dest="from_link", metavar="LINK", type=filled, help="begin at this link")
    task = start.add_mutually_exclusive_group()
    task.add_argument("--task", metavar="TEXT", help="what is to be done: {TASK} in prompts")
    task.add_argument("--task-file", metavar="FILE", help="a file that says what is to be done")
    start.add_argument("--set", dest="inputs", metavar="K=V", action="append", default=[],
                       help="fill one of the chain's inputs: {inputs.K} in prompts")  # fmt: skip
    start.add_argument("--rounds", type=positive_int, metavar="N", help="the run's rounds in all")
    start.add_argument("--budget", type=positive_number, metavar="USD", help="the run's dollars in all")
    start.add_argument("--bg", action="store_true", help="run in the background, detached from this terminal")
    start.add_argument("--window", action="store_true", help="run in a terminal window of its own")
    start.add_argument("--dry-run", action="store_true",
                       help="show command lines, prompts and the worst case; start nothing")  # fmt: skip
    start.add_argument("--verbose", "-v", action="store_true", help="show the agents' text whole")
    start.add_argument("--json", action="store_true", help="print events as JSON lines")
    start.add_argument("--begun-file", help=argparse.SUPPRESS)


def _look(below: SubParsers) -> None:
    status = command(below, "status", "status:chain_status", "where a chain stands, and why")
    status.add_argument("name", metavar="NAME", nargs="?", help="a chain's name; without it, all chains")
    as_json(status)
    log = command(below, "log", "log:log", "what happened: the last N events")
    log.add_argument("name", metavar="NAME", help="a chain's name")
    log.add_argument("count", metavar="N", nargs="?", type=positive_int, default=50, help="how many (50)")
    log.add_argument("-f", "--follow", action="store_true", help="go on as it happens; Ctrl-C ends it")
    log.add_argument("--run", metavar="RUN", help="an earlier run (`chain runs` lists them)")
    as_json(log)
    listing = command(below, "list", "listing:chains", "the chains that can be started")
    as_json(listing)
    check = command(below, "check", "check:check", "validate a chain, and start nothing")
    check.add_argument("name", metavar="NAME", help="a chain's name, or the path of a chain file")
    as_json(check)
    show = command(below, "show", "check:show", "a chain, resolved: every value and where it came from")
    show.add_argument("name", metavar="NAME", help="a chain's name, or the path of a chain file")
    as_json(show)
    handoff = command(
        below, "handoff", "history:handoff", "a handoff: the last one, or that of a round and link"
    )
    handoff.add_argument("name", metavar="NAME", help="a chain's name")
    handoff.add_argument("--round", type=positive_int, metavar="N", help="the round, from 1")
    handoff.add_argument("--link", metavar="L", help="the link")
    handoff.add_argument("--run", metavar="RUN", help="an earlier run")
    as_json(handoff)
    runs = command(below, "runs", "history:runs", "the runs of a chain, newest first")
    runs.add_argument("name", metavar="NAME", help="a chain's name")
    as_json(runs)


def _control(below: SubParsers) -> None:
    stop = command(below, "stop", "control:stop", "stop a chain after the current link")
    stop.add_argument("name", metavar="NAME", help="a chain's name")
    stop.add_argument("reason", metavar="REASON", nargs="*", help="why, for the record")
    stop.add_argument("--now", action="store_true", help="end the current call within its grace")
    reset = command(below, "reset", "control:reset", "forget a chain's runs and go back to round 0")
    reset.add_argument("name", metavar="NAME", help="a chain's name")
    opened = command(below, "open", "history:open_session", "talk to a link's session, in its workdir")
    opened.add_argument("name", metavar="NAME", help="a chain's name")
    opened.add_argument("link", metavar="LINK", help="the link")


def _git(below: SubParsers) -> None:
    diff = command(
        below, "diff", "git_commands:diff", "what a run, a round or a link changed in the workdir",
        "What the last run changed in the workdir, or one round or link of it.",
    )  # fmt: skip
    diff.add_argument("name", metavar="NAME", help="a chain's name")
    diff.add_argument("--round", type=positive_int, metavar="N", help="the round, from 1")
    diff.add_argument("--link", metavar="L", help="the link; without a round, its last one")
    diff.add_argument("--run", metavar="RUN", help="an earlier run (`chain runs` lists them)")
    diff.add_argument("--stat", action="store_true", help="only which files, and how many lines")
    as_json(diff)
    rewind = command(
        below, "rewind", "git_commands:rewind", "put the workdir's files back to before a round or link",
        "Put the workdir's files back to what they were before a round, or before a link in it. What is "
        "there now is kept first: `chain rewind NAME undo` brings it back.",
    )  # fmt: skip
    rewind.add_argument("name", metavar="NAME", help="a chain's name")
    rewind.add_argument(
        "target", metavar="ROUND[:LINK]", help="as 2 or 2:worker; `undo` takes the last one back"
    )
    rewind.add_argument("--run", metavar="RUN", help="an earlier run (`chain runs` lists them)")
    rewind.add_argument("--yes", "-y", action="store_true", help="do not ask")
    merge = command(
        below, "merge", "git_commands:merge", "bring a run's own branch into yours",
        "Bring what a run made on its own branch (`isolation`: worktree) into the branch you are on.",
    )  # fmt: skip
    merge.add_argument("name", metavar="NAME", help="a chain's name")
    merge.add_argument("--run", metavar="RUN", help="an earlier run (`chain runs` lists them)")


def _edit(below: SubParsers) -> None:
    create = command(below, "create", "create:create", "write a new chain: asks, then writes")
    create.add_argument("name", metavar="NAME", nargs="?", help="the new chain's name")
    create.add_argument("--template", metavar="T", help="the pattern to begin from")
    create.add_argument("--yes", "-y", action="store_true", help="ask nothing, take the defaults")
    copy = command(below, "copy", "edit:copy", "copy a chain under another name")
    copy.add_argument("name", metavar="NAME", help="the chain to copy")
    copy.add_argument("new", metavar="NEW", help="the copy's name")
    delete = command(below, "delete", "edit:delete", "delete a chain's file, state and runs")
    delete.add_argument("name", metavar="NAME", help="a chain's name")
    delete.add_argument("--yes", "-y", action="store_true", help="do not ask")
    delete.add_argument("--unmerged", action="store_true",
                        help="also where work in a run's own worktree is not merged")  # fmt: skip


def positive_int(text: str) -> int:
    """A whole number from 1."""
    return whole(text, least=1)


def whole(text: str, least: int = 0) -> int:
    """A whole number from `least`."""
    if not text.isdecimal() or len(text) > 12 or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, got {text!r}")
    return int(text)


def positive_number(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value
