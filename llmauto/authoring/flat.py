"""Which settings does a chain have, as plain text, and what changed between two of them?

The journal keeps the flat form at each start: it is what a later start is compared with. Prompts and
the values of variables are hashed: a journal is no place for secrets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from llmauto.authoring.by_role import means
from llmauto.authoring.chain_keys import CHAIN
from llmauto.authoring.fields import Field, flat_text
from llmauto.authoring.link_keys import LINK_FIELDS
from llmauto.model import Breakers, Chain, Link, Quota, Role

_NOT_FLAT = ("description", "chain_name", "version", "name")
"""For people, or named by the key itself: no settings."""
_LONGEST = 60


def flatten(chain: Chain) -> dict[str, str]:
    """Every setting by the name that files and `origins` give it: `max_rounds`, `links.worker.model`."""
    flat = {one.key: one.flat(getattr(chain, one.attr)) for one in CHAIN.fields if _is_flat(one)}
    flat["deadline"] = chain.deadline.isoformat() if chain.deadline else ""
    flat["breakers"] = _breakers(chain.breakers)
    flat["quota"] = _quota(chain.quota)
    flat["task_pools"] = _hash(repr(sorted(chain.task_pools.items()))) if chain.task_pools else ""
    flat["links"] = ", ".join(link.name for link in chain.links)
    flat["inputs"] = ", ".join(
        [*chain.inputs, *(f"{name} (must be given)" for name in chain.required_inputs)]
    )
    for link in chain.links:
        flat |= {f"links.{link.name}.{key}": value for key, value in _link(link).items()}
    return flat


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """What is other in `new` than in `old`, one readable line each.

    A setting that only one of the two knows is none: the program itself may have become another.
    """
    before, after = _names(old), _names(new)
    lines = [f"the link `{name}` is gone" for name in before if name not in after]
    lines += [f"the link `{name}` is new" for name in after if name not in before]
    if set(before) == set(after) and before != after:
        lines.append(f"the links are now in the order {new['links']}")
    for key, value in new.items():
        if key in old and old[key] != value and key != "links":
            lines.append(_line(key, old[key], value))
    return tuple(lines)


def _names(flat: Mapping[str, str]) -> list[str]:
    return [name for name in flat.get("links", "").split(", ") if name]


def _line(key: str, old: str, new: str) -> str:
    *_, last = key.split(".")
    if last == "prompt":
        return f"`{key}` has another text"
    if last in ("env", "task_pools"):
        return f"`{key}` has changed"
    return f"`{key}`: {_shown(old)} → {_shown(new)}"


def _shown(value: str) -> str:
    if not value:
        return "nothing"
    return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"


def _is_flat(one: Field) -> bool:
    return bool(one.attr) and one.key not in (*_NOT_FLAT, "breakers", "quota", "task_pools")


def _link(link: Link) -> dict[str, str]:
    flat = {one.key: one.flat(getattr(link, one.attr)) for one in LINK_FIELDS if one.key not in _NOT_FLAT}
    flat["prompt"] = _hash(link.prompt)
    if link.role is Role.GATE:
        flat["timeout_seconds"] = f"{link.gate_timeout_s:.10g}" if link.gate_timeout_s else ""
    flat["env"] = ", ".join(f"{name}={_hash(value)}" for name, value in sorted(link.env.items()))
    flat["fallback"] = flat_text(_fallback(link))
    if link.system_prompt:
        flat["system_prompt"] = _hash(link.system_prompt)
    for key, text in (("settings", link.settings), ("mcp_config", link.mcp_config)):
        # An object given inline may hold a key of some server.
        if text and text.lstrip().startswith("{"):
            flat[key] = _hash(text)
    return {key: value for key, value in flat.items() if means(link.role, key)}


def _fallback(link: Link) -> Any:
    return (link.fallback.backend, link.fallback.model) if link.fallback else None


def _breakers(breakers: Breakers) -> str:
    return (
        f"no_progress={breakers.no_progress}, failures={breakers.failures}, "
        f"same_error={breakers.same_error}, denials={breakers.denials}"
    )


def _quota(quota: Quota | None) -> str:
    if quota is None:
        return ""
    overage = "allow" if quota.overage_allowed else "stop"
    return f"reserve_5h={quota.reserve_5h:g}, reserve_7d={quota.reserve_7d:g}, overage={overage}"


def _hash(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]
