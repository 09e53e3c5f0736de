"""How is what lies between two checkpoints shown? As git shows it: for people, for `git apply`, as JSON."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from llmauto.checkpoints.found import changes
from llmauto.checkpoints.repository import failed
from llmauto.cli.output import Output
from llmauto.rules.text import decode, plain

if TYPE_CHECKING:
    from llmauto.checkpoints import GitCheckpoints
    from llmauto.cli.context import Context
    from llmauto.events import Checkpointed
    from llmauto.rules.spans import Span

DIFF_WITHIN_S = 120.0


def show(ctx: Context, chain: str, run: str, checkpoints: GitCheckpoints, span: Span) -> int:
    """Print it. Raises `CheckpointError`."""
    out = ctx.out
    last = span.last.commit if span.last else _present(checkpoints)
    git = _Diff(checkpoints, span.first.commit, last)
    if ctx.args.json:
        out.json(
            {
                "chain": chain,
                "run": run,
                "from": _json(span.first),
                "to": _json(span.last) if span.last else None,
                "files": git.files(),
            }
        )
        return 0
    if span.last is None:
        out.say(f"since then no later checkpoint was made: this is what has changed up to now (run {run})")
    if ctx.args.stat:
        width = shutil.get_terminal_size().columns if out.stdout.isatty() else 80
        text = git.run(f"--stat={width}")
    else:
        text = git.run()
    if not text:
        out.say("nothing was changed")
    elif out.stdout.isatty():
        _print(out, decode(text))
    else:
        _write(out, text)
    return 0


class _Diff:
    """`git diff` of two trees in the workdir, with no program of anybody's called."""

    def __init__(self, checkpoints: GitCheckpoints, first: str, last: str) -> None:
        self._checkpoints = checkpoints
        self._ends = (first, last)

    def run(self, *options: str) -> bytes:
        """What git prints, without colours."""
        side = self._checkpoints.side
        side.start_clock(DIFF_WITHIN_S)
        said = side.person(
            "-c", "core.quotePath=false", "diff", "--no-color", "--no-ext-diff", "--no-textconv", *options,
            *self._ends, "--", *self._checkpoints.index.pathspec,
        )  # fmt: skip
        if not said.ok:
            raise failed(said)
        return said.out

    def files(self) -> list[dict[str, Any]]:
        """The files with their status and lines; lines of binary files are not counted."""
        counts: dict[str, tuple[int | None, int | None]] = {}
        for entry in self.run("--numstat", "-z", "--no-renames").split(b"\0"):
            if entry:
                added, removed, path = entry.decode("utf-8", "replace").split("\t", 2)
                counts[path] = (None, None) if added == "-" else (int(added), int(removed))
        found = []
        for change in changes(self.run("--raw", "-z", "--no-renames", "--no-abbrev")):
            path = change.path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            added_removed = counts.get(path, (None, None))
            status = {change.old_mode: "A", change.new_mode: "D"}.get("000000", "M")
            found.append(
                {"path": path, "status": status, "added": added_removed[0], "removed": added_removed[1]}
            )
        return found


def _present(checkpoints: GitCheckpoints) -> str:
    """The tree that the workdir is now; no ref holds it."""
    tree = checkpoints.look(within_s=DIFF_WITHIN_S).tree
    checkpoints.forget_look()
    return tree


def _json(mark: Checkpointed) -> dict[str, Any]:
    return {"round": mark.round, "link": mark.link, "when": mark.when, "commit": mark.commit}


def _print(out: Output, text: str) -> None:
    """Coloured by us: in git's colours one could not tell them from what agents wrote."""
    in_head = False
    for line in plain(text).split("\n")[:-1]:
        in_head = line.startswith("diff --git ") or (in_head and not line.startswith("@@"))
        out.line(out.style(line, style) if (style := _style(line, in_head=in_head)) else line)


def _style(line: str, *, in_head: bool) -> str:
    if in_head:
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def _write(out: Output, text: bytes) -> None:
    """Every byte as it is, so that `git apply` can read it."""
    out.stdout.flush()
    buffer = getattr(out.stdout, "buffer", None)
    if buffer is None:
        out.stdout.write(text.decode("utf-8", "replace"))
    else:
        buffer.write(text)
        buffer.flush()
