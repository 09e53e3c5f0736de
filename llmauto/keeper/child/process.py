"""One process at one moment, and who descends from whom."""

from __future__ import annotations


class Process:
    """One process as it was seen. Together with the pid, `start` names it for as long as the machine runs.

    `cpu_s` is its own and its reaped children's processor seconds; `session` is 0 where it is unknown.
    """

    __slots__ = ("cpu_s", "group", "is_zombie", "parent", "pid", "session", "start")

    def __init__(self, pid: int, parent: int, group: int, session: int, start: int) -> None:
        self.pid = pid
        self.parent = parent
        self.group = group
        self.session = session
        self.start = start
        self.cpu_s = 0.0
        self.is_zombie = False


Table = dict[int, Process]


def descendants(root: int, table: Table) -> list[Process]:
    """The processes below `root`, parents before children; zombies too."""
    below: dict[int, list[Process]] = {}
    for one in table.values():
        below.setdefault(one.parent, []).append(one)
    found: list[Process] = []
    todo = [root]
    while todo:
        for one in below.pop(todo.pop(), ()):
            found.append(one)
            todo.append(one.pid)
    return found


def belonging(agent: int, agent_start: int, known: dict[int, int], table: Table) -> list[Process]:
    """Who belongs to an agent without a parent to prove it: by session, group, or having been seen before.

    `known` maps pids to their starts. A pid that begins a session or a group is not given to another
    process while that lives on, so those are certain as long as nobody else has become their leader.
    """
    leader = table.get(agent)
    is_ours = leader is None or leader.start == agent_start
    roots = [
        one
        for one in table.values()
        if known.get(one.pid, -1) == one.start
        or (is_ours and agent in (one.pid, one.session, one.group) and one.start >= agent_start)
    ]
    found = {one.pid: one for one in roots}
    for root in roots:
        found.update((one.pid, one) for one in descendants(root.pid, table))
    return [one for one in found.values() if not one.is_zombie]
