"""What is the prompt of a `pipe`? A prompt of the home, typed words, a file, stdin, one under the other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto.cli import stdin
from llmauto.cli.given import read_given
from llmauto.errors import UsageError
from llmauto.model import Link
from llmauto.piping.values import LINK
from llmauto.rules.text import decode, is_text, quoted

if TYPE_CHECKING:
    from llmauto.cli.context import Context

WAYS = 'say it, as `llmauto pipe "…"`, name a file with `-f FILE`, or send text by a pipe'
PATIENCE = "`-f -` waits for stdin as long as it takes"
_STDIN = 0


def gather(ctx: Context, clock: stdin.Waits, workdir: Path) -> str:
    """The whole prompt; what a person should know of it is said. Raises `UsageError` where there is none."""
    args = ctx.args
    typed = " ".join(_printable(word) for word in args.prompt)
    parts = []
    if args.template is not None:
        text, typed = _template(ctx, args.template, typed, workdir)
        parts.append(text)
    parts.append(typed)
    silent = False
    if args.file == "-":
        data = stdin.read_all(_STDIN, clock, patient=True)
        parts.append(_text(ctx, data or b"", "stdin"))
    else:
        if args.file is not None:
            parts.append(_file(ctx, args.file))
        if not stdin.is_terminal(_STDIN):
            data = stdin.read_all(_STDIN, clock)
            silent = data is None
            parts.append(_text(ctx, data or b"", "stdin"))
    parts = [part for part in parts if part.strip()]
    if not parts:
        raise _none(silent)
    if silent and not args.quiet:
        ctx.out.note(f"{_nothing_came()}: it is left aside ({PATIENCE})")
    return joined(parts)


def joined(parts: list[str]) -> str:
    """One under the other with a blank line between; one alone stays as it is."""
    *firsts, last = parts
    return "".join(part.rstrip("\r\n") + "\n\n" for part in firsts) + last


def _none(silent: bool) -> UsageError:
    if silent:
        return UsageError(f"{_nothing_came()}, and there is no other prompt", hint=PATIENCE)
    if stdin.is_terminal(_STDIN):
        return UsageError("there is no prompt", hint=WAYS)
    return UsageError("the prompt is empty", hint=WAYS)


def _nothing_came() -> str:
    return f"stdin is open, but nothing came on it within {stdin.SILENCE_S:.0f} s"


def _printable(word: str) -> str:
    """A word of the command line, with bytes in it that are no UTF-8 made visible."""
    has_bytes = any("\udc80" <= char <= "\udcff" for char in word)
    return decode(os.fsencode(word)) if has_bytes else word


def _file(ctx: Context, name: str) -> str:
    return _text(ctx, read_given("--file", name, stdin.LARGEST), quoted(name, 200))


def _text(ctx: Context, data: bytes, what: str) -> str:
    text = decode(data)
    if "\0" in text or ("\ufffd" in text and not is_text(data)):
        if not ctx.args.quiet:
            ctx.out.note(f"{what} is not UTF-8 throughout; what is no text was replaced by `\ufffd`")
        text = text.replace("\0", "\ufffd")
    return text


def _template(ctx: Context, name: str, typed: str, workdir: Path) -> tuple[str, str]:
    """A prompt of the home, filled in, and what of the typed words does not stand in it yet."""
    from llmauto import assembly
    from llmauto.authoring.paths import Paths
    from llmauto.authoring.prompts import Prompts, UnusableError
    from llmauto.rules import prompts

    if any(char.isspace() for char in name):
        raise UsageError(f"--template {quoted(name)} is no name of a prompt", hint=f"a prompt itself: {WAYS}")
    user_home = str(Path.home())
    paths = Paths(user_home, ctx.settings.known_user_homes)
    known = Prompts(home=ctx.home, paths=paths, chain_folder=ctx.home.chains, named={})
    try:
        found = known.find(name)
    except UnusableError as error:
        raise UsageError(f"--template: {error}", hint="`llmauto prompt list` shows all") from None
    of_chains = {key: f"{{{key}}}" for key in ("CHAIN", "RUN", "STATE", "HANDOFF", "STATUS")}
    if not ctx.args.quiet and (used := [place for place in of_chains.values() if place in found.text]):
        ctx.out.note(f"the prompt {quoted(name)} is made for chains: `{used[0]}` means nothing in a pipe")
    setting = prompts.Setting(
        chain=of_chains["CHAIN"], run=of_chains["RUN"], round=1, home=user_home,
        bash_home=assembly.bash_path(user_home), workdir=str(workdir), state=of_chains["STATE"],
        handoff=of_chains["HANDOFF"], status=of_chains["STATUS"], task=typed, inputs={},
    )  # fmt: skip
    text = prompts.fill(found.text, Link(name=LINK), setting)
    return text, "" if "{TASK}" in found.text else typed
