"""Do a chain's routes lead somewhere, reach every link, and end?"""

from __future__ import annotations

from collections.abc import Sequence

from llmauto.authoring.by_role import only_verdicts, verdicts
from llmauto.authoring.document import ValuePath
from llmauto.authoring.draft import Draft
from llmauto.model import Chain, Link, Mode, Role
from llmauto.rules.names import nearest
from llmauto.rules.routes import ANY_OTHER
from llmauto.rules.text import quoted

TARGETS = ("next", "stop", "done")


def check_routes(draft: Draft, chain: Chain) -> None:
    """Note what is wrong with the routes of the chain."""
    links = chain.links
    names = [link.name for link in links]
    for place, link in enumerate(links):
        for verdict, target in link.on.items():
            _check_target(draft, (*_on_path(draft, place), verdict), target, names)
        if "on" in draft.links[place]:
            _check_words(draft, place, link)
    if not any(link.on for link in links):
        return
    if chain.mode is not Mode.CONDITIONAL:
        if "mode" not in draft.broken:
            _refuse_unfollowed(draft, links)
        return
    _check_reached(draft, links)
    if chain.breakers.all_off:
        _check_bounded(draft, links, chain.max_visits)


def _on_path(draft: Draft, place: int) -> ValuePath:
    return ("links", place, "on") if "on" in draft.links[place] else ("defaults", "on")


def _check_target(draft: Draft, path: ValuePath, target: str, names: list[str]) -> None:
    if target in TARGETS and target in names:
        draft.problems.error(path, f"{quoted(target)} is a link and a word for routes: rename the link")
    elif target not in TARGETS and target not in names:
        near = nearest(target, [*names, *TARGETS])
        guess = f'did you mean "{near}"?' if near else "expected a link's name, `next`, `stop` or `done`"
        draft.problems.error(path, f"there is no link {quoted(target)}, {guess}")


def _check_words(draft: Draft, place: int, link: Link) -> None:
    """A route for a word that the link never says would never be taken."""
    known = only_verdicts(link)
    for verdict in link.on:
        if known and verdict != ANY_OTHER and verdict not in known:
            near = nearest(verdict, known)
            guess = f', did you mean "{near}"?' if near else ""
            what = f"a {link.role.value}" if link.role in (Role.CHECK, Role.GATE) else "a structured review"
            said = " or ".join((", ".join(f"`{word}`" for word in known[:-1]), f"`{known[-1]}`"))
            message = f"{what} says {said}, never {quoted(verdict)}{guess}"
            draft.problems.error((*_on_path(draft, place), _written(draft, place, verdict)), message)


def _written(draft: Draft, place: int, verdict: str) -> str:
    """The verdict as it is spelt in the file, where it may stand in small letters."""
    return next((word for word in draft.links[place]["on"] if word.upper() == verdict), verdict)


def _refuse_unfollowed(draft: Draft, links: Sequence[Link]) -> None:
    for place, link in enumerate(links):
        if any(target != "next" for target in link.on.values()):
            message = 'routes are followed with `"mode": "conditional"` only'
            draft.problems.error(_on_path(draft, place), message)


def _targets(links: Sequence[Link], place: int) -> list[int]:
    """The places that the link at `place` can lead to in the same round; past the last one is none."""
    link = links[place]
    names = [other.name for other in links]
    found = [names.index(target) for target in link.on.values() if target in names]
    if _goes_on(link) or "next" in link.on.values():
        found.append(place + 1)
    return [target for target in found if target < len(links)]


def _goes_on(link: Link) -> bool:
    """Whether some verdict, or none, leads just to the next link."""
    if ANY_OTHER in link.on:
        return False
    return not set(link.on) >= verdicts(link)


def _check_reached(draft: Draft, links: Sequence[Link]) -> None:
    reached, todo = {0}, [0]
    while todo:
        new = set(_targets(links, todo.pop())) - reached
        reached |= new
        todo += new
    for place, link in enumerate(links):
        if place not in reached:
            draft.problems.error(("links", place), f"no route leads to the link {quoted(link.name)}")


def _check_bounded(draft: Draft, links: Sequence[Link], max_visits: int) -> None:
    """Every cycle goes back at least once, and the link that it goes back to is where it is bounded."""
    names = [link.name for link in links]
    for place, link in enumerate(links):
        for verdict, target in link.on.items():
            if target not in names or names.index(target) > place:
                continue
            to = links[names.index(target)]
            visits = max_visits if to.max_visits is None else to.max_visits
            if visits == 0:
                why = "`max_visits` is 0, and all breakers are off"
                message = f"this route back to {quoted(target)} has no end: {why}"
                draft.problems.error((*_on_path(draft, place), verdict), message)
