"""Plays a chain in this process, from taking its lock to the last line."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from llmauto import assembly, running, worktree
from llmauto.authoring.load import Loaded
from llmauto.cli.context import Context
from llmauto.cli.ending import print_ending
from llmauto.cli.live import LiveView
from llmauto.clock import SystemClock
from llmauto.events import Event, to_json
from llmauto.files import write_atomic
from llmauto.keeper.child.prctl import close_to_others
from llmauto.model import Chain
from llmauto.ports import Activity, Clock
from llmauto.rules.progress import Progress
from llmauto.running import Asked, Played, Stage
from llmauto.signals import SignalInterrupts
from llmauto.watcher import Snapshot, TreeWatcher
from llmauto.worktree import Worktree


def play(ctx: Context, loaded: Loaded, asked: Asked) -> int:
    """Play until the run ends; its exit code."""
    chain = loaded.chain
    places = assembly.ready(chain, ctx.home, ctx.settings, ctx.environ)  # before a journal is made
    system = SystemClock()
    clock: Clock = ctx.clock or system
    interrupts = SignalInterrupts(
        system.wake, ignore_hangup=bool(ctx.args.begun_file), say=lambda text: _say_in_handler(text)
    )
    show = _Show(ctx, chain, clock)
    stage = Stage(
        home=ctx.home, places=places, settings=ctx.settings, environ=ctx.environ, journal=ctx.journal,
        clock=clock, interrupts=interrupts, emit=show, begun=show.begun, warn=ctx.out.note,
        over=show.over,
    )  # fmt: skip
    interrupts.install()
    close_to_others()
    for note in ctx.journal.notes:
        ctx.out.note(note)
    try:
        played = running.play(chain, asked, stage)
    finally:
        show.close()
    return played.ended.exit_code


def _say_in_handler(text: str) -> None:
    """A signal handler may interrupt a print: it writes past Python's buffers."""
    with contextlib.suppress(OSError):  # nobody is there to read it
        os.write(2, f"\n{text}\n".encode())


class _Show:
    """What is printed as it happens: the live view, or JSON lines."""

    def __init__(self, ctx: Context, chain: Chain, clock: Clock) -> None:
        self._ctx = ctx
        self._chain = chain
        self._json = ctx.args.json
        self._view = LiveView(ctx.out, chain, clock.monotonic, verbose=ctx.args.verbose)
        self._before: Snapshot | None = None
        self._tree: Worktree | None = None
        self._run = ""

    def begun(self, progress: Progress) -> None:
        """The run is open: tell the process that started us in the background, and show it."""
        if self._ctx.args.begun_file:
            write_atomic(Path(self._ctx.args.begun_file), progress.run)
        if not self._json:
            self._run = progress.run
            self._tree = worktree.of_run(self._ctx.home.path, self._chain.name, progress.run)
            if self._tree is not None:
                self._ctx.out.say(f"works in a worktree of its own, on branch {self._tree.branch}")
            self._before = self._watcher().snapshot()
            self._view.follow(progress)

    def over(self, played: Played) -> None:
        """The run has ended, and the chain is free."""
        self.close()
        if not self._json:
            print_ending(self._ctx.out, played.chain, played.progress, played.ended, self.changed())
            if self._tree is not None:
                name = self._chain.name
                self._ctx.out.line(f"  then: llmauto chain merge {name}    brings it into your branch")

    def changed(self) -> int | None:
        """How many files have changed since the run was opened; None where that cannot be told."""
        if self._before is None:
            return None
        watcher = self._watcher()
        return watcher.changed(self._before, watcher.snapshot())

    def _watcher(self) -> TreeWatcher:
        home = self._ctx.home
        return assembly.watcher_for(home, assembly.places_of_run(self._chain, home, self._run))

    def close(self) -> None:
        self._view.close()

    def __call__(self, item: Event | Activity) -> None:
        if not self._json:
            with contextlib.suppress(OSError):  # a closed terminal: its signal is on the way
                self._view(item)
            return
        try:
            print(json.dumps(_as_json(item), ensure_ascii=False), flush=True)
        except OSError as error:
            # Whoever read along has gone, or their disk is full; the run goes on without them.
            if not isinstance(error, BrokenPipeError):
                reason = (error.strerror or str(error)).lower()
                self._ctx.out.note(f"the events cannot be written: {reason}; the run goes on")
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
