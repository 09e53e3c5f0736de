"""From a chain file to a `Chain`: everything is judged before anything is started.

All mistakes are told at once. Nothing is written, and no agent is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from llmauto.authoring.bounds import check_bounded, read_deadline
from llmauto.authoring.chain_keys import CHAIN, PROMPT_NEEDS, SHUTDOWN, TELEGRAM
from llmauto.authoring.draft import Draft, draft
from llmauto.authoring.fields import Table, flat_text
from llmauto.authoring.links import check_folder, read_links
from llmauto.authoring.paths import Paths
from llmauto.authoring.reader import read_file
from llmauto.authoring.routes import check_routes
from llmauto.authoring.unbuilt import check_unbuilt
from llmauto.home import Home, name_of, shown
from llmauto.model import Chain, Link, OnFailure
from llmauto.rules.names import case_twins, nearest, problem_with
from llmauto.rules.text import quoted
from llmauto.settings import Settings

_PARTS: tuple[tuple[str, Table], ...] = (("telegram", TELEGRAM), ("shutdown", SHUTDOWN))
_ELSEWHERE = ("deadline", "workdir", "inputs", "env", "defaults", "prompts", "links", "telegram", "shutdown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A chain that can be started.

    `warnings` are lines for people, `file:line:col: warning: …`. `origins` says for each value where
    it came from, by the names that `flatten` gives them.
    """

    chain: Chain
    warnings: tuple[str, ...]
    origins: Mapping[str, str]


def load(
    path: Path,
    *,
    home: Home,
    settings: Settings,
    now: datetime | None = None,
    user_home: str | None = None,
) -> Loaded:
    """Read, check and resolve a chain file.

    `now` is aware, `user_home` this user's home folder; both are looked up where they are not given.

    Raises:
        ChainError: the file cannot be read, or holds mistakes; `problems` has every one of them as
            `file:line:col: error: what is wrong [links[1].model]`.
    """
    document = read_file(path, name=shown(path))
    paths = Paths(user_home or str(Path.home()), settings.known_user_homes)
    now = now or datetime.now(timezone.utc)
    work = draft(document, home, settings, paths, now)
    name = name_of(path)
    problem = problem_with(name)
    if problem:
        work.problems.error((), f"the chain is called after its file, and {quoted(name)} {problem}")
    _warn_of_dead_keys(work)
    _check_prompts(work)
    _check_pools(work)
    check_unbuilt(work)
    chain = _chain(work, name, path, read_links(work, path.parent))
    check_bounded(work, chain)
    check_routes(work, chain)
    work.problems.raise_any()
    return Loaded(chain=chain, warnings=work.problems.warnings(), origins=dict(work.origins))


def _chain(work: Draft, name: str, path: Path, links: tuple[Link, ...]) -> Chain:
    values: dict[str, Any] = {}
    for one in CHAIN.fields:
        if one.dead or one.key in _ELSEWHERE:
            continue
        given = work.values.get(one.key)
        work.origin(one.key, (one.key,) if given is not None else None)
        if given is not None and one.attr:
            values[one.attr] = one.model_value(given)
    inputs = work.part("inputs")
    values |= {
        "deadline": read_deadline(work),
        "workdir": _workdir(work),
        "inputs": {key: flat_text(value) for key, value in inputs.items() if value is not None},
        "required_inputs": tuple(key for key, value in inputs.items() if value is None),
        "telegram_enabled": work.part("telegram").get("enabled", True),
        "telegram_every_n_links": int(work.part("telegram").get("update_every_n_links", 0)),
    }
    for key in ("deadline", "workdir", "inputs"):
        work.origin(key, (key,) if work.values.get(key) else None)
    chain = Chain(name=name, path=str(path), links=links, **values)
    return _with_blocks(work, _with_failure(work, chain))


def _with_failure(work: Draft, chain: Chain) -> Chain:
    """A loop goes on after a failed link, a single pass stops, where the chain does not say."""
    if work.values.get("on_link_failure") is not None:
        return chain
    return replace(chain, on_link_failure=OnFailure.STOP if chain.mode.single_pass else OnFailure.CONTINUE)


def _with_blocks(work: Draft, chain: Chain) -> Chain:
    older = work.part("shutdown").get("max_consecutive_blocks")
    if older is None:
        return chain
    path = ("shutdown", "max_consecutive_blocks")
    if "max_consecutive_blocks" in work.values:
        if older != chain.max_consecutive_blocks:
            work.problems.warn(path, "the chain's own `max_consecutive_blocks` counts, not this one")
        return chain
    work.origin("max_consecutive_blocks", path)
    return replace(chain, max_consecutive_blocks=int(older))


def _workdir(work: Draft) -> str | None:
    given = work.values.get("workdir")
    folder = work.paths.absolute(given, work.home.workdir_base) if given else work.home.workdir_base
    check_folder(work, folder, ("workdir",) if given else None, "workdir")
    return str(folder) if given else None


def _warn_of_dead_keys(work: Draft) -> None:
    tables: list[tuple[tuple[str, ...], Table, Mapping[str, Any]]] = [((), CHAIN, work.values)]
    tables += [((key,), table, work.part(key)) for key, table in _PARTS]
    for path, table, values in tables:
        for one in table.fields:
            if one.dead and one.key in values:
                work.problems.warn((*path, one.key), f"`{one.key}` {one.dead}", of_key=True)


def _check_prompts(work: Draft) -> None:
    prompts = work.part("prompts")
    for one, other in case_twins(prompts):
        message = f"the prompts {quoted(one)} and {quoted(other)} differ by case alone"
        work.problems.error(("prompts", other), message, of_key=True)
    for name, entry in prompts.items():
        problem = problem_with(name)
        if problem:
            work.problems.error(("prompts", name), f"the prompt name {quoted(name)} {problem}", of_key=True)
        if isinstance(entry, Mapping) and PROMPT_NEEDS[entry["type"]] not in entry:
            message = f"a prompt of type `{entry['type']}` needs `{PROMPT_NEEDS[entry['type']]}`"
            work.problems.error(("prompts", name), message)


def _check_pools(work: Draft) -> None:
    pools = work.part("task_pools")
    for path, values in ((("defaults",), work.part("defaults")), *_link_places(work)):
        pool = values.get("task_pool")
        if pool and pool not in pools:
            near = nearest(pool, pools)
            guess = f', did you mean "{near}"?' if near else ""
            work.problems.warn((*path, "task_pool"), f"`task_pools` has no {quoted(pool)}{guess}")


def _link_places(work: Draft) -> list[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    return [(("links", place), link) for place, link in enumerate(work.links)]
