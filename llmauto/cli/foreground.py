"""Plays a chain in this process, from taking its lock to the last line."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmauto import __version__, assembly
from llmauto.authoring.flat import changes, flatten
from llmauto.authoring.load import Loaded
from llmauto.authoring.overrides import with_overrides
from llmauto.cli.context import Context
from llmauto.cli.ending import print_ending
from llmauto.cli.live import LiveView
from llmauto.cli.start import Asked
from llmauto.clock import SystemClock
from llmauto.engine import Engine, Parts
from llmauto.engine.opening import Wish, close_earlier, open_run, unfinished
from llmauto.events import Event, RunEnded, to_json
from llmauto.files import make_private_dir, write_atomic
from llmauto.locks import RunnerLock
from llmauto.logs import LogWriter
from llmauto.model import Chain
from llmauto.notices import notifier_for
from llmauto.ports import Activity, Emit
from llmauto.rules.progress import Progress
from llmauto.signals import SignalInterrupts

LAST_NOTICE_S = 10.0


def play(ctx: Context, loaded: Loaded, asked: Asked) -> int:
    """Play until the run ends; its exit code."""
    home, chain = ctx.home, loaded.chain
    places = assembly.places_for(chain, home)
    assembly.check_backends(chain, places, ctx.settings, ctx.environ)
    for folder in (home.calls, home.state, home.logs):
        make_private_dir(folder)
    pid, host = assembly.this_process()
    clock = SystemClock()
    interrupts = SignalInterrupts(
        clock.wake, ignore_hangup=bool(ctx.args.begun_file), say=lambda text: _say_in_handler(text)
    )
    notifier = notifier_for(ctx.settings, ctx.environ, enabled=chain.telegram_enabled)
    with RunnerLock.acquire(
        home.locks / f"{chain.name}.lock", {"pid": pid, "host": host, "chain": chain.name}
    ) as lock:
        interrupts.install()
        show = _Show(ctx, chain, clock.monotonic)
        logs = LogWriter(home.logs, chain.name, ctx.out.note)
        parts = assembly.assemble(
            chain, home=home, settings=ctx.settings, journal=ctx.journal, places=places,
            agents=assembly.agents_for(home, ctx.settings, clock, ctx.environ), clock=clock,
            interrupts=interrupts, notifier=notifier, emit=_both(show, logs), beat=lock.beat,
        )  # fmt: skip
        before = assembly.watcher_for(home, places).snapshot()
        try:
            ended, progress = _run(ctx, parts, asked, show, (pid, host))
        finally:
            show.close()
            logs.close()
            notifier.close(LAST_NOTICE_S)
    if not ctx.args.json:
        watcher = assembly.watcher_for(home, places)
        print_ending(ctx.out, chain, progress, ended, watcher.changed(before, watcher.snapshot()))
    return ended.exit_code


def _run(
    ctx: Context, parts: Parts, asked: Asked, show: _Show, who: tuple[int, str]
) -> tuple[RunEnded, Progress]:
    earlier = unfinished(parts)
    if earlier is not None and asked.fresh:
        close_earlier(parts, earlier)
    going_on = earlier if not asked.fresh else None
    rounds, budget = asked.rounds, asked.budget
    if going_on is not None:
        rounds = rounds or going_on.max_rounds or None
        budget = budget if budget is not None else going_on.budget_usd
    inputs = dict(asked.inputs)
    if going_on is not None and going_on.started is not None:
        inputs = dict(going_on.started.inputs) | inputs
    chain = with_overrides(parts.chain, max_rounds=rounds, budget_usd=budget, inputs=inputs)
    parts = replace(parts, chain=chain)
    settings = flatten(chain)
    wish = Wish(
        from_link=asked.from_link, task=asked.task, inputs=asked.inputs,
        max_rounds=rounds or 0, budget_usd=budget, settings=settings, program=f"llmauto {__version__}",
        pid=who[0], host=who[1],
    )  # fmt: skip
    differs = changes(going_on.settings, settings) if going_on is not None else ()
    recorder = open_run(parts, wish, differs, going_on)
    _say_begun(ctx, recorder.progress.run)
    show.follow(recorder.progress)
    return Engine(parts, recorder).run(), recorder.progress


def _say_begun(ctx: Context, run: str) -> None:
    """Tell the process that started us in the background that the run has begun."""
    if ctx.args.begun_file:
        write_atomic(Path(ctx.args.begun_file), run)


def _say_in_handler(text: str) -> None:
    """A signal handler may interrupt a print: it writes past Python's buffers."""
    os.write(2, f"\n{text}\n".encode())


def _both(show: Emit, logs: Emit) -> Emit:
    def emit(item: Event | Activity) -> None:
        logs(item)
        show(item)

    return emit


class _Show:
    """What is printed as it happens: the live view, or JSON lines."""

    def __init__(self, ctx: Context, chain: Chain, monotonic: Callable[[], float]) -> None:
        self._json = ctx.args.json
        self._view = LiveView(ctx.out, chain, monotonic, verbose=ctx.args.verbose)

    def follow(self, progress: Progress) -> None:
        if not self._json:
            self._view.follow(progress)

    def close(self) -> None:
        self._view.close()

    def __call__(self, item: Event | Activity) -> None:
        if not self._json:
            self._view(item)
            return
        try:
            print(json.dumps(_as_json(item), ensure_ascii=False), flush=True)
        except BrokenPipeError:
            # Whoever read along has gone; the run goes on without them.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  stays for the process


def _as_json(item: Event | Activity) -> dict[str, Any]:
    if isinstance(item, Activity):
        row = {
            "event": "activity",
            "at": time.time(),
            "kind": item.kind,
            "text": item.text,
            "tool": item.tool,
        }
        return row | {"detail": item.detail}
    return {"event": item.kind, "at": item.at} | to_json(item)
