"""`chain start --dry-run`: what would be started, to the letter, and what it would cost at the worst."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

from llmauto import assembly
from llmauto.authoring.load import Loaded
from llmauto.authoring.overrides import with_overrides
from llmauto.backends import load_backend
from llmauto.cli.context import Context
from llmauto.engine.parts import Places
from llmauto.errors import BackendError
from llmauto.model import Chain, Link, Role
from llmauto.ports import CallOrder
from llmauto.rules import bounds, prompts
from llmauto.rules.progress import Progress
from llmauto.rules.text import dollars
from llmauto.rules.worst import Worst, worst
from llmauto.running import Asked


def dry_run(ctx: Context, loaded: Loaded, asked: Asked) -> int:
    """The command's output; nothing is started, nothing is written."""
    chain = with_overrides(
        loaded.chain, max_rounds=asked.rounds, budget_usd=asked.budget, inputs=dict(asked.inputs)
    )
    places = assembly.places_for(chain, ctx.home)
    rows = [_row(ctx, chain, places, link, asked.task or "") for link in chain.links]
    if ctx.args.json:
        ctx.out.json({"chain": chain.name, "workdir": str(places.workdir), "links": rows} | worst_case(chain))
    else:
        _print(ctx, chain, places, rows)
    for problem in dict.fromkeys(row["problem"] for row in rows if row["problem"]):
        ctx.out.note(f"a start would end at once: {problem}")
    return 0


def _print(ctx: Context, chain: Chain, places: Places, rows: list[dict[str, Any]]) -> None:
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


def _row(ctx: Context, chain: Chain, places: Places, link: Link, task: str) -> dict[str, Any]:
    if link.role is Role.GATE:
        return {"link": link.name, "argv": [], "prompt": "", "problem": ""}
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
        budget_usd=bounds.left_usd(chain, Progress(), None, link.max_cost_usd),
    )  # fmt: skip
    argv, problem = _command(ctx, order)
    return {"link": link.name, "argv": list(argv), "prompt": order.prompt, "problem": problem}


def _command(ctx: Context, order: CallOrder) -> tuple[tuple[str, ...], str]:
    """The call's command line, and what keeps it from being started: with that, the program's bare name."""
    backend = load_backend(order.link.backend)
    paths, problem = ctx.settings.backend_paths, ""
    try:
        program = backend.program(order.link, paths=paths, env=ctx.environ, cwd=order.workdir)
    except BackendError as error:
        program = backend.bare(order.link)
        problem = f"{error}; {error.hint}" if error.hint else str(error)
    return backend.launch(order, program).argv, problem


def worst_case(chain: Chain) -> dict[str, int | float | None]:
    """Calls and dollars at the worst, for programs; None = not bounded."""
    found = worst(chain)
    return {
        "rounds": found.rounds,
        "calls": found.calls,
        "calls_with_retries": found.with_retries,
        "calls_at_most": found.at_most,
        "worst_cost_usd": found.usd,
    }


def worst_case_lines(chain: Chain) -> list[str]:
    """The same, for people."""
    found = worst(chain)
    calls = "not bounded by rounds"
    if found.calls is not None:
        calls = f"{found.calls}; {found.with_retries} if each fails as often as it may"
        if found.at_most != found.with_retries:
            calls += f", {found.at_most} if limits and overloads interrupt them too"
    hours = f"{chain.runtime_s / 3600:g} h" if chain.runtime_s else "not bounded"
    return [
        f"at the worst: calls {calls}",
        f"              cost {_money(chain, found)}",
        f"              time {hours}",
    ]


def _money(chain: Chain, found: Worst) -> str:
    if found.usd is None:
        return "not bounded: set `budget_usd`"
    if not found.usd:
        return "nothing"
    by_plan = f"{dollars(found.usd_by_plan)} if no call is repeated; " if found.usd_by_plan else ""
    if chain.budget_usd is not None and found.usd == chain.budget_usd:
        return f"{dollars(found.usd)} by `budget_usd`, plus at most one call over it"
    return f"{by_plan}{dollars(found.usd)} by `max_cost_usd`, plus what a call's last answer goes over it"
