"""What does a person see while a chain runs in the foreground?

Lines that stay, one for each thing that happened, and on a terminal one line below them that is
drawn anew: where the run is, what the agent does, tokens, cost, time. Not on a terminal: the lines alone.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from typing import IO

from llmauto import events as ev
from llmauto.cli.called import line_as_called
from llmauto.cli.output import Output
from llmauto.model import Chain
from llmauto.ports import Activity
from llmauto.rules.progress import Progress
from llmauto.rules.text import dollars, human_duration, one_line, plain
from llmauto.sayings import sentence

REDRAW_S = 0.5
_QUIET = (ev.HandoffKept, ev.BaselineTaken, ev.WindowSeen, ev.Checkpointed)


class LiveView:
    """Takes events and activities as they come; safe to call from the engine only.

    `monotonic` gives seconds. With `verbose` the agents' text is shown whole.
    """

    def __init__(
        self, out: Output, chain: Chain, monotonic: Callable[[], float], *, verbose: bool = False
    ) -> None:
        self._out = out
        self._stream: IO[str] = out.stderr
        self._chain = chain
        self._monotonic = monotonic
        self._verbose = verbose
        self._lock = threading.Lock()
        self._tty = out.colours(self._stream)
        self._drawn = False
        self._progress: Progress | None = None
        self._call_at = self._began_at = monotonic()
        self._doing = ""
        self._tokens = 0
        self._ticker: threading.Thread | None = None
        self._over = threading.Event()

    def follow(self, progress: Progress) -> None:
        """Show this run's figures in the line below, from now on."""
        self._progress = progress
        if self._tty:
            self._ticker = threading.Thread(target=self._tick, name="live-view", daemon=True)
            self._ticker.start()

    def close(self) -> None:
        """Take the line below away; nothing is drawn afterwards."""
        self._over.set()
        if self._ticker is not None:
            self._ticker.join(timeout=1)
        with self._lock:
            self._erase()

    def __call__(self, item: ev.Event | Activity) -> None:
        """Show what happened."""
        with self._lock:
            if isinstance(item, Activity):
                self._see(item)
            else:
                self._tell(item)

    # --- lines that stay --------------------------------------------------------------------------

    def _tell(self, event: ev.Event) -> None:
        if isinstance(event, ev.CallStarted):
            self._call_at, self._doing, self._tokens = self._monotonic(), "starting", 0
        elif isinstance(event, ev.CallEnded):
            self._doing = ""
        elif isinstance(event, _QUIET):
            return
        text = sentence(event)
        if text:
            self._print(self._coloured(event, plain(text)))
        if isinstance(event, ev.GateOpened):
            self._ask(event.link)

    def _ask(self, gate: str) -> None:
        """What the person at the gate is asked, and what they type in another terminal."""
        link, name = self._chain.link(gate), self._chain.name
        if link is not None and link.description:
            self._print(f"    ? {one_line(link.description, 300)}")
        self._print(f"    ? llmauto chain approve {name}    or: llmauto chain deny {name} REASON")

    def _coloured(self, event: ev.Event, text: str) -> str:
        style = self._out.style
        if isinstance(event, ev.LinkEnded):
            return style(text, "red" if event.failed else "green", stream=self._stream)
        if isinstance(event, ev.Noted):
            return style(text, "yellow", stream=self._stream)
        if isinstance(event, (ev.CallStarted, ev.RoundEnded)):
            return style(text, "bold", stream=self._stream)
        return text

    def _see(self, activity: Activity) -> None:
        if activity.input_tokens or activity.output_tokens:
            self._tokens = activity.input_tokens + activity.output_tokens
        if activity.kind == "tool":
            self._doing = one_line(f"{activity.tool} {activity.detail}", 60)
            self._print(self._out.style(f"    > {one_line(self._doing, 100)}", "dim", stream=self._stream))
        elif activity.kind == "text" and activity.text.strip():
            self._doing = one_line(activity.text, 60)
            text = plain(activity.text) if self._verbose else one_line(activity.text, 100)
            self._print("\n".join(f"    | {line}" for line in text.splitlines()))
        elif activity.kind in ("retry", "limit"):
            self._print(
                self._out.style(f"    ! {one_line(activity.text, 100)}", "yellow", stream=self._stream)
            )

    def _print(self, text: str) -> None:
        self._erase()
        print(line_as_called(text, self._out.called), file=self._stream, flush=True)
        self._draw()

    # --- the line below ---------------------------------------------------------------------------

    def _tick(self) -> None:
        while not self._over.wait(REDRAW_S):
            with self._lock:
                self._erase()
                self._draw()

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
            self._drawn = False

    def _draw(self) -> None:
        if not self._tty or self._progress is None or self._over.is_set():
            return
        width = shutil.get_terminal_size().columns
        line = one_line(
            status_line(self._chain, self._progress, self._doing, self._tokens, self._times()), width - 1
        )
        self._stream.write(self._out.style(line, "cyan", stream=self._stream))
        self._stream.flush()
        self._drawn = True

    def _times(self) -> tuple[float, float]:
        now = self._monotonic()
        return now - self._call_at, now - self._began_at


def status_line(chain: Chain, p: Progress, doing: str, tokens: int, times: tuple[float, float]) -> str:
    """Where the run is, in one line. `times`: seconds of this call, and of this start of the run."""
    # Between two rounds, and at the end, it is the one that was played.
    number = p.round if p.round_open or not p.rounds_done else p.rounds_done
    rounds = f"{number}/{chain.max_rounds}" if chain.max_rounds else str(number)
    parts = [f"{chain.name}  round {rounds}"]
    if p.wait is not None:
        parts.append(f"waiting: {p.wait.why}")
    elif p.idle_from is not None:
        at_gate = f"waiting for a person at gate `{p.gate.link}`" if p.gate is not None else "waiting"
        parts.append("paused" if p.paused else at_gate)
    elif p.visit is not None and p.visit.open is not None:
        parts.append(f"{p.visit.link} {human_duration(times[0])}")
    if doing and p.wait is None:
        parts.append(doing)
    if tokens:
        parts.append(f"{_thousands(tokens)} tok")
    of_budget = f" of ${chain.budget_usd:g}" if chain.budget_usd is not None else ""
    unknown = f" + {p.unknown_costs} unknown" if p.unknown_costs else ""
    parts.append(f"≈{dollars(p.cost_usd)}{unknown}{of_budget}")
    of_time = f" of {human_duration(chain.runtime_s)}" if chain.runtime_s else ""
    parts.append(f"{human_duration(p.earlier_s + times[1])}{of_time}")
    return " │ ".join(parts)


def _thousands(count: int) -> str:
    return f"{count / 1000:.1f}k" if count >= 1000 else str(count)
