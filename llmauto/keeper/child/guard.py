"""The keeper's own keeper: waits for it, and ends what it held, should it be killed.

On Linux the keeper is forked off a process that does nothing but wait. As a subreaper it inherits all that
the keeper leaves, and so ends it for certain; and it has the pipes of the agent open as well, so that what
the agent said last, and the keeper had not read yet, is not lost with it.
"""

from __future__ import annotations

import os

from . import cgroup, posix, prctl, redact, result
from .folder import NEW, Folder
from .spool import head_size, segment_name, segment_size
from .tree import Tree
from .wire import Order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap

    InHand = bytearray | mmap

_MOST = 1 << 20
"""Bytes that one pipe holds."""


def in_hand(order: Order) -> InHand:
    """For stdout and for stderr, whether the keeper has taken something that it has not put down: seen by
    both processes, so that of a secret of which it has one half in hand the guard lets out no other.
    """
    if not order.secrets:
        return bytearray(2)
    try:
        from mmap import mmap

        return mmap(-1, 2)
    except (ImportError, OSError):  # then the guard cannot tell, and is careful
        return bytearray(b"\1\1")


def stand(
    order: Order, folder: Folder, group: str, pipes: tuple[int, int, int, int], hands: InHand
) -> int | None:
    """None in the process that is to be the keeper; in the guard, once that is gone, the exit code.

    `pipes` are the agent's stdout and stderr: our end and its end of each. `hands` is from `in_hand`.
    """
    if not prctl.become_subreaper():
        return None
    try:
        keeper = os.fork()
    except OSError:  # no room for another process: then without
        return None
    if keeper == 0:
        return None
    prctl.close_to_others()
    out, out_w, err, err_w = pipes
    for fd in (0, out_w, err_w):  # that the runner is gone is for the keeper to see
        os.close(fd)
    posix.pass_on(keeper)
    if _wait_for(keeper) != 0:
        survivors = Tree(0, group=group, mark=b"", inherits=True).sweep()
        if not result.is_there(folder):
            try:  # noqa: SIM105 (contextlib would cost a millisecond of every start)
                _take_in(order, folder, (out, err), hands)
            except (OSError, ImportError):  # it is lost, as it would be without us
                pass
            result.deliver(folder, result.values("lost", error="its keeper was killed", survivors=survivors))
        cgroup.remove(group)
    return 0


def _wait_for(keeper: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == keeper:
            return status


def _take_in(order: Order, folder: Folder, ends: tuple[int, int], hands: InHand) -> None:
    """Keep what is left in the pipes; nobody writes any more."""
    for number, stream in enumerate(("stdout", "stderr")):
        data = _rest(ends[number])
        if not data:
            continue
        later = [name for name in folder.names() if name.startswith(stream + ".")]
        at = max((int(name.rpartition(".")[2]) for name in later), default=0)
        fd = folder.open(segment_name(stream, at) if at else stream, os.O_RDWR | os.O_APPEND)
        size = os.fstat(fd).st_size
        cleaner = redact.streams(order.secrets, 1)[0]
        if cleaner:
            data = _from_next_line(data, order.secrets) if hands[number] else data
            data = cleaner.feed(data) + cleaner.close()
        left = max(0, (segment_size if at else head_size)(order.output_cap) - size)
        _write(fd, data[:left])
        while data := data[left:]:
            at, left = at + 1, segment_size(order.output_cap)
            _write(folder.open(segment_name(stream, at), NEW), data[:left])


def _from_next_line(data: bytes, secrets: list[tuple[bytes, bytes]]) -> bytes:
    """Without what a secret may go on with that had begun before; and never joined to what was before."""
    if any(b"\n" in value for _, value in secrets):
        return b""
    _, newline, rest = data.partition(b"\n")
    return newline + rest


def _rest(fd: int) -> bytes:
    os.set_blocking(fd, False)
    data = b""
    try:
        while len(data) < _MOST and (part := os.read(fd, 1 << 16)):
            data += part
    except BlockingIOError:
        pass
    return data


def _write(fd: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    finally:
        os.close(fd)
