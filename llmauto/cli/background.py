"""Starts a chain in a process of its own, detached, and says when its run has begun."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from llmauto.cli.context import Context
from llmauto.clock import SystemClock
from llmauto.errors import LlmautoError
from llmauto.files import disk_errors, make_private_dir, open_private_append, open_to_read
from llmauto.model import Chain
from llmauto.rules.text import decode

BEGIN_WITHIN_S = 60.0
POLL_S = 0.05


def launch(ctx: Context, chain: Chain, *, window: bool) -> int:
    """Start the runner, wait until its run is known to have begun, and leave it alone.

    Raises `LlmautoError` with what the runner said where it ends before that; its exit code is ours.
    """
    make_private_dir(ctx.home.logs)
    output = ctx.home.logs / f"{chain.name}.out"
    with tempfile.TemporaryDirectory(prefix="llmauto-") as folder, contextlib.ExitStack() as files:
        begun = Path(folder) / "begun"
        with open_private_append(output) as log:
            with disk_errors(output, "read"):  # now: the chain may be deleted, with its logs, meanwhile
                said = files.enter_context(open_to_read(output))
            said.seek(log.tell())
            argv = child_argv(ctx, begun)
            if window:
                from llmauto.cli.window import in_window

                argv = in_window(argv, chain.name, ctx.environ)
            child = _detached(argv, log.fileno())
        code = _wait(child, begun, detaches=window)
        if code is None:
            run = begun.read_text(encoding="utf-8")
            child.returncode = 0  # it outlives us on purpose: `Popen` would warn of a process left behind
            _told(ctx, chain.name, run, child.pid)
            return 0
        if words := decode(said.read(64 * 1024)).strip():
            ctx.out.say_styled(words)
            return code
    raise LlmautoError(f"the runner ended before its run began (exit code {code})", hint=f"see {output}")


def _told(ctx: Context, chain: str, run: str, pid: int) -> None:
    if ctx.args.json:
        ctx.out.json({"chain": chain, "run": run, "pid": pid})
        return
    ctx.out.line(f"{chain}: run {run} has begun in the background (pid {pid})")
    ctx.out.line(f"  next: llmauto chain log {chain} -f    llmauto chain stop {chain}")


def child_argv(ctx: Context, begun: Path) -> list[str]:
    """The same command without `--bg`, told where to say that it has begun."""
    args = ctx.args
    argv = [sys.executable, "-m", "llmauto", "--home", str(ctx.home.path), "chain", "start", args.name]
    for option, value in (
        ("--from", args.from_link), ("--task", args.task), ("--task-file", args.task_file),
        ("--rounds", args.rounds), ("--budget", args.budget),
    ):  # fmt: skip
        if value not in (None, ""):
            argv.append(f"{option}={value}")
    argv += [f"--set={pair}" for pair in args.inputs]
    argv += [flag for flag, on in (("--fresh", args.fresh), ("--verbose", args.verbose)) if on]
    return [*argv, f"--begun-file={begun}"]


def _detached(argv: list[str], log: int) -> subprocess.Popen[bytes]:
    """A process in a session of its own: a closed terminal does not reach it."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=sys.platform != "win32",
        creationflags=flags,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
    )


def _wait(child: subprocess.Popen[bytes], begun: Path, *, detaches: bool) -> int | None:
    """None once the run has begun; the exit code of a runner that ended before."""
    clock = SystemClock()
    end = clock.monotonic() + BEGIN_WITHIN_S
    while clock.monotonic() < end:
        if begun.exists():
            return None
        code = child.poll()
        if code is not None and not (detaches and code == 0):
            return None if begun.exists() else code
        clock.pause(POLL_S)
    raise LlmautoError(
        f"the run had not begun after {BEGIN_WITHIN_S:.0f} s (pid {child.pid})",
        hint="`llmauto chain status` shows whether it still does",
    )
