"""`chain start --dry-run`: what would be started, to the letter, and what it would cost at the worst."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from typing import Any

from llmauto import assembly
from llmauto.authoring.load import Loaded
from llmauto.authoring.overrides import with_overrides
from llmauto.cli.context import Context
from llmauto.clock import SystemClock
from llmauto.engine.parts import Places
from llmauto.model import Chain, Link, Mode, Role
from llmauto.ports import CallOrder
from llmauto.rules import prompts
from llmauto.rules.table import ATTEMPTS_AGAIN, Pool
from llmauto.rules.text import dollars
from llmauto.running import Asked


def dry_run(ctx: Context, loaded: Loaded, asked: Asked) -> int:
    """The command's output; nothing is started, nothing is written."""
    chain = with_overrides(
        loaded.chain, max_rounds=asked.rounds, budget_usd=asked.budget, inputs=dict(asked.inputs)
    )
    places = assembly.places_for(chain, ctx.home)
    assembly.check_backends(chain, places, ctx.settings, ctx.environ)
    rows = [_row(ctx, chain, places, link, asked.task or "") for link in chain.links]
    if ctx.args.json:
        ctx.out.json({"chain": chain.name, "workdir": str(places.workdir), "links": rows} | worst_case(chain))
        return 0
    ctx.out.line(ctx.out.style(f"{chain.name}: nothing is started (dry run)", "bold"))
    ctx.out.line(f"workdir: {places.workdir}")
    for row in rows:
        ctx.out.line()
        ctx.out.line(ctx.out.style(f"link {row['link']}", "bold"))
        ctx.out.line(f"$ {shlex.join(row['argv'])}" if row["argv"] else "waits for `llmauto chain approve`")
        ctx.out.agent_text("\n".join(f"  {line}" for line in str(row["prompt"]).splitlines()))
    ctx.out.line()
    for line in worst_case_lines(chain):
        ctx.out.line(line)
    return 0


def _row(ctx: Context, chain: Chain, places: Places, link: Link, task: str) -> dict[str, Any]:
    if link.role is Role.GATE:
        return {"link": link.name, "argv": [], "prompt": ""}
    state = ctx.home.state / chain.name
    workdir = places.link_workdir(link.workdir) if link.workdir else places.workdir
    where = prompts.Setting(
        chain=chain.name, run="RUN", round=1, max_rounds=chain.max_rounds, home=places.user_home,
        bash_home=places.bash_home, workdir=str(workdir), state=str(state), handoff=str(state / "handoff.md"),
        status=str(state / "status.txt"), task=task, inputs=chain.inputs, aliases_state=places.aliases_state,
        assignable=tuple(other.name for other in chain.links if other.skip_unless_assigned),
    )  # fmt: skip
    prompt = prompts.compose(link, where)
    if link.role is Role.CHECK:
        arguments = tuple(prompts.fill(argument, link, where) for argument in link.run[1:])
        link, prompt = replace(link, backend=link.player, run=(link.run[0], *arguments)), ""
    order = CallOrder(
        run="RUN", chain=chain.name, round=1, call=1, link=link, prompt=prompt,
        folder=ctx.home.calls / "RUN" / f"0001-{link.name}", workdir=workdir, state=state,
        handoff=state / "handoff.md", session="SESSION", model=link.model,
        budget_usd=link.max_cost_usd if link.max_cost_usd is not None else chain.budget_usd,
    )  # fmt: skip
    command = assembly.agents_for(ctx.home, ctx.settings, SystemClock(), ctx.environ).command_line(order)
    return {"link": link.name, "argv": list(command.argv), "prompt": order.prompt}


def worst_case(chain: Chain) -> dict[str, int | float | None]:
    """Calls and dollars at the worst: every link played in every round, every attempt used.

    None = not bounded by that.
    """
    rounds = 1 if chain.mode.single_pass else chain.max_rounds or None
    attempts = 1 + ATTEMPTS_AGAIN[Pool.HARD] + ATTEMPTS_AGAIN[Pool.FRESH]
    visits = [_visits(chain, link) for link in chain.links if link.role is not Role.GATE]
    bounded = rounds is not None and all(visits)
    before = sum(link.baseline for link in chain.links) + chain.canary
    calls = rounds * sum(visits) + before if rounds is not None and bounded else None
    usd, by_links = chain.budget_usd, _worst_by_links(chain)
    if rounds is not None and bounded and by_links is not None:
        usd = min(rounds * attempts * by_links, usd if usd is not None else math.inf)
    return {
        "rounds": rounds,
        "calls": calls,
        "calls_with_retries": None if calls is None else calls * attempts,
        "worst_cost_usd": usd,
    }


def _visits(chain: Chain, link: Link) -> int:
    """How often the link can be visited in one round; 0 = not bounded."""
    if chain.mode is not Mode.CONDITIONAL or not any(other.on for other in chain.links):
        return 1
    return chain.max_visits if link.max_visits is None else link.max_visits


def _worst_by_links(chain: Chain) -> float | None:
    """Dollars of one round by the caps of its links; None where an agent has none. Checks cost nothing."""
    total = 0.0
    for link in chain.links:
        if link.player in ("", "check"):
            continue
        if link.max_cost_usd is None:
            return None
        total += link.max_cost_usd * _visits(chain, link)
    return total


def worst_case_lines(chain: Chain) -> list[str]:
    """The same, for people."""
    found = worst_case(chain)
    calls = "not bounded by rounds" if found["calls"] is None else str(found["calls"])
    with_retries = f" ({found['calls_with_retries']} with every retry)" if found["calls"] else ""
    usd = found["worst_cost_usd"]
    money = (
        "not bounded: set `budget_usd`" if usd is None else f"{dollars(usd)}, plus at most one call over it"
    )
    hours = f"{chain.runtime_s / 3600:g} h" if chain.runtime_s else "not bounded"
    return [
        f"at the worst: calls {calls}{with_retries}",
        f"              cost {money}",
        f"              time {hours}",
    ]
