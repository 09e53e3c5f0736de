"""How is one command of the command line declared? And what is said to a word that nobody knows?"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from llmauto.errors import UsageError

SubParsers = Any  # argparse keeps the type of its sub-parsers private


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose mistakes are `UsageError`s with a guess at what was meant."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, add_help=False, **kwargs)
        self.add_argument("-h", "--help", action="help", help="show this help and exit")
        self._mixes = False

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Words may stand before and behind options: `chain stop x --now it is late`.

        Left alone, argparse takes all words at once where the first one stands, and refuses the later
        ones. Its own way out cannot do sub-commands, nor `--` before Python 3.13.
        """
        if self._mixes or self._subparsers is not None or "--" in (args or ()):
            return super().parse_known_args(args, namespace)
        self._mixes = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixes = False

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting: the one place that prints errors is `cli.main`."""
        raise UsageError(message, hint=self._hint(message))

    def _hint(self, message: str) -> str:
        from llmauto.rules.names import nearest

        words = re.findall(r"invalid choice: '([^']*)'", message)
        known = [choice for action in self._actions for choice in (action.choices or ())]
        if "unrecognized arguments" in message:
            words = [word.split("=")[0] for word in message.split(":", 1)[1].split() if word.startswith("-")]
            known = list(self._option_string_actions)
        for word in words:
            if (near := nearest(word, [str(choice) for choice in known])) is not None:
                return f'did you mean "{near}"?'
        return f"`{self.prog} --help` lists what there is"


def filled(text: str) -> str:
    """A text that is not empty, as that of a script's unset variable is."""
    if not text:
        raise argparse.ArgumentTypeError("expected a text that is not empty")
    return text


def shared(parser: argparse.ArgumentParser, default: Any = None) -> None:
    """Options that may stand before or after the command."""
    parser.add_argument("--home", metavar="DIR", type=filled, default=default,
                        help="the home: where chains and state are")  # fmt: skip
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
    shared(made, argparse.SUPPRESS)
    return made


def as_json(parser: argparse.ArgumentParser) -> None:
    """The `--json` of a command that reads."""
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys")
