"""`completion`: the script by which a shell completes llmauto's commands, options and names.

All of it is made from the parser: what the command line knows, the shells know.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from llmauto.cli.context import Context
from llmauto.cli.parser import build

CHAIN, CHAIN_OR_FILE, PROMPT, FILE, FOLDER, TEXT = (
    "@chain", "@chain-or-file", "@prompt", "@file", "@folder", "@text",
)  # fmt: skip
"""Kinds of values that are looked up when asked for. Any other kind is the words themselves."""

SHELLS = {
    "bash": "completion_bash",
    "zsh": "completion_zsh",
    "fish": "completion_fish",
    "powershell": "completion_powershell",
}
"""Shell → the module below `llmauto.cli` whose `script` makes its script."""

_BY_METAVAR = {"FILE": FILE, "DIR": FOLDER}
_PATHS_TOO = ("chain start", "chain check", "chain show")
_NEW_NAMES = ("chain create", "prompt new")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What can stand after the words `at`: commands or places, and options.

    `commands` are (word, help); `options` are (word, help, kind of its value or ""); `places` are the
    kinds of the arguments in their order.
    """

    at: str
    commands: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str, str], ...]
    places: tuple[str, ...]


def completion(ctx: Context) -> int:
    """Print the script."""
    from llmauto.cli.patterns import list_patterns

    patterns = [pattern.name for pattern in list_patterns(ctx.home)]
    module = import_module(f"llmauto.cli.{SHELLS[ctx.args.shell]}")
    ctx.out.line(module.script(commands(patterns)).rstrip("\n"))
    return 0


def commands(patterns: Sequence[str] = ()) -> list[Command]:
    """Every command with what can follow it, the first of them llmauto itself."""
    return list(_walk(build(), "", " ".join(patterns)))


def kinds(known: Sequence[Command]) -> dict[str, list[str]]:
    """Kind → where it stands: `chain start:1` for a place, `chain start:--from` for an option.

    An option that takes the same everywhere is given once, as `*:--home`.
    """
    by_option: dict[str, dict[str, str]] = {}
    found: dict[str, list[str]] = {}
    for each in known:
        for word, _, kind in each.options:
            if kind:
                by_option.setdefault(word, {})[each.at] = kind
        for number, kind in enumerate(each.places, 1):
            if kind != TEXT:
                found.setdefault(kind, []).append(f"{each.at}:{number}")
    for word, takes in by_option.items():
        plain = any(option == word and not kind for each in known for option, _, kind in each.options)
        if len(set(takes.values())) == 1 and not plain:
            found.setdefault(next(iter(takes.values())), []).append(f"*:{word}")
        else:
            for at, kind in takes.items():
                found.setdefault(kind, []).append(f"{at}:{word}")
    return found


def _walk(parser: argparse.ArgumentParser, at: str, patterns: str) -> Iterator[Command]:
    below: dict[str, argparse.ArgumentParser] = {}
    helps: dict[str, str] = {}
    options: list[tuple[str, str, str]] = []
    places: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            below = dict(action.choices)
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
        elif action.help != argparse.SUPPRESS:
            kind = _kind(action, at, patterns)
            for word in action.option_strings:
                options.append((word, action.help or "", kind))
            if not action.option_strings:
                places.append(kind)
    yield Command(
        at=at,
        commands=tuple((word, helps.get(word, "")) for word in below),
        options=tuple(options),
        places=tuple(places),
    )
    for word, child in below.items():
        yield from _walk(child, f"{at} {word}".strip(), patterns)


def _kind(action: argparse.Action, at: str, patterns: str) -> str:
    """What stands there: "" where the option takes no value."""
    if action.nargs == 0:
        return ""
    if action.choices:
        return " ".join(str(choice) for choice in action.choices)
    if action.dest == "template":
        return patterns or TEXT if at == "chain create" else PROMPT
    if action.dest == "name" and at not in _NEW_NAMES:
        if at.startswith("chain"):
            return CHAIN_OR_FILE if at in _PATHS_TOO else CHAIN
        return PROMPT
    return _BY_METAVAR.get(str(action.metavar), TEXT)
