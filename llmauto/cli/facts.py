"""How are a run and a chain's standing given to people and to programs, the same in every command?

The JSON keys are documented in `docs/reference/json.md`, and stable.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from llmauto.localtime import time_of_day
from llmauto.rules.text import cost_words, dollars, human_duration

if TYPE_CHECKING:
    from llmauto.cli.standing import Standing
    from llmauto.ports import RunSummary


def run_json(run: RunSummary) -> dict[str, Any]:
    """A run as JSON values. Times are UTC epoch seconds; what is not there is null, never 0 or ""."""
    return {
        "run": run.run,
        "chain": run.chain,
        "status": run.status,
        "stop_reason": run.stop_reason or None,
        "message": run.message or None,
        "finished": run.finished,
        "exit_code": run.exit_code,
        "round": run.round or None,
        "rounds_done": run.rounds_done,
        "max_rounds": run.max_rounds or None,
        "link": run.link or None,
        "calls": run.calls,
        "failed_calls": run.failed_calls,
        "runtime_s": round(run.runtime_s, 3),
        "started_at": run.started_at or None,
        "updated_at": run.updated_at or None,
        "ended_at": run.ended_at or None,
        "wait_until": run.wait_until or None,
        "wait_why": run.wait_why or None,
        "cost_usd": known_cost(run),
        "unknown_costs": run.unknown_costs,
        "budget_usd": run.budget_usd,
        "runtime_limit_s": run.runtime_limit_s or None,
        "deadline": run.deadline or None,
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "workdir": run.workdir or None,
        "task": run.task or None,
    }


_NO_RUN: dict[str, Any] = {
    "run": None, "chain": None, "status": "READY", "stop_reason": None, "message": None, "finished": False,
    "exit_code": None, "round": None, "rounds_done": 0, "max_rounds": None, "link": None, "calls": 0,
    "failed_calls": 0, "runtime_s": 0, "started_at": None, "updated_at": None, "ended_at": None,
    "wait_until": None, "wait_why": None, "cost_usd": 0, "unknown_costs": 0, "budget_usd": None,
    "runtime_limit_s": None, "deadline": None,
    "input_tokens": 0, "output_tokens": 0, "workdir": None, "task": None,
}  # fmt: skip


def standing_json(standing: Standing) -> dict[str, Any]:
    """A chain's newest run, and who is at work on it."""
    values = dict(_NO_RUN) if standing.summary is None else run_json(standing.summary)
    runner, call = standing.runner, standing.living_call
    return values | {
        "chain": standing.chain,
        "status": standing.status,
        "stop_reason": standing.stop_reason or None,
        "message": DIED if standing.died else values["message"],
        "runtime_s": round(standing.runtime_s, 3),
        "path": standing.path or None,
        "runner": None
        if runner is None
        else {"pid": runner.pid or None, "host": runner.host or None, "since": runner.since or None},
        "runner_died": standing.died,
        "living_call": None if call is None else str(call),
        "stop_asked": standing.stop_text,
    }


DIED = "the runner has died"


def known_cost(run: RunSummary) -> float | None:
    """Known dollars of the run; None where every cost is unknown, which is not the same as nothing."""
    return None if run.unknown_costs and not run.cost_usd else round(run.cost_usd, 6)


def cost_text(run: RunSummary) -> str:
    """`$1.23`, `$1.23 + 2 calls of unknown cost`, or `unknown`."""
    return cost_words(run.cost_usd, run.unknown_costs)


def rounds_text(run: RunSummary) -> str:
    """`2 of 5`, or `2` where the rounds are not bounded."""
    return f"{run.round} of {run.max_rounds}" if run.max_rounds else str(run.round)


def ends_text(run: RunSummary, runtime_s: float, now: float) -> str:
    """What ends the run, as far as it has bounds: `after 5 rounds, at $20.00, at 07:00 (5h12m)`."""
    left_s = max(0.0, run.runtime_limit_s - runtime_s)
    bounds = (
        f"after {run.max_rounds} rounds" if run.max_rounds > 1 else "after 1 round" * run.max_rounds,
        f"at {dollars(run.budget_usd)}" if run.budget_usd is not None else "",
        f"after {human_duration(run.runtime_limit_s)} of runtime ({human_duration(left_s)} left)"
        if run.runtime_limit_s
        else "",
        f"at {local(run.deadline)} ({human_duration(run.deadline - now)})" if run.deadline else "",
    )
    return ", ".join(bound for bound in bounds if bound)


def local(at: float) -> str:
    """A UTC epoch time as a local one: `14:03`, with the date where it is not today; `-` for none."""
    return time_of_day(at, seen_from=time.time()) if at else "-"


def ago(at: float, now: float) -> str:
    """`4m12s ago`."""
    return f"{human_duration(now - at)} ago"
