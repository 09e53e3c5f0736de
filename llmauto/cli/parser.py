"""Which words does the command line know? argparse, with a "did you mean" for the others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from llmauto.cli import parser_chain, parser_other
from llmauto.cli.called import called_as
from llmauto.cli.parser_words import Parser, shared


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command that was asked for: its words, and where it is (`command`, as `module:function`)."""
    parser = build()
    args, extra = parser.parse_known_args(argv)
    if extra:
        _asked_parser(parser, argv).error(f"unrecognized arguments: {' '.join(extra)}")
    if not hasattr(args, "command"):
        _asked_parser(parser, argv).print_help()
        raise SystemExit(0 if not argv else 2)
    return args


def build() -> Parser:
    """The whole parser."""
    top = Parser(
        prog="llmauto",
        description="Autonomous chains of coding agents: marble runs from a JSON file.",
        epilog=f"Begin with: {called_as(sys.orig_argv)} chain start demo",
    )
    shared(top)
    top.add_argument("-V", "--version", action="store_const", const="other:version", dest="command",
                     default=argparse.SUPPRESS, help="print the version")  # fmt: skip
    commands = top.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    parser_chain.add(commands)
    parser_other.add(commands)
    return top


def _asked_parser(parser: Parser, argv: Sequence[str]) -> Parser:
    """The innermost parser that the words name."""
    for word in argv:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction) and word in action.choices:
                parser = action.choices[word]
                break
    return parser
