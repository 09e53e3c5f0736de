"""How are the checkpoints of runs that are forgotten removed? Their refs go; git then frees the room."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from llmauto.checkpoints.keeping import REFS
from llmauto.checkpoints.repository import CheckpointError, Side, find
from llmauto.git import inside_repository, ref_part
from llmauto.ports import RunSummary


def forget(runs: Iterable[RunSummary]) -> int:
    """Remove the refs of these runs; how many there were. A repository that is gone, or cannot be written, is
    passed over: what is left there harms nobody.
    """
    by_workdir: dict[str, list[str]] = {}
    for run in runs:
        by_workdir.setdefault(run.workdir, []).append(run.run)
    return sum(_forget(Path(workdir), names) for workdir, names in by_workdir.items() if workdir)


def _forget(workdir: Path, runs: list[str]) -> int:
    if not workdir.is_dir() or not inside_repository(workdir):
        return 0
    try:
        side = Side(find(workdir))
    except CheckpointError:
        return 0
    side.start_clock()
    folders = [f"{REFS}/{ref_part(run)}/" for run in runs]
    listed = side.person("for-each-ref", "--format=%(refname)", *folders).out.split()
    if not listed:
        return 0
    stdin = b"".join(b"delete " + ref + b"\n" for ref in listed)
    return len(listed) if side.person("update-ref", "--no-deref", "--stdin", stdin=stdin).ok else 0
