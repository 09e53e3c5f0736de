"""What is kept of a run in one row, for lists and for `status`?

It stands apart from the journal's other values because `chain status` loads nothing else of them. What that
command needs are `NamedTuple`s where other values are dataclasses: loading `dataclasses`, with `inspect` and
all that hangs on it, would take as long as the rest of the command.
"""

from __future__ import annotations

from typing import NamedTuple


class RunSummary(NamedTuple):
    """One row about a run, kept up to date with its events: what lists and `status` read.

    `status` is a `Status`; `stop_reason` a `StopReason` or "". Times are UTC epoch seconds, 0 = not yet.
    `cost_usd` sums what is known; `unknown_costs` counts calls whose cost is unknown. Bounds are 0, the
    budget is None, where there are none.
    """

    run: str
    chain: str
    status: str
    stop_reason: str = ""
    message: str = ""
    finished: bool = False
    exit_code: int | None = None
    started_at: float = 0.0
    updated_at: float = 0.0
    ended_at: float = 0.0
    runtime_s: float = 0.0
    rounds_done: int = 0
    round: int = 0
    link: str = ""
    call: int = 0
    calls: int = 0
    failed_calls: int = 0
    cost_usd: float = 0.0
    unknown_costs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    wait_until: float = 0.0
    wait_why: str = ""
    workdir: str = ""
    task: str = ""
    max_rounds: int = 0
    budget_usd: float | None = None
    runtime_limit_s: float = 0.0
    deadline: float = 0.0
    pid: int = 0
    host: str = ""
