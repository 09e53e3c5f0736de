"""The words for looking at runs: `chain report`, `chain stats`, `ui`."""

from __future__ import annotations

import argparse

from llmauto.cli.parser_words import SubParsers, as_json, command, filled


def add(below: SubParsers) -> None:
    """Add what stands below `chain`."""
    report = command(below, "report", "report:report", "a run as one HTML page, or as Markdown")
    report.add_argument("name", metavar="NAME", help="a chain's name")
    report.add_argument("--run", metavar="RUN", help="an earlier run (`chain runs` lists them)")
    report.add_argument("--md", action="store_true", help="Markdown, for a pull request")
    stats = command(below, "stats", "stats:stats", "what runs cost, how long they took, how they ended")
    stats.add_argument("name", metavar="NAME", nargs="?", type=filled,
                       help="a chain's name; without it, all chains")  # fmt: skip
    stats.add_argument("--by", choices=["link", "model", "day", "outcome", "verdict"], help="only these sums")
    stats.add_argument("--csv", action="store_true", help="print CSV")
    as_json(stats)


def add_ui(commands: SubParsers) -> None:
    """Add `ui`."""
    ui = command(
        commands, "ui", "ui:ui", "a web page of all runs (extra `web`)",
        "Serve a web page of all runs on this machine, to watch, steer, approve and stop them.",
    )  # fmt: skip
    ui.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="the address (127.0.0.1)")
    ui.add_argument(
        "--port", metavar="PORT", type=port, default=8765, help="the port (8765); 0 takes a free one"
    )
    ui.add_argument("--open", action="store_true", help="open the browser, logged in")
    ui.add_argument("--expose-without-encryption", action="store_true",
                    help="let other machines reach the page: with --host alone it is refused")  # fmt: skip


def port(text: str) -> int:
    """A port's number."""
    if not (text.isascii() and text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 65535, got {text!r}")
    return int(text)
