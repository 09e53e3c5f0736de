"""Did the run go as its script expects? Each difference as a sentence."""

from __future__ import annotations

from llmauto.authoring.rehearsal import Expect
from llmauto.rehearsal.stage import Rehearsed
from llmauto.rehearsal.told import path_of


def differences(expect: Expect, played: Rehearsed) -> tuple[str, ...]:
    """What is other than expected; empty where all is as it should be."""
    p, ended = played.progress, played.ended
    pairs = (
        ("stop_reason", expect.stop_reason, ended.reason),
        ("exit_code", expect.exit_code, ended.exit_code),
        ("rounds", expect.rounds, p.rounds_done),
        ("calls", expect.calls, p.calls),
    )
    found = [
        f"`{key}`: expected {want}, found {have}" for key, want, have in pairs if want not in (None, have)
    ]
    if expect.path is not None and (have := path_of(played.events)) != expect.path:
        found.append(_paths(expect.path, have))
    if expect.most_cost_usd is not None and p.cost_usd > expect.most_cost_usd + 1e-9:
        found.append(f"`most_cost_usd`: expected at most ${expect.most_cost_usd:g}, found ${p.cost_usd:g}")
    return tuple(found)


def _paths(want: tuple[str, ...], have: tuple[str, ...]) -> str:
    """Where two paths part."""
    place = next((i for i, pair in enumerate(zip(want, have, strict=False)) if pair[0] != pair[1]), None)
    if place is None:
        place = min(len(want), len(have))
    expected = f"`{want[place]}`" if place < len(want) else "the end"
    found = f"`{have[place]}`" if place < len(have) else "the end"
    return f"`path`: visit {place + 1} is expected to be {expected}, found {found}"
