"""Which words does the command line know? argparse, with a "did you mean" for the others."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from llmauto.errors import UsageError

SubParsers = Any  # argparse keeps the type of its sub-parsers private


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose mistakes are `UsageError`s with a guess at what was meant."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, add_help=False, **kwargs)
        self.add_argument("-h", "--help", action="help", help="show this help and exit")

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting: the one place that prints errors is `cli.main`."""
        raise UsageError(message, hint=self._hint(message))

    def _hint(self, message: str) -> str:
        from llmauto.rules.names import nearest

        words = re.findall(r"invalid choice: '([^']*)'", message)
        known = [choice for action in self._actions for choice in (action.choices or ())]
        if "unrecognized arguments" in message:
            words = [word.split("=")[0] for word in message.split(":", 1)[1].split() if word.startswith("-")]
            known = [option for parser in walk(self) for option in parser._option_string_actions]
        for word in words:
            if (near := nearest(word, [str(choice) for choice in known])) is not None:
                return f'did you mean "{near}"?'
        return f"`{self.prog} --help` lists what there is"


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
    from llmauto.cli import parser_chain, parser_other

    top = Parser(
        prog="llmauto",
        description="Autonomous chains of coding agents: marble runs from a JSON file.",
        epilog="Begin with: llmauto chain start demo",
    )
    _shared(top)
    top.add_argument("-V", "--version", action="store_const", const="other:version", dest="command",
                     default=argparse.SUPPRESS, help="print the version")  # fmt: skip
    commands = top.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    parser_chain.add(commands)
    parser_other.add(commands)
    return top


def _shared(parser: argparse.ArgumentParser, default: Any = None) -> None:
    """Options that may stand before or after the command."""
    parser.add_argument("--home", metavar="DIR", default=default, help="the home: where chains and state are")
    parser.add_argument("--debug", action="store_true", default=default or False,
                        help="show the traceback of an error")  # fmt: skip


def command(
    commands: SubParsers,
    name: str,
    target: str,
    help_: str,
    description: str = "",
    *,
    aliases: Sequence[str] = (),
) -> Parser:
    """One command; `target` is `module:function` below `llmauto.cli`."""
    made: Parser = commands.add_parser(
        name, help=help_, description=description or help_, aliases=list(aliases)
    )
    made.set_defaults(command=target)
    _shared(made, argparse.SUPPRESS)
    return made


def as_json(parser: argparse.ArgumentParser) -> None:
    """The `--json` of a command that reads."""
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys")


def walk(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and all its sub-parsers."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in dict.fromkeys(action.choices.values()):
                yield from walk(child)


def _asked_parser(parser: Parser, argv: Sequence[str]) -> Parser:
    """The innermost parser that the words name."""
    for word in argv:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction) and word in action.choices:
                parser = action.choices[word]
                break
    return parser
