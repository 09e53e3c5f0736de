"""Do the rights of the default settings suffice? One cheap call proves it, by the parts that runs use.

In a folder of its own, and outside of the journal: the agent writes a file, runs a command, and hands over.
"""

from __future__ import annotations

import secrets
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from llmauto import assembly
from llmauto.cli.checkup import Finding, Level
from llmauto.cli.context import Context
from llmauto.clock import SystemClock
from llmauto.files import read_small
from llmauto.model import Link
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder, EndHow, Reply
from llmauto.rules import prompts
from llmauto.rules.text import decode, dollars, human_duration
from llmauto.settings import Settings

WITHIN_S = 300.0
"""Seconds for the call; three small steps take less than one minute."""
AT_MOST_USD = 1.0
_SMALL = 64 * 1024

_PROMPT = """\
This is a check of what you may do on this machine. Do exactly these three steps, in this order, and nothing else. Look at no other file. If a step is refused, go on with the next one.

1. With your tool for writing files, write the one word {word} into the file {{WORKDIR}}/proof.txt.
2. With your tool for commands, run the command: true
3. With your tool for writing files, write two lines into {{HANDOFF}}, where no file is yet: first `Status: DONE`, then the word {word}.

Answer with the one word done.
"""  # noqa: E501 - one line of a prompt is one paragraph


def live_findings(ctx: Context) -> Iterator[Finding]:
    """Make the call, and say what it proved. Raises `BackendError`, `DiskError`."""
    word = f"proof-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="llmauto-doctor-") as folder:
        order = _order(Path(folder).resolve(), ctx.settings, word)
        reply = _call(ctx, order)
        yield _answered(reply, order.link)
        if reply.outcome in (Outcome.DONE, Outcome.DENIED):
            yield from _proved(order, reply, word)


def _order(folder: Path, settings: Settings, word: str) -> CallOrder:
    workdir, state = folder / "project", folder / "state" / "doctor"
    for place in (workdir, state):
        place.mkdir(parents=True)
    handoff = state / "handoff.md"
    link = Link(
        name="doctor",
        prompt=_PROMPT.format(word=word),
        model=settings.default_model,
        permission_mode=settings.default_permission_mode,
        allowed_tools=settings.default_allowed_tools,
        timeout_s=WITHIN_S,
        env=settings.env,
        preamble=False,
    )
    where = prompts.Setting(
        chain="doctor", run="doctor", round=1, workdir=str(workdir), handoff=str(handoff), inputs={}
    )
    return CallOrder(
        run="doctor", chain="doctor", round=1, call=1, link=link, prompt=prompts.compose(link, where),
        folder=folder / "calls" / "0001-doctor", workdir=workdir, state=state, handoff=handoff,
        session=str(uuid.uuid4()), model=link.model, budget_usd=AT_MOST_USD, finish_alone=False,
    )  # fmt: skip


def _call(ctx: Context, order: CallOrder) -> Reply:
    agents = assembly.agents_for(ctx.home, ctx.settings, SystemClock(), ctx.environ)
    ctx.out.say(f"asking {order.model or 'the default model'} for three small steps …")
    call = agents.begin(order)
    try:
        while (reply := call.poll(1.0)) is None:
            call.activities()
    except KeyboardInterrupt:
        call.end(EndHow.KILL)
        call.poll(10.0)
        raise
    return reply


def _answered(reply: Reply, link: Link) -> Finding:
    if reply.outcome in (Outcome.DONE, Outcome.DENIED):
        model = reply.model or link.model or "the agent"
        return Finding(
            name="call",
            message=f"{model} answered in {human_duration(reply.seconds)}, {dollars(reply.cost_usd)}",
        )
    message = f"{reply.outcome.value}: {reply.message or 'no reason was given'}"
    return Finding(name="call", level=Level.FAIL, message=message, hint=reply.hint)


def _proved(order: CallOrder, reply: Reply, word: str) -> Iterator[Finding]:
    denied = ", ".join(reply.denials)
    why = f"it was denied: {denied}" if denied else "the agent did not do it"
    hint = "allow it in `default_allowed_tools`, or change `default_permission_mode`, in config.json"
    if not denied:
        hint = "try again; if it stays so, another model may follow instructions better"
    steps = [
        ("write", "a file in the project", _holds(order.workdir / "proof.txt", word)),
        # A command that does nothing leaves nothing behind: only its denial can be seen.
        ("command", "a command in a shell", "Bash" not in reply.denials),
        ("handoff", "a handoff outside of the project", _holds(order.handoff, word)),
    ]
    for name, what, proved in steps:
        if proved:
            yield Finding(name=name, message=f"{what}: allowed")
        else:
            yield Finding(name=name, level=Level.FAIL, message=f"{what}: {why}", hint=hint)


def _holds(path: Path, word: str) -> bool:
    return word in decode(read_small(path, _SMALL) or b"")
