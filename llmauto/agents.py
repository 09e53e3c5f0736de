"""How does the engine get its calls made? A backend says what to start, the keeper holds it, the backend
judges what came back.

In between the output is followed: people see it as it comes, a call that has used its tokens is ended,
and so is a process that stays although its result is there.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from llmauto.backends import BUILT_IN, load_backend
from llmauto.backends.base import Backend, CommandLine
from llmauto.backends.environment import call_environment
from llmauto.backends.output import Lines, Shown
from llmauto.errors import BackendError
from llmauto.files import make_private_dir, read_small, write_atomic
from llmauto.keeper.values import Ended, Launch
from llmauto.model import NO_ENV
from llmauto.outcomes import Outcome
from llmauto.ports import Activity, CallOrder, Clock, EndHow, OpenCall, Reply
from llmauto.rules.text import decode

PROMPT_FILE = "prompt.md"

_SLICE_S = 0.5
_READ_AT_ONCE = 8 * 1024 * 1024
_STDERR_TAIL = 64 * 1024
BACKEND_FILE = "backend.txt"
"""Names the backend of the call in the folder: after a restart the link may have another one."""


class KeptCall(Protocol):
    """What the keeper gives for a call: see `llmauto.keeper`."""

    @property
    def adopted(self) -> bool:
        """True where another runner began it."""

    def poll(self, timeout_s: float) -> Ended | None:
        """Wait for the end."""

    def end(self, how: str) -> None:
        """Ask for an early end."""

    def read_new(self) -> bytes:
        """What was printed on stdout since the last time, from the beginning on."""

    def stdout_lines(self) -> Iterator[bytes]:
        """All lines that were kept."""

    def stderr_tail(self, limit: int) -> bytes:
        """The end of stderr."""

    def close(self) -> None:
        """Let go of the open files."""


class Keeper(Protocol):
    """Starts and finds processes: the package `llmauto.keeper`."""

    def start(self, folder: Path, launch: Launch) -> KeptCall:
        """Start a call in its folder."""

    def find(self, folder: Path) -> KeptCall | None:
        """The call of that folder, running or ended."""


class KeptAgents:
    """The port `Agents`.

    `environ` is the person's environment; `paths` the config's `backends.<name>.path`; `tokens` names the
    variables in which notifiers' secrets are.
    """

    def __init__(
        self,
        *,
        keeper: Keeper,
        clock: Clock,
        environ: Mapping[str, str],
        paths: Mapping[str, str] = NO_ENV,
        tokens: Collection[str] = (),
        secrets: Collection[str] = (),
    ) -> None:
        self._keeper = keeper
        self._clock = clock
        self._environ = environ
        self._paths = paths
        self._tokens = tuple(tokens)
        self._secrets = tuple(secrets)

    def begin(self, order: CallOrder) -> OpenCall:
        """Start the call. Raises `DiskError` where its folder cannot be written."""
        try:
            backend = load_backend(order.link.backend)
            command = self.command_line(order)
        except BackendError as error:
            return EndedCall(_not_begun(Outcome.MISSING, str(error), error.hint or ""))
        too_large = _too_large(backend, order.prompt)
        if too_large:
            return EndedCall(_not_begun(Outcome.BAD_REQUEST, too_large, "shorten the prompt"))
        make_private_dir(order.folder)
        files = {PROMPT_FILE: order.prompt, BACKEND_FILE: backend.name, **command.files}
        for name, text in files.items():
            write_atomic(order.folder / name, text)
        kept = self._keeper.start(order.folder, self._launch(order, command))
        return FollowedCall(order, backend, kept, self._clock, adopted=False)

    def recover(self, order: CallOrder) -> OpenCall | None:
        """The call of that folder: finished, still running, or None where it is lost."""
        name = decode(read_small(order.folder / BACKEND_FILE, 100) or b"")
        backend = load_backend(name if name in BUILT_IN else order.link.backend)
        kept = self._keeper.find(order.folder)
        if kept is None:
            return _left_behind(order, backend, self._clock)
        return FollowedCall(order, backend, kept, self._clock, adopted=True)

    def command_line(self, order: CallOrder) -> CommandLine:
        """What `begin` would start. Raises `BackendError`."""
        backend = load_backend(order.link.backend)
        program = backend.program(order.link, paths=self._paths, env=self._environ, cwd=order.workdir)
        return backend.launch(order, program)

    def _launch(self, order: CallOrder, command: CommandLine) -> Launch:
        return Launch(
            argv=command.argv,
            cwd=str(order.workdir),
            env=call_environment(order, self._environ, needs=command.env, tokens=self._tokens),
            stdin=str(order.folder / PROMPT_FILE),
            timeout_s=order.link.timeout_s,
            start_silence_s=order.start_silence_s,
            stall_s=order.stall_s,
            grace_s=order.grace_s,
            finish_alone=order.finish_alone,
            secrets=self._secrets,
        )


def _left_behind(order: CallOrder, backend: Backend, clock: Clock) -> OpenCall | None:
    """What is left of a call whose keeper and runner were both killed; None where it had not begun.

    A final result may be there all the same: it was paid for, and is not made again. Else what the agent
    had done by then tells whether its session can go on.
    """
    from llmauto.keeper.following import KeptCall as Left
    from llmauto.keeper.records import NOTES

    if read_small(order.folder / NOTES, 1) is None:
        return None
    gone = Ended(exit_code=None, ended_by="lost", error="its keeper was killed")
    return FollowedCall(order, backend, Left(order.folder, ended=gone), clock, adopted=True)


def _too_large(backend: Backend, prompt: str) -> str:
    limit = backend.max_prompt_bytes
    size = len(prompt.encode("utf-8", errors="replace")) if limit is not None else 0
    if limit is None or size <= limit:
        return ""
    return f"the prompt has {size:,} bytes, `{backend.name}` takes {limit:,}"


def _not_begun(outcome: Outcome, message: str, hint: str) -> Reply:
    return Reply(outcome=outcome, message=message, hint=hint, charged=False, cost_usd=0.0)


class EndedCall:
    """A call that was over before it began."""

    adopted = False

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def poll(self, timeout_s: float) -> Reply | None:
        """The reply, at once."""
        return self._reply

    def activities(self) -> Sequence[Activity]:
        """Nothing was seen."""
        return ()

    def end(self, how: EndHow) -> None:
        """There is nothing to end."""


class FollowedCall:
    """A call whose output is read as it comes."""

    def __init__(
        self, order: CallOrder, backend: Backend, kept: KeptCall, clock: Clock, *, adopted: bool
    ) -> None:
        self.adopted = adopted
        self._order = order
        self._backend = backend
        self._kept = kept
        self._clock = clock
        self._reader = backend.reader(order)
        self._lines = Lines()
        self._shown = Shown()
        self._asked = False
        self._result_at: float | None = None
        self._reply: Reply | None = None

    def poll(self, timeout_s: float) -> Reply | None:
        """Wait up to `timeout_s`; the reply once the agent and all it started are gone."""
        left = timeout_s
        while self._reply is None:
            ended = self._kept.poll(max(0.0, min(left, _SLICE_S)))
            if ended is not None:
                self._reply = self._finish(ended)
                self._kept.close()
                break
            self._follow()
            self._mind_the_caps()
            left -= _SLICE_S
            if left <= 0:
                break
        return self._reply

    def activities(self) -> Sequence[Activity]:
        """What was seen since the last time."""
        if self._reply is None:
            self._follow()
        return self._shown.take()

    def end(self, how: EndHow) -> None:
        """Ask for an early end; the keeper lets a harsher wish replace an earlier one."""
        self._asked = True
        self._kept.end(how.value)

    def _follow(self, limit: int = _READ_AT_ONCE) -> None:
        """Read on, a bounded piece: a stop request must not wait for a flood."""
        taken = 0
        while taken < limit:
            data = self._kept.read_new()
            if not data:
                return
            taken += len(data)
            for line in self._lines.split(data):
                self._shown.add(self._reader.feed(line))

    def _mind_the_caps(self) -> None:
        if self._asked:
            return
        cap, allowed = self._order.max_tokens, self._reader.lingers_s
        if allowed is None and cap is not None and self._reader.tokens >= cap:
            self.end(EndHow.BUDGET)
        elif self._stays_too_long(allowed):
            self.end(EndHow.STOP)

    def _stays_too_long(self, allowed: float | None) -> bool:
        """The result is there, and the process does not go: something it started keeps it."""
        if allowed is None:
            self._result_at = None
            return False
        now = self._clock.monotonic()
        if self._result_at is None:
            self._result_at = now
        return now - self._result_at > allowed

    def _finish(self, ended: Ended) -> Reply:
        if ended.stdout_dropped:
            # What was followed may have a hole somewhere; what was kept is the beginning and the end.
            self._reader = self._backend.reader(self._order)
            for kept in self._kept.stdout_lines():
                self._reader.feed(kept)
        else:
            self._follow(limit=sys.maxsize)  # nobody is left to write more
            for line in self._lines.rest():
                self._shown.add(self._reader.feed(line))
        now = datetime.fromtimestamp(self._clock.now(), timezone.utc).astimezone()
        return self._reader.finish(ended, self._kept.stderr_tail(_STDERR_TAIL), now)
