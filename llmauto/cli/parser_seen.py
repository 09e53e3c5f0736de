"""The words for looking at runs: `chain report`, `chain stats`."""

from __future__ import annotations

from llmauto.cli.parser_words import SubParsers, as_json, command


def add(below: SubParsers) -> None:
    """Add what stands below `chain`."""
    report = command(below, "report", "report:report", "a run as one HTML page, or as Markdown")
    report.add_argument("name", metavar="NAME", help="a chain's name")
    report.add_argument("--run", metavar="RUN", help="an earlier run (`chain runs` lists them)")
    report.add_argument("--md", action="store_true", help="Markdown, for a pull request")
    stats = command(below, "stats", "stats:stats", "what runs cost, how long they took, how they ended")
    stats.add_argument("name", metavar="NAME", nargs="?", help="a chain's name; without it, all chains")
    stats.add_argument("--by", choices=["link", "model", "day", "outcome", "verdict"], help="only these sums")
    stats.add_argument("--csv", action="store_true", help="print CSV")
    as_json(stats)
