"""How is a run of one call written down? Into the journal first, then to whoever looks on."""

from __future__ import annotations

import hashlib

from llmauto import events as ev
from llmauto.model import Chain, Link
from llmauto.outcomes import Outcome, exit_code_of
from llmauto.piping.values import LINK, Means
from llmauto.ports import KeptHandoff, Reply
from llmauto.rules.advance import advance
from llmauto.rules.cleaned import cleaned
from llmauto.rules.progress import Progress
from llmauto.rules.single import stop_reason_of
from llmauto.rules.summary import summary
from llmauto.rules.text import one_line

LARGEST_KEPT = 256 * 1024
"""Bytes of an answer that the journal keeps; its call's folder has it whole."""

MESSAGE_LENGTH = 300


class Notebook:
    """The one way by which the run's events come to be."""

    def __init__(self, means: Means, progress: Progress) -> None:
        self._means = means
        self._origin = means.clock.monotonic()
        self._events: list[ev.Event] = []
        self._texts: list[KeptHandoff] = []
        self.progress = progress

    @property
    def at(self) -> float:
        """Now, in UTC epoch seconds."""
        return self._means.clock.now()

    @property
    def up(self) -> float:
        """Monotonic seconds since this process began with the run."""
        return self._means.clock.monotonic() - self._origin

    def note(self, event: ev.Event) -> None:
        """Take the event in, without secrets; it is on disk after the next `flush`.

        The beginning of the prompt is there for people alone: it is cleaned as well.
        """
        event = cleaned(event, self._means.clean, typed_too=True)
        advance(self.progress, event)
        self._events.append(event)

    def ended(self, reply: Reply) -> None:
        """The call that was begun last has ended."""
        number = self.progress.calls
        self.note(
            ev.CallEnded(
                at=self.at, up=self.up, call=number, round=1, link=LINK, attempt=number,
                outcome=reply.outcome.value, seconds=round(reply.seconds, 3),
                message=one_line(reply.message, MESSAGE_LENGTH), session=reply.session, model=reply.model,
                worked=reply.worked, charged=reply.charged, cost_usd=reply.cost_usd,
                input_tokens=reply.input_tokens, output_tokens=reply.output_tokens,
                cache_tokens=reply.cache_tokens, turns=reply.turns, cli_retries=reply.cli_retries,
                exit_code=reply.exit_code, reset_at=reply.reset_at, denials=reply.denials,
            )
        )  # fmt: skip

    def keep(self, text: str) -> None:
        """Keep an answer, where it is not too large for that."""
        text = self._means.clean(text)
        raw = text.encode("utf-8", "replace")
        if not raw.strip() or len(raw) > LARGEST_KEPT:
            return
        sha = hashlib.sha256(raw).hexdigest()
        self._texts.append(KeptHandoff(sha=sha, text=text))
        self.note(
            ev.HandoffKept(
                at=self.at, up=self.up, round=1, link=LINK, sha=sha, size=len(raw), source="output"
            )
        )

    def finish(self, reply: Reply) -> None:
        """The run has ended, with everything on disk when this returns. Raises `JournalError`."""
        reason = stop_reason_of(reply.outcome)
        message = reply.message if reply.outcome is not Outcome.DONE else ""
        self.note(
            ev.RunEnded(
                at=self.at, up=self.up, reason=reason.value, message=one_line(message, MESSAGE_LENGTH),
                exit_code=exit_code_of(reason),
            )
        )  # fmt: skip
        self.flush()

    def flush(self) -> None:
        """Everything noted is on disk when this returns. Raises `JournalError`."""
        chain = Chain(name="", links=(Link(name=LINK),))
        self._means.journal.append(self._events, summary(chain, self.progress), tuple(self._texts))
        events, self._events, self._texts = self._events, [], []
        for event in events:
            self._means.emit(event)
