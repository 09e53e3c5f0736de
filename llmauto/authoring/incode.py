"""Can a chain be played that was made in code, and not read from a file?

What a file's reader would have refused is refused here, all of it at once: names that could lead out of
the home, an empty prompt, a loop that nothing ends, what is not built yet.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmauto.authoring.chain_keys import CHAIN
from llmauto.authoring.fields import Field
from llmauto.authoring.link_keys import LINK_FIELDS
from llmauto.authoring.unbuilt import CHAIN_KEYS, LINK_KEYS, Unbuilt
from llmauto.backends import BUILT_IN, NOT_BUILT_YET
from llmauto.errors import ChainError
from llmauto.model import Chain, Link, Role
from llmauto.rules.names import case_twins, nearest, problem_with
from llmauto.rules.text import quoted

_WITHOUT_PROMPT = (Role.CHECK, Role.GATE)
_ROUTES = ("next", "stop", "done")


def check_chain(chain: Chain) -> None:
    """Raises `ChainError`, whose `problems` are all that is wrong."""
    problems = tuple(_problems(chain))
    if problems:
        lines = (f"chain {quoted(chain.name)}: {problem}" for problem in problems)
        raise ChainError("\n".join(lines), problems=problems)


def _problems(chain: Chain) -> Iterator[str]:
    if problem := problem_with(chain.name):
        yield f"its name {problem}"
    if not chain.links:
        yield "it has no links"
    names = [link.name for link in chain.links]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the link name {quoted(name)} is used again"
    for one, other in case_twins(dict.fromkeys(names)):
        yield f"the link names {quoted(one)} and {quoted(other)} differ by case alone"
    yield from _unbuilt(chain, CHAIN_KEYS, {one.key: one for one in CHAIN.fields})
    for link in chain.links:
        for problem in _of_link(link, names):
            yield f"link {quoted(link.name)}: {problem}"
    if _endless(chain):
        yield "nothing would ever end this loop: give it a bound, or leave a breaker on"


def _of_link(link: Link, names: list[str]) -> Iterator[str]:
    if problem := problem_with(link.name):
        yield f"its name {problem}"
    if link.backend in NOT_BUILT_YET:
        yield f"not built yet: the backend `{link.backend}`"
    elif link.backend not in BUILT_IN:
        near = nearest(link.backend, BUILT_IN)
        yield f"unknown backend {quoted(link.backend)}" + (f', did you mean "{near}"?' if near else "")
    runs = link.backend == "command" or link.role is Role.CHECK
    if runs and not (link.run and link.run[0]):
        yield "it needs `run`, a program and its arguments"
    if not link.prompt.strip() and not runs and link.role not in _WITHOUT_PROMPT:
        yield "it has no prompt"
    if "\0" in link.prompt:
        yield "its prompt holds a NUL byte: it is no text"
    for target in link.on.values():
        if target not in names and target not in _ROUTES:
            yield f"there is no link {quoted(target)} to go to"
    yield from _unbuilt(link, LINK_KEYS, {one.key: one for one in LINK_FIELDS})


def _unbuilt(value: Chain | Link, rows: dict[str, Unbuilt], fields: dict[str, Field]) -> Iterator[str]:
    for key, row in rows.items():
        one = fields.get(key)
        if one is not None and one.attr and row.asks(getattr(value, one.attr)):
            yield f"`{one.attr}` is not built yet: {row.what}"


def _endless(chain: Chain) -> bool:
    bounds = (chain.max_rounds, chain.runtime_s, chain.deadline, chain.budget_tokens)
    bounded = chain.budget_usd is not None or any(bounds)
    return not (chain.mode.single_pass or bounded) and chain.breakers.all_off
